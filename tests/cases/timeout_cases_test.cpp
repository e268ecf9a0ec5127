#include "support/case_fixture.hpp"

namespace troupe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using TimeoutCases = CaseFixture;
TROUPE_CASES(TimeoutCases);

TEST_P(TimeoutCases, C040InTime) {
  scripted_step a("a", {ok("x").taking(10ms)});
  auto live = rt.deploy(a() | timeout{.after = 500ms});

  const auto result = live.start_value({}).result();
  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("x"));
  EXPECT_EQ(elapsed(), 10ms);

  const auto events = seen->all().size();
  rt.advance(1s);
  EXPECT_EQ(seen->all().size(), events);
  EXPECT_EQ(rt.metrics().late_answers, 0u);
  EXPECT_EQ(a.stopped(), 0u);
}

TEST_P(TimeoutCases, C041TooLate) {
  scripted_step a("a", {hang()});

  const auto result = run_once(a() | timeout{.after = 50ms});

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_EQ(elapsed(), 50ms);
  ASSERT_EQ(result.step_history.size(), 1u);
  const auto& entry = result.step_history[0];
  EXPECT_TRUE(entry.failed_with(failure_kind::timed_out));
  EXPECT_THAT(entry.feedback(), HasSubstr("timed out"));
  EXPECT_THAT(entry.feedback(), HasSubstr("50ms"));
  EXPECT_EQ(entry.latency, 50ms);
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_EQ(a.stopped(), 1u);
}

TEST_P(TimeoutCases, C042EveryAttemptHasItsOwnTimeout) {
  scripted_step a("a", {hang(), hang(), ok("x").taking(1ms)});

  const auto result = run_once(a() | timeout{.after = 50ms}
                               | retry{.max_retries = 2, .initial_delay = 10ms, .max_delay = 1s});

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("x"));
  EXPECT_EQ(result.step_history[0].attempts, 3u);
  EXPECT_EQ(elapsed(), 131ms);
}

TEST_P(TimeoutCases, C043OneTimeoutForAllAttempts) {
  auto a = mock_step("a", transient("e"));
  auto live = rt.deploy(a() | retry{.max_retries = 5, .initial_delay = 50ms, .max_delay = 1s}
                        | timeout{.after = 120ms});

  const auto result = live.start_value({}).result();

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_EQ(elapsed(), 120ms);
  EXPECT_TRUE(result.step_history[0].failed_with(failure_kind::timed_out));
  EXPECT_THAT(result.feedback(), HasSubstr("120ms"));
  EXPECT_EQ(a.call_count(), 2u);
  EXPECT_EQ(result.metrics.retry_count, 1u);
  std::vector<duration> starts;
  for (const auto& each : seen->of(event_kind::step_started)) starts.push_back(each.at - instant());
  EXPECT_THAT(starts, ElementsAre(0ms, 50ms));

  rt.advance(10s);
  EXPECT_EQ(a.call_count(), 2u);
}

TEST_P(TimeoutCases, C048ATimeoutIsRetried) {
  scripted_step a("a", {hang(), ok("x")});

  const auto result = run_once(a() | timeout{.after = 30ms}
                               | retry{.max_retries = 1, .initial_delay = 1ms, .max_delay = 1s});

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.step_history[0].attempts, 2u);
  EXPECT_EQ(elapsed(), 31ms);
}

TEST_P(TimeoutCases, C049UsageReportedBeforeTheHangCounts) {
  scripted_step a("a", {hang().costing(0.05, 7)});

  const auto result = run_once(a() | timeout{.after = 30ms});

  EXPECT_EQ(result.status, run_status::failed);
  ASSERT_EQ(result.step_history.size(), 1u);
  EXPECT_TRUE(result.step_history[0].failed_with(failure_kind::timed_out));
  EXPECT_NEAR(result.step_history[0].cost_usd(), 0.05, 1e-9);
  EXPECT_EQ(result.step_history[0].token_counts(), 7);
  EXPECT_NEAR(result.total_cost_usd, 0.05, 1e-9);
  EXPECT_EQ(result.total_tokens, 7);
}

TEST_P(TimeoutCases, StepThatIgnoresItsStopIsNotWaitedFor) {
  scripted_step a("a", {stuck(300ms, "late")});

  const auto result = run_once(a() | timeout{.after = 50ms});

  EXPECT_TRUE(result.step_history[0].failed_with(failure_kind::timed_out));
  EXPECT_TRUE(result.output.is_null());
  EXPECT_EQ(elapsed(), 50ms);
}

} // namespace
} // namespace troupe::testing
