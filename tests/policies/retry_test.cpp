#include "issues_of.hpp"

#include <troupe/policies/breaker.hpp>
#include <troupe/policies/random.hpp>
#include <troupe/policies/retry.hpp>

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double any_random = 0.5; // unused: jitter is off by default

failure lost() {
  return {.kind = failure_kind::transient, .message = "connection lost"};
}

failure of_kind(failure_kind kind) {
  return {.kind = kind, .message = "no"};
}

TEST(Retry, HasTheDocumentedDefaults) {
  const retry options;

  EXPECT_EQ(options.max_retries, 3);
  EXPECT_EQ(options.initial_delay, 1s);
  EXPECT_EQ(options.multiplier, 2.0);
  EXPECT_EQ(options.max_delay, 10s);
  EXPECT_EQ(options.backoff, backoff_strategy::exponential);
  EXPECT_EQ(options.jitter, jitter_mode::none);
  EXPECT_THAT(issues_of(options), IsEmpty());
}

TEST(Retry, RefusesNumbersOutOfBounds) {
  EXPECT_THAT(issues_of(retry{.max_retries = -1}), ElementsAre(HasSubstr("max_retries")));
  EXPECT_THAT(issues_of(retry{.max_retries = 1'000'001}), ElementsAre(HasSubstr("max_retries")));
  EXPECT_THAT(issues_of(retry{.multiplier = 0.5}), ElementsAre(HasSubstr("multiplier is 0.5")));
  EXPECT_THAT(issues_of(retry{.multiplier = std::nan("")}), ElementsAre(HasSubstr("multiplier")));
  EXPECT_THAT(issues_of(retry{.budget = 1.5}), ElementsAre(HasSubstr("budget")));
  EXPECT_THAT(issues_of(retry{.budget = std::nan("")}), ElementsAre(HasSubstr("budget")));
}

TEST(Retry, RefusesDelaysOutOfBounds) {
  EXPECT_THAT(issues_of(retry{.initial_delay = -1ms}), ElementsAre(HasSubstr("initial_delay")));
  EXPECT_THAT(issues_of(retry{.initial_delay = 2s, .max_delay = 1s}),
              ElementsAre(HasSubstr("max_delay is 1s; it must be at least initial_delay, 2s")));
  EXPECT_THAT(issues_of(retry{.max_elapsed = -1ns}), ElementsAre(HasSubstr("max_elapsed")));
}

TEST(Retry, RefusesUnknownStrategies) {
  EXPECT_THAT(issues_of(retry{.backoff = static_cast<backoff_strategy>(9)}),
              ElementsAre(HasSubstr("backoff is 9, an unknown strategy")));
  EXPECT_THAT(issues_of(retry{.jitter = static_cast<jitter_mode>(9)}),
              ElementsAre(HasSubstr("jitter is 9, an unknown strategy")));
}

TEST(Retry, DescribesWhatDecidesAndLeavesOutWhatIsNotSet) {
  const auto plain = troupe_describe(retry{});
  const auto picky = troupe_describe(
      retry{.max_elapsed = 5s,
            .retry_if = {[](const failure&, std::uint32_t) { return true; }, "always"}});

  EXPECT_EQ(plain.at("initial_delay"), value("1s"));
  EXPECT_EQ(plain.at("backoff"), value("exponential"));
  EXPECT_FALSE(plain.contains("max_elapsed"));
  EXPECT_FALSE(plain.contains("retry_if"));
  EXPECT_EQ(picky.at("max_elapsed"), value("5s"));
  EXPECT_EQ(picky.at("retry_if"), value("always"));
}

TEST(Backoff, DoublesUpToTheLongestDelay) {
  const retry options{.initial_delay = 1s, .max_delay = 10s};
  std::vector<duration> delays;
  for (std::uint64_t i = 1; i <= 6; ++i) delays.push_back(backoff_delay(options, i, any_random));

  EXPECT_THAT(delays, ElementsAre(1s, 2s, 4s, 8s, 10s, 10s));
}

TEST(Backoff, StaysTheSameWhenConstant) {
  const retry options{.backoff = backoff_strategy::constant};

  EXPECT_EQ(backoff_delay(options, 1, any_random), 1s);
  EXPECT_EQ(backoff_delay(options, 1'000, any_random), 1s);
}

TEST(Backoff, GrowsByTheFirstDelayWhenLinear) {
  const retry options{.backoff = backoff_strategy::linear};

  EXPECT_EQ(backoff_delay(options, 1, any_random), 1s);
  EXPECT_EQ(backoff_delay(options, 3, any_random), 3s);
  EXPECT_EQ(backoff_delay(options, 11, any_random), 10s);
}

TEST(Backoff, NeverOverflows) {
  EXPECT_EQ(backoff_delay(retry{}, 5'000, any_random), 10s);
  const retry endless{.multiplier = 1e308, .max_delay = duration::max()};
  EXPECT_EQ(backoff_delay(endless, 5'000, any_random), duration::max());
  const retry linear{.max_delay = duration::max(), .backoff = backoff_strategy::linear};
  EXPECT_EQ(backoff_delay(linear, std::numeric_limits<std::uint64_t>::max(), any_random),
            duration::max());
  const retry instantly{.initial_delay = 0s, .multiplier = 1e308};
  EXPECT_EQ(backoff_delay(instantly, 5'000, any_random), 0s);
}

TEST(Backoff, RoundsToTheNearestNanosecond) {
  EXPECT_EQ(backoff_delay(retry{.multiplier = 1.7}, 2, any_random), 1'700ms);
}

TEST(Backoff, LeavesTheDocumentedShareToChance) {
  const retry full{.jitter = jitter_mode::full};
  const retry equal{.jitter = jitter_mode::equal};

  EXPECT_EQ(backoff_delay(full, 1, 0.0), 0s);
  EXPECT_EQ(backoff_delay(full, 1, 0.25), 250ms);
  EXPECT_EQ(backoff_delay(equal, 1, 0.0), 500ms);
  EXPECT_EQ(backoff_delay(equal, 1, 0.5), 750ms);
}

retry any_options() {
  retry options;
  options.initial_delay = duration(*rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000));
  options.max_delay =
      options.initial_delay + duration(*rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000'000));
  options.multiplier = 1.0 + *rc::gen::inRange(0, 10'000) / 100.0;
  options.backoff = *rc::gen::element(backoff_strategy::constant, backoff_strategy::linear,
                                      backoff_strategy::exponential);
  return options;
}

RC_GTEST_PROP(Backoff, StaysWithinTheBoundsOfItsJitter, (std::uint64_t number)) {
  auto options = any_options();
  random_source random(*rc::gen::arbitrary<std::uint64_t>());
  const auto base = backoff_delay(options, number, random.unit());
  RC_ASSERT(base >= options.initial_delay);
  RC_ASSERT(base <= options.max_delay);

  options.jitter = jitter_mode::full;
  const auto full = backoff_delay(options, number, random.unit());
  RC_ASSERT(full >= 0s);
  RC_ASSERT(full <= base);

  options.jitter = jitter_mode::equal;
  const auto equal = backoff_delay(options, number, random.unit());
  RC_ASSERT(equal * 2 >= base);
  RC_ASSERT(equal <= base);
}

RC_GTEST_PROP(Backoff, NeverShrinksWithoutJitter, ()) {
  const auto options = any_options();
  const auto first = *rc::gen::inRange<std::uint64_t>(1, 10'000);
  const auto later = first + *rc::gen::inRange<std::uint64_t>(0, 10'000);
  RC_ASSERT(backoff_delay(options, first, any_random) <= backoff_delay(options, later, any_random));
}

TEST(RetrySchedule, GrowsTheDelayWithEveryRetry) {
  const retry options{.max_retries = 4, .initial_delay = 100ms, .max_delay = 300ms};
  retry_schedule schedule(options);

  EXPECT_EQ(schedule.next_delay(lost(), 0s, any_random), 100ms);
  EXPECT_EQ(schedule.next_delay(lost(), 1s, any_random), 200ms);
  EXPECT_EQ(schedule.next_delay(lost(), 2s, any_random), 300ms);
  EXPECT_EQ(schedule.next_delay(lost(), 3s, any_random), 300ms);
  EXPECT_EQ(schedule.retries_made(), 4U);
}

TEST(RetrySchedule, OffersNothingOnceTheAttemptsAreUsedUp) {
  const retry options{.max_retries = 1};
  retry_schedule schedule(options);
  ASSERT_TRUE(schedule.next_delay(lost(), 0s, any_random));

  EXPECT_EQ(schedule.next_delay(lost(), 0s, any_random), std::nullopt);
  EXPECT_EQ(schedule.retries_made(), 1U);
}

TEST(RetrySchedule, OffersNothingWithoutRetries) {
  const retry options{.max_retries = 0};
  EXPECT_EQ(retry_schedule(options).next_delay(lost(), 0s, any_random), std::nullopt);
}

TEST(RetrySchedule, RetriesOnlyKindsThatMayHeal) {
  const retry options;
  const auto retried = [&](failure_kind kind) {
    return retry_schedule(options).next_delay(of_kind(kind), 0s, any_random).has_value();
  };

  EXPECT_TRUE(retried(failure_kind::transient));
  EXPECT_TRUE(retried(failure_kind::rate_limited));
  EXPECT_TRUE(retried(failure_kind::timed_out));
  EXPECT_TRUE(retried(failure_kind::unclassified));
  EXPECT_TRUE(retried(failure_kind::worker_lost));
  EXPECT_FALSE(retried(failure_kind::permanent));
  EXPECT_FALSE(retried(failure_kind::malformed));
  EXPECT_FALSE(retried(failure_kind::rejected));
  EXPECT_FALSE(retried(failure_kind::cancelled));
  EXPECT_FALSE(retried(failure_kind::usage_limit));
}

TEST(RetrySchedule, AsksThePredicateWithTheAttemptThatFailed) {
  std::vector<std::uint32_t> attempts;
  const retry options{.retry_if = {[&](const failure&, std::uint32_t attempt) {
                                     attempts.push_back(attempt);
                                     return attempt < 2;
                                   },
                                   "first"}};
  retry_schedule schedule(options);

  EXPECT_TRUE(schedule.next_delay(of_kind(failure_kind::permanent), 0s, any_random));
  EXPECT_FALSE(schedule.next_delay(lost(), 0s, any_random));
  EXPECT_THAT(attempts, ElementsAre(1U, 2U));
}

TEST(RetrySchedule, NeverRetriesControlSignalsWhateverThePredicateSays) {
  const retry options{
      .retry_if = {[](const failure&, std::uint32_t) { return true; }, "everything"}};
  retry_schedule schedule(options);

  EXPECT_FALSE(schedule.next_delay(of_kind(failure_kind::cancelled), 0s, any_random));
  EXPECT_FALSE(schedule.next_delay(of_kind(failure_kind::usage_limit), 0s, any_random));
  EXPECT_TRUE(schedule.next_delay(of_kind(failure_kind::rejected), 0s, any_random));
}

TEST(RetrySchedule, PassesOnWhatThePredicateThrows) {
  const retry options{.retry_if = {[](const failure&, std::uint32_t) -> bool {
                                     throw std::runtime_error("broken");
                                   },
                                   "broken"}};
  retry_schedule schedule(options);
  EXPECT_THROW((void)schedule.next_delay(lost(), 0s, any_random), std::runtime_error);
}

TEST(RetrySchedule, WaitsAsLongAsTheOtherSideAskedUpToTheLongestDelay) {
  const retry options{.max_retries = 9};
  retry_schedule schedule(options);
  auto asked = of_kind(failure_kind::rate_limited);

  asked.retry_after = 3s;
  EXPECT_EQ(schedule.next_delay(asked, 0s, any_random), 3s);
  asked.retry_after = 1s;
  EXPECT_EQ(schedule.next_delay(asked, 0s, any_random), 2s);
  asked.retry_after = 1h;
  EXPECT_EQ(schedule.next_delay(asked, 0s, any_random), 10s);
}

TEST(RetrySchedule, StartsNoRetryAfterTheTimeIsUp) {
  const retry options{.backoff = backoff_strategy::constant, .max_elapsed = 5s};

  EXPECT_EQ(retry_schedule(options).next_delay(lost(), 4s, any_random), 1s);
  EXPECT_EQ(retry_schedule(options).next_delay(lost(), 4s + 1ns, any_random), std::nullopt);
}

TEST(RetrySchedule, GivesUpOnTheRejectionOfAnOpenBreaker) {
  breaker_state guard(breaker{.failure_threshold = 1});
  const auto permit = guard.admit(instant{});
  guard.record(*permit, guard.judge(&*std::make_unique<failure>(lost())), 1ms, instant{});
  ASSERT_FALSE(guard.admit(instant{}));
  const failure turned_away{.kind = failure_kind::rejected,
                            .message = guard.rejection("charge", instant{}),
                            .retry_after = guard.retry_after(instant{})};
  const retry options;

  EXPECT_EQ(retry_schedule(options).next_delay(turned_away, 0s, any_random), std::nullopt);
}

TEST(RetryBudget, LimitsNothingWhenTheShareIsZero) {
  retry_budget budget(0);
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(budget.take(instant{}));
}

TEST(RetryBudget, GivesTheFirstTenRetriesAway) {
  retry_budget budget(0.1);

  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.take(instant{})) << i;
  EXPECT_FALSE(budget.take(instant{}));
}

TEST(RetryBudget, KeepsRetriesBelowTheirShareOfAllCalls) {
  retry_budget budget(0.2);
  for (int i = 0; i < 400; ++i) budget.record_call(instant{});

  int taken = 0;
  while (budget.take(instant{})) ++taken;
  EXPECT_EQ(taken, 100) << "a fifth of 500 calls";
}

TEST(RetryBudget, ForgetsOldRetriesByHalfEveryTenSeconds) {
  retry_budget budget(0.5);
  for (int i = 0; i < 100; ++i) (void)budget.take(instant{});
  for (int i = 0; i < 10; ++i) budget.record_call(instant{});
  ASSERT_FALSE(budget.take(instant{}));

  for (int i = 0; i < 10; ++i) budget.record_call(instant{10s});
  EXPECT_TRUE(budget.take(instant{10s}));
}

} // namespace
} // namespace troupe
