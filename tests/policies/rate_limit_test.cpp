#include "issues_of.hpp"

#include <troupe/policies/rate_limit.hpp>

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

TEST(RateLimit, HasTheDocumentedDefaults) {
  EXPECT_EQ(rate_limit{}.rate, 10);
  EXPECT_EQ(rate_limit{}.per, 1s);
  EXPECT_EQ(rate_limit{}.burst, 1);
  EXPECT_EQ(rate_limit{}.max_wait, 0s);
  EXPECT_THAT(issues_of(rate_limit{}), IsEmpty());
}

TEST(RateLimit, RefusesNumbersOutOfBounds) {
  EXPECT_THAT(issues_of(rate_limit{.rate = 0}), ElementsAre(HasSubstr("rate is 0")));
  EXPECT_THAT(issues_of(rate_limit{.rate = -1}), ElementsAre(HasSubstr("rate")));
  EXPECT_THAT(issues_of(rate_limit{.rate = std::nan("")}), ElementsAre(HasSubstr("rate")));
  EXPECT_THAT(issues_of(rate_limit{.per = 0s}), ElementsAre(HasSubstr("per")));
  EXPECT_THAT(issues_of(rate_limit{.burst = 0}), ElementsAre(HasSubstr("burst")));
  EXPECT_THAT(issues_of(rate_limit{.max_wait = -1s}), ElementsAre(HasSubstr("max_wait")));
}

TEST(RateLimit, DescribesItsOptions) {
  const auto described = troupe_describe(rate_limit{.rate = 2.5, .per = 1min});

  EXPECT_EQ(described.at("rate"), value(2.5));
  EXPECT_EQ(described.at("per"), value("1m"));
  EXPECT_FALSE(described.contains("name"));
}

TEST(TokenBucket, AdmitsABurstAndThenOneCallPerInterval) {
  token_bucket bucket({.rate = 10, .burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.acquire(instant{}).admitted);

  const auto rejected = bucket.acquire(instant{30ms});
  EXPECT_FALSE(rejected.admitted);
  EXPECT_EQ(rejected.delay, 70ms);
  EXPECT_FALSE(bucket.acquire(instant{100ms - 1ns}).admitted);
  EXPECT_TRUE(bucket.acquire(instant{100ms}).admitted);
}

TEST(TokenBucket, HoldsCallsBackInTheOrderTheyAsked) {
  token_bucket bucket({.rate = 10, .max_wait = 200ms});

  EXPECT_EQ(bucket.acquire(instant{}).delay, 0s);
  EXPECT_EQ(bucket.acquire(instant{}).delay, 100ms);
  EXPECT_EQ(bucket.acquire(instant{}).delay, 200ms);
  const auto rejected = bucket.acquire(instant{});
  EXPECT_FALSE(rejected.admitted);
  EXPECT_EQ(rejected.delay, 100ms) << "then it would have to wait no longer than allowed";
  EXPECT_EQ(bucket.acquire(instant{100ms}).delay, 200ms);
}

TEST(TokenBucket, IsExactForRatesThatDoNotDivideTheSecond) {
  token_bucket bucket({.rate = 3, .max_wait = 10s});

  EXPECT_EQ(bucket.acquire(instant{}).delay, 0s);
  EXPECT_EQ(bucket.acquire(instant{}).delay, 333'333'334ns);
  EXPECT_EQ(bucket.acquire(instant{}).delay, 666'666'667ns);
  EXPECT_EQ(bucket.acquire(instant{}).delay, 1s);
}

TEST(TokenBucket, TakesBackTheTokenOfACallThatGaveUp) {
  token_bucket bucket({.rate = 10, .max_wait = 100ms});
  (void)bucket.acquire(instant{});
  (void)bucket.acquire(instant{});
  ASSERT_FALSE(bucket.acquire(instant{}).admitted);

  bucket.give_back();
  EXPECT_TRUE(bucket.acquire(instant{}).admitted);
}

TEST(TokenBucket, SavesUpNoMoreThanItsBurst) {
  token_bucket bucket({.rate = 10, .burst = 2});
  bucket.give_back();

  EXPECT_TRUE(bucket.acquire(instant{24h}).admitted);
  EXPECT_TRUE(bucket.acquire(instant{24h}).admitted);
  EXPECT_FALSE(bucket.acquire(instant{24h}).admitted);
}

TEST(TokenBucket, SurvivesAbsurdRates) {
  token_bucket slow({.rate = std::numeric_limits<double>::min(), .burst = 2});
  (void)slow.acquire(instant{});
  (void)slow.acquire(instant{});
  EXPECT_EQ(slow.acquire(instant{}).delay, duration::max());

  token_bucket fast({.rate = 1e300});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(fast.acquire(instant{}).admitted);
}

RC_GTEST_PROP(TokenBucket, StartsNoMoreThanTheBurstAndTheRateAllow, ()) {
  const rate_limit options{.rate = *rc::gen::inRange(1, 100'000) / 100.0,
                           .burst = *rc::gen::inRange(1, 20),
                           .max_wait = duration(*rc::gen::inRange<std::int64_t>(0, 3'000'000'000))};
  token_bucket bucket(options);
  instant now{};
  instant last_start{};
  int started = 0;
  for (const auto step : *rc::gen::container<std::vector<std::int64_t>>(
           200, rc::gen::inRange<std::int64_t>(0, 200'000'000))) {
    if (step % 3 == 0) now += duration(step);
    const auto decision = bucket.acquire(now);
    if (!decision.admitted) {
      RC_ASSERT(decision.delay > 0s);
      continue;
    }
    ++started;
    RC_ASSERT(decision.delay >= 0s);
    RC_ASSERT(decision.delay <= options.max_wait);
    RC_ASSERT(now + decision.delay >= last_start);
    last_start = now + decision.delay;
    const auto seconds = std::chrono::duration<double>(last_start.time_since_epoch()).count();
    RC_ASSERT(started <= options.burst + options.rate * seconds + 1e-6);
  }
}

RC_GTEST_PROP(TokenBucket, AdmitsWhoComesBackWhenTold, ()) {
  token_bucket bucket({.rate = *rc::gen::inRange(1, 100'000) / 100.0,
                       .burst = *rc::gen::inRange(1, 5),
                       .max_wait = duration(*rc::gen::inRange<std::int64_t>(0, 1'000'000'000))});
  instant now{};
  for (int i = 0; i < 100; ++i) {
    const auto decision = bucket.acquire(now);
    if (decision.admitted) continue;
    now += decision.delay;
    RC_ASSERT(bucket.acquire(now).admitted);
  }
}

} // namespace
} // namespace troupe
