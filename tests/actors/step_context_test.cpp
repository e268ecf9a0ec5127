#include "support/case_fixture.hpp"

#include <troupe/actors/step_context.hpp>
#include <troupe/runtime/choose.hpp>
#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/protect.hpp>

#include <optional>
#include <set>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

/// What a step sees, looked at from inside of it.
using StepContextTest = CaseFixture;
TROUPE_CASES(StepContextTest);

template <class Look>
step<value, value> looking(Look look) {
  return step("look", [look](const value& input, step_context& context) {
    look(context);
    return input;
  });
}

TEST_P(StepContextTest, KnowsItsRun) {
  run_options how;
  how.correlation_id = "order-7";
  how.context.set("key", 5);
  std::string seen_id;

  const auto result = run_once(looking([&](step_context& context) {
                                 EXPECT_EQ(context.correlation_id(), "order-7");
                                 EXPECT_EQ(context.step_name(), "look");
                                 EXPECT_EQ(context.get("key"), value(5));
                                 EXPECT_EQ(context.attempt(), 1u);
                                 seen_id = context.run().to_string();
                               }),
                               {}, how);

  EXPECT_EQ(seen_id, result.run_id.to_string());
}

TEST_P(StepContextTest, TimeLeftRunsOut) {
  run_options how;
  how.deadline = 3s;
  std::optional<duration> before;
  std::optional<duration> after;

  EXPECT_TRUE(run_once(looking([&](step_context& context) {
                         before = context.time_left();
                         EXPECT_TRUE(context.sleep_for(1s));
                         after = context.time_left();
                       }),
                       {}, how)
                  .success());

  EXPECT_EQ(before, 3s);
  EXPECT_EQ(after, 2s);
}

TEST_P(StepContextTest, TimeLeftIsUnknownWithoutADeadline) {
  EXPECT_TRUE(run_once(looking([](step_context& context) {
                EXPECT_EQ(context.time_left(), std::nullopt);
                EXPECT_EQ(context.deadline(), no_deadline);
              })).success());
}

TEST_P(StepContextTest, SleepIsCutShortByACancel) {
  bool slept = true;
  auto live = rt.deploy(looking([&](step_context& context) { slept = context.sleep_for(1h); }));
  const auto waiting = live.start_value({});
  rt.advance(1s);

  EXPECT_TRUE(waiting.cancel());

  EXPECT_EQ(waiting.result().status, run_status::cancelled);
  EXPECT_FALSE(slept);
  EXPECT_LT(elapsed(), 3s);
}

TEST_P(StepContextTest, IdempotencyKeyIsTheSameForEveryAttempt) {
  std::vector<std::string> keys;
  const auto failing = inline_step("a", [&](const value&, step_context& context) -> outcome<value> {
    keys.push_back(context.idempotency_key());
    EXPECT_EQ(context.attempt(), keys.size());
    return failure{failure_kind::transient, "not now"};
  });

  EXPECT_FALSE(run_once(failing | retry{.max_retries = 2}).success());

  ASSERT_EQ(keys.size(), 3u);
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 1u);
}

TEST_P(StepContextTest, IdempotencyKeyDiffersForEveryItemTurnAndStep) {
  std::vector<std::string> keys;
  const auto keep = inline_step("a", [&](const value& input, step_context& context) {
    keys.push_back(context.idempotency_key());
    return input;
  });
  const auto twice = loop(as_step("two", keep >> keep),
                          [](const value&, std::uint64_t turn) { return turn == 2; });

  EXPECT_TRUE(run_once(map_over(twice), value::list({1, 2, 3})).success());

  EXPECT_EQ(keys.size(), 12u);
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 12u);
}

TEST_P(StepContextTest, ChangesOfAFailedAttemptAreForgotten) {
  const auto changing = inline_step("a", [](const value&, step_context& context) -> outcome<value> {
    if (context.attempt() > 1) return value(context.snapshot().to_value());
    context.set("key", 1);
    return failure{failure_kind::transient, "not now"};
  });

  EXPECT_EQ(run_once(changing | retry{}).output, value::map());
}

TEST_P(StepContextTest, StrangeUsageCountsAsNothingAndIsWarnedAbout) {
  const auto result = run_once(looking([](step_context& context) {
    context.report_usage({-1.0, 5});
  }));

  EXPECT_EQ(result.total_cost_usd, 0);
  EXPECT_EQ(result.total_tokens, 5);
  ASSERT_EQ(seen->of(event_kind::warning).size(), 1u);
  EXPECT_THAT(seen->of(event_kind::warning)[0].detail, HasSubstr("negative"));
}

TEST_P(StepContextTest, CheckpointsAreKeptWithTheirTime) {
  const auto result = run_once(looking([](step_context& context) {
    EXPECT_TRUE(context.sleep_for(2s));
    context.checkpoint("half way");
  }));

  ASSERT_EQ(result.checkpoints.size(), 1u);
  EXPECT_EQ(result.checkpoints[0].name, "half way");
  EXPECT_EQ(result.checkpoints[0].at, 2s);
}

TEST_P(StepContextTest, AlarmOfAnAsyncStepRingsOnTheClockOfTheRuntime) {
  const auto late = async_step<value, value>("a", [](const value&, const completion<value>& done) {
    done.context().after(5min, [done] { done(value("rang")); });
  });

  EXPECT_EQ(run_once(late).output, value("rang"));
  EXPECT_EQ(elapsed(), 5min);
}

TEST_P(StepContextTest, InlineStepsHaveATokenThatNeverStops) {
  EXPECT_TRUE(run_once(inline_step("a", [](const value& input, step_context& context) {
                EXPECT_FALSE(context.stop_token().stop_possible());
                EXPECT_FALSE(context.stop_requested());
                return input;
              })).success());
}

} // namespace
} // namespace troupe::testing
