#include "support/case_fixture.hpp"

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

using AdmissionCases = CaseFixture;
TROUPE_CASES(AdmissionCases);

run_result run_of(const any_deployment& live, value input = {}) {
  return live.start_value(std::move(input)).result();
}

// Hedge

TEST_P(AdmissionCases, HedgeTakesTheFirstSuccess) {
  scripted_step a("a", {hang().costing(0.3, 4), ok("second").taking(50ms).costing(0.1, 2)});

  const auto result = run_once(a() | hedge{.delay = 20ms});

  EXPECT_EQ(result.output, value("second"));
  EXPECT_EQ(elapsed(), 70ms);
  const auto& entry = result.step_history.at(0);
  EXPECT_TRUE(entry.metadata().hedge_won);
  EXPECT_EQ(entry.attempts, 2u);
  EXPECT_DOUBLE_EQ(entry.cost_usd(), 0.4);
  EXPECT_EQ(entry.token_counts(), 6);
  EXPECT_DOUBLE_EQ(result.total_cost_usd, 0.4);
  EXPECT_EQ(seen->of(event_kind::hedge_started).size(), 1u);
  rt.settle();
  EXPECT_EQ(a.stopped(), 1u);
  EXPECT_EQ(a.running(), 0u);
}

TEST_P(AdmissionCases, HedgeThatLosesLeavesNoMark) {
  scripted_step a("a", {ok("first").taking(30ms), hang()});

  const auto result = run_once(a() | hedge{.delay = 20ms});

  EXPECT_EQ(result.output, value("first"));
  EXPECT_FALSE(result.step_history.at(0).metadata().hedge_won);
  EXPECT_EQ(elapsed(), 30ms);
  rt.settle();
  EXPECT_EQ(a.stopped(), 1u);
}

TEST_P(AdmissionCases, HedgeStartsNothingForAFastCall) {
  auto a = mock_step("a", ok("x").taking(19ms));
  const auto result = run_once(a() | hedge{.delay = 20ms});
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_EQ(result.step_history.at(0).attempts, 1u);
}

TEST_P(AdmissionCases, HedgeOutlivesTheFailureOfOneAttempt) {
  scripted_step a("a", {transient("down").taking(30ms), ok("x").taking(40ms)});
  const auto result = run_once(a() | hedge{.delay = 20ms});
  EXPECT_EQ(result.output, value("x"));
  EXPECT_EQ(elapsed(), 60ms);
}

TEST_P(AdmissionCases, HedgeStartsNoMoreThanAllowed) {
  auto a = mock_step("a", hang());
  const auto result = run_once(a() | hedge{.delay = 20ms, .max_hedges = 3} | timeout{.after = 1s});
  EXPECT_FALSE(result.success());
  EXPECT_EQ(a.call_count(), 4u);
}

TEST_P(AdmissionCases, HedgeWaitsForAQuantileOfLatencies) {
  scripted_step a("a");
  a.answering([](const value& input, const context&) {
    if (input.is_null()) return ok("slow").taking(1s);
    return ok("x").taking(*input.if_integer() * 1ms);
  });
  auto live = rt.deploy(a() | hedge{.quantile = 0.95});
  for (int length = 1; length <= 20; ++length) run_of(live, length);
  ASSERT_EQ(a.call_count(), 20u);

  const auto before = rt.now();
  auto slow = live.start_value({});
  rt.advance(18ms);
  EXPECT_EQ(a.call_count(), 21u);
  rt.advance(1ms);
  EXPECT_EQ(a.call_count(), 22u);
  EXPECT_EQ(slow.result().output, value("slow"));
  EXPECT_EQ(rt.now() - before, 1s);
}

TEST_P(AdmissionCases, HedgeIsRefusedOnAStepThatMustNotRunTwice) {
  auto once = inline_step("once", [](const int& input) { return input; });
  EXPECT_THROW((void)rt.deploy(once | hedge{.delay = 1ms}), plan_error);
}

// Bulkhead

TEST_P(AdmissionCases, BulkheadServesItsQueueInOrder) {
  auto a = mock_step("a", ok("x").taking(10ms));
  auto live = rt.deploy(a() | bulkhead{.max_in_flight = 2, .max_queue = 3});
  std::vector<any_run> runs;
  for (int number = 0; number < 5; ++number) {
    runs.push_back(live.start_value(number));
    rt.settle();
  }
  EXPECT_EQ(a.running(), 2u);
  EXPECT_EQ(seen->of(event_kind::call_waiting).size(), 3u);

  const auto rejected = run_of(live, 99);
  EXPECT_EQ(rejected.why->kind, failure_kind::rejected);
  EXPECT_THAT(rejected.feedback(), HasSubstr("2 in flight"));
  EXPECT_THAT(rejected.feedback(), HasSubstr("3 queued"));

  for (const auto& each : runs) EXPECT_TRUE(each.result().success());
  EXPECT_EQ(a.inputs(), (std::vector<value>{0, 1, 2, 3, 4}));
  EXPECT_EQ(a.most_running(), 2u);
  EXPECT_EQ(elapsed(), 30ms);
}

TEST_P(AdmissionCases, BulkheadWaitIsBounded) {
  auto a = mock_step("a", ok("x").taking(100ms));
  auto live = rt.deploy(a() | bulkhead{.max_in_flight = 1, .max_queue = 5, .max_wait = 30ms});
  auto first = live.start_value({});
  rt.settle();

  const auto waited = run_of(live);

  EXPECT_EQ(elapsed(), 30ms);
  EXPECT_EQ(waited.why->kind, failure_kind::rejected);
  EXPECT_THAT(waited.feedback(), HasSubstr("30ms"));
  EXPECT_THAT(waited.feedback(), HasSubstr("queued"));
  EXPECT_TRUE(first.result().success());
  EXPECT_TRUE(run_of(live).success());
  EXPECT_EQ(a.call_count(), 2u);
}

TEST_P(AdmissionCases, BulkheadForgetsACancelledWaiter) {
  auto a = mock_step("a", ok("x").taking(100ms));
  auto live = rt.deploy(a() | bulkhead{.max_in_flight = 1, .max_queue = 1});
  auto inside = live.start_value("inside");
  rt.settle();
  auto waiting = live.start_value("waiting");
  rt.settle();

  waiting.cancel();
  EXPECT_EQ(waiting.result().status, run_status::cancelled);
  EXPECT_EQ(elapsed(), 0ms);
  auto next = live.start_value("next");

  EXPECT_EQ(next.result().output, value("x"));
  EXPECT_EQ(a.inputs(), (std::vector<value>{"inside", "next"}));
}

TEST_P(AdmissionCases, BulkheadGetsThePlaceOfACancelledCallBack) {
  scripted_step a("a", {hang(), ok("x")});
  auto live = rt.deploy(a() | bulkhead{.max_in_flight = 1} | timeout{.after = 10ms});
  EXPECT_EQ(run_of(live).why->kind, failure_kind::timed_out);
  rt.settle();
  EXPECT_EQ(run_of(live).output, value("x"));
}

TEST_P(AdmissionCases, BulkheadPassesOnThePlaceOfAWaiterThatGoesAsItIsLetIn) {
  std::vector<completion<value>> inside;
  auto a = async_step<value, value>(
      "a", [&inside](const value&, completion<value> done) { inside.push_back(std::move(done)); });
  auto live = rt.deploy(a | bulkhead{.max_in_flight = 1, .max_queue = 2});
  auto first = live.start_value({});
  rt.settle();
  auto waiting = live.start_value({});
  rt.settle();
  auto last = live.start_value({});
  rt.settle();

  inside.at(0)(value("x"));
  waiting.cancel();
  rt.settle();

  EXPECT_TRUE(first.result().success());
  EXPECT_EQ(waiting.result().status, run_status::cancelled);
  ASSERT_EQ(inside.size(), 2u);
  inside.at(1)(value("y"));
  EXPECT_EQ(last.result().output, value("y"));
  EXPECT_EQ(rt.metrics().late_answers, 0u);
  inside.clear();
}

// Rate limit

TEST_P(AdmissionCases, RateLimitLetsABurstThroughAndRejectsTheRest) {
  auto a = mock_step("a", ok("x"));
  auto live = rt.deploy(a() | rate_limit{.rate = 10, .burst = 3});

  for (int call = 0; call < 3; ++call) EXPECT_TRUE(run_of(live).success());
  const auto rejected = run_of(live);

  EXPECT_EQ(rejected.why->kind, failure_kind::rejected);
  EXPECT_EQ(rejected.why->retry_after, 100ms);
  EXPECT_THAT(rejected.feedback(), HasSubstr("100ms"));
  EXPECT_EQ(a.call_count(), 3u);
  rt.advance(100ms);
  EXPECT_TRUE(run_of(live).success());
  EXPECT_FALSE(run_of(live).success());
}

TEST_P(AdmissionCases, RateLimitHoldsCallsBack) {
  auto a = mock_step("a", ok("x"));
  auto live = rt.deploy(a() | rate_limit{.rate = 10, .max_wait = 200ms});
  std::vector<any_run> runs;
  for (int number = 0; number < 4; ++number) {
    runs.push_back(live.start_value(number));
    rt.settle();
  }

  EXPECT_TRUE(runs[2].result().success());
  EXPECT_EQ(elapsed(), 200ms);
  EXPECT_EQ(runs[1].result().latency, 100ms);
  EXPECT_EQ(runs[3].result().latency, 0ms);
  EXPECT_EQ(runs[3].result().why->kind, failure_kind::rejected);
  EXPECT_EQ(runs[3].result().why->retry_after, 100ms);
  EXPECT_EQ(a.inputs(), (std::vector<value>{0, 1, 2}));
}

TEST_P(AdmissionCases, RateLimitTakesBackTheTokenOfACancelledWaiter) {
  auto a = mock_step("a", ok("x"));
  auto live = rt.deploy(a() | rate_limit{.rate = 10, .max_wait = 100ms});
  run_of(live);
  auto waiting = live.start_value({});
  rt.settle();
  waiting.cancel();
  waiting.result();

  EXPECT_TRUE(run_of(live).success());
  EXPECT_EQ(elapsed(), 100ms);
  EXPECT_EQ(a.call_count(), 2u);
}

} // namespace
} // namespace troupe::testing
