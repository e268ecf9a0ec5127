#include "support/case_fixture.hpp"

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

using BreakerCases = CaseFixture;
TROUPE_CASES(BreakerCases);

breaker opening_after(int failures, int successes, duration wait) {
  return {.failure_threshold = failures, .success_threshold = successes, .wait = wait};
}

run_result run_of(const any_deployment& live, value input = {}) {
  return live.start_value(std::move(input)).result();
}

TEST_P(BreakerCases, C190StartsClosedWithTheDefaults) {
  auto p = mock_step("p", ok());

  auto live = rt.deploy(p() | breaker{});

  const auto handle = live.breaker("p").value();
  EXPECT_EQ(handle.options().failure_threshold, 5);
  EXPECT_EQ(handle.options().success_threshold, 2);
  EXPECT_EQ(handle.options().wait, 60s);
  EXPECT_EQ(to_string(handle.state()), "closed");
  EXPECT_EQ(handle.failure_count(), 0);
  EXPECT_EQ(handle.success_count(), 0);
  EXPECT_FALSE(handle.last_failure());
}

TEST_P(BreakerCases, C191OpensAtTheThreshold) {
  auto p = mock_step("p", transient("down"));
  auto live = rt.deploy(p() | opening_after(3, 2, 1s));
  const auto handle = live.breaker("p").value();

  for (int call = 1; call <= 3; ++call) {
    EXPECT_EQ(handle.state(), breaker_phase::closed);
    const auto failed = run_of(live);
    EXPECT_EQ(failed.feedback(), "down");
    EXPECT_EQ(failed.why->kind, failure_kind::transient);
  }
  EXPECT_EQ(to_string(handle.state()), "open");
  EXPECT_EQ(handle.last_failure(), rt.now());

  rt.advance(400ms);
  const auto rejected = run_of(live);

  EXPECT_FALSE(rejected.success());
  EXPECT_EQ(rejected.latency, 0ms);
  EXPECT_THAT(rejected.feedback(), HasSubstr("Circuit breaker is OPEN"));
  EXPECT_THAT(rejected.feedback(), HasSubstr("unavailable"));
  EXPECT_THAT(rejected.feedback(), HasSubstr("600ms"));
  EXPECT_EQ(rejected.why->kind, failure_kind::rejected);
  EXPECT_EQ(rejected.why->retry_after, 600ms);
  EXPECT_EQ(rejected.metrics.circuit_breaker_state, "open");
  EXPECT_EQ(p.call_count(), 3u);
  EXPECT_EQ(seen->of(event_kind::call_rejected).size(), 1u);
}

TEST_P(BreakerCases, C192CountsFailuresInARow) {
  scripted_step p(
      "p", {transient("1"), transient("2"), ok(), transient("3"), transient("4"), transient("5")});
  auto live = rt.deploy(p() | opening_after(3, 2, 1s));
  const auto handle = live.breaker("p").value();

  for (int call = 0; call < 5; ++call) run_of(live);
  EXPECT_EQ(handle.state(), breaker_phase::closed);
  EXPECT_EQ(handle.failure_count(), 2);

  run_of(live);
  EXPECT_EQ(handle.state(), breaker_phase::open);
}

TEST_P(BreakerCases, C193Recovers) {
  scripted_step p("p", {transient("down"), ok(), ok()});
  auto live = rt.deploy(p() | opening_after(1, 2, 50ms));
  const auto handle = live.breaker("p").value();

  run_of(live);
  EXPECT_EQ(to_string(handle.state()), "open");
  rt.advance(80ms);

  const auto first = run_of(live);
  EXPECT_TRUE(first.success());
  EXPECT_EQ(to_string(handle.state()), "half_open");
  EXPECT_EQ(handle.success_count(), 1);
  EXPECT_EQ(first.metrics.circuit_breaker_state, "half_open");

  const auto second = run_of(live);
  EXPECT_TRUE(second.success());
  EXPECT_EQ(to_string(handle.state()), "closed");
  EXPECT_EQ(handle.failure_count(), 0);
  std::vector<std::string> changes;
  for (const auto& each : seen->of(event_kind::breaker_changed)) changes.push_back(each.detail);
  EXPECT_EQ(changes, (std::vector<std::string>{"closed -> open", "open -> half_open",
                                               "half_open -> closed"}));
}

TEST_P(BreakerCases, C194OpensAgainWhenAProbeFails) {
  scripted_step p("p", {transient("down"), transient("still down"), ok("back")});
  auto live = rt.deploy(p() | opening_after(1, 2, 50ms));
  const auto handle = live.breaker("p").value();
  run_of(live);
  rt.advance(80ms);

  EXPECT_EQ(run_of(live).feedback(), "still down");
  EXPECT_EQ(to_string(handle.state()), "open");

  rt.advance(30ms);
  EXPECT_THAT(run_of(live).feedback(), HasSubstr("Circuit breaker is OPEN"));
  EXPECT_EQ(p.call_count(), 2u);
  rt.advance(50ms);
  EXPECT_EQ(run_of(live).output, value("back"));
}

TEST_P(BreakerCases, C195RejectionsDoNotProlong) {
  scripted_step p("p", {transient("down"), ok("back")});
  auto live = rt.deploy(p() | opening_after(1, 1, 100ms));
  const auto handle = live.breaker("p").value();
  run_of(live);

  for (int call = 1; call <= 9; ++call) {
    rt.advance(10ms);
    EXPECT_EQ(run_of(live).why->kind, failure_kind::rejected);
    EXPECT_EQ(handle.failure_count(), 1);
  }
  rt.advance(30ms);
  EXPECT_EQ(elapsed(), 120ms);

  EXPECT_EQ(run_of(live).output, value("back"));
  EXPECT_EQ(p.call_count(), 2u);
}

TEST_P(BreakerCases, C202GoesToTheFallbackWithoutACall) {
  auto p = mock_step("p", transient("down"));
  auto f = mock_step("f", ok("from f"));
  auto live = rt.deploy(p() | opening_after(1, 1, 60s) | fallback(f()));
  run_of(live);
  ASSERT_EQ(p.call_count(), 1u);

  const auto result = run_of(live);

  EXPECT_TRUE(result.success());
  EXPECT_EQ(p.call_count(), 1u);
  EXPECT_EQ(result.output, value("from f"));
  const auto& metadata = result.step_history.at(0).metadata();
  EXPECT_TRUE(metadata.fallback_triggered);
  ASSERT_TRUE(metadata.primary_attempt_result);
  EXPECT_THAT(metadata.primary_attempt_result->feedback(), HasSubstr("OPEN"));
}

TEST_P(BreakerCases, C203CountsOnlyWhatTheFilterNames) {
  scripted_step p("p", {permanent("bad request"), permanent("broken")});
  auto options = opening_after(1, 1, 60s);
  options.failure_if = [](const failure& why) { return why.message != "bad request"; };
  auto live = rt.deploy(p() | options);
  const auto handle = live.breaker("p").value();

  const auto uncounted = run_of(live);
  EXPECT_EQ(uncounted.feedback(), "bad request");
  EXPECT_EQ(uncounted.why->kind, failure_kind::permanent);
  EXPECT_EQ(to_string(handle.state()), "closed");
  EXPECT_EQ(handle.failure_count(), 0);

  EXPECT_EQ(run_of(live).feedback(), "broken");
  EXPECT_EQ(to_string(handle.state()), "open");
}

TEST_P(BreakerCases, C205RefusesABadConfiguration) {
  auto p = mock_step("p", ok());
  for (const int wrong : {0, -1}) {
    EXPECT_THROW((void)rt.deploy(p() | opening_after(wrong, 1, 1s)), plan_error);
    EXPECT_THROW((void)rt.deploy(p() | opening_after(1, wrong, 1s)), plan_error);
    EXPECT_THROW((void)rt.deploy(p() | opening_after(1, 1, duration(wrong))), plan_error);
  }
  EXPECT_EQ(p.call_count(), 0u);
}

TEST_P(BreakerCases, C206IsResetByHand) {
  scripted_step p("p", {transient("1"), transient("2"), ok(), ok()});
  auto live = rt.deploy(p() | opening_after(2, 2, 60s));
  const auto handle = live.breaker("p").value();
  run_of(live);
  run_of(live);
  ASSERT_EQ(handle.state(), breaker_phase::open);

  handle.reset();

  EXPECT_EQ(handle.state(), breaker_phase::half_open);
  EXPECT_EQ(handle.failure_count(), 0);
  EXPECT_TRUE(run_of(live).success());
  EXPECT_EQ(handle.state(), breaker_phase::half_open);
  EXPECT_TRUE(run_of(live).success());
  EXPECT_EQ(handle.state(), breaker_phase::closed);
  EXPECT_EQ(handle.failure_count(), 0);
  EXPECT_EQ(p.call_count(), 4u);
}

TEST_P(BreakerCases, C207IsSharedByName) {
  auto first = mock_step("first", transient("down"));
  auto second = mock_step("second", transient("down"));
  auto shared = opening_after(2, 1, 60s);
  shared.name = "service";
  auto one = rt.deploy(first() | shared);
  auto other = rt.deploy(second() | shared);

  EXPECT_EQ(run_of(one).feedback(), "down");
  EXPECT_EQ(run_of(other).feedback(), "down");

  EXPECT_EQ(run_of(one).why->kind, failure_kind::rejected);
  EXPECT_EQ(run_of(other).why->kind, failure_kind::rejected);
  EXPECT_EQ(first.call_count() + second.call_count(), 2u);
  EXPECT_EQ(rt.breaker("service").value().state(), breaker_phase::open);
}

// N-17

TEST_P(BreakerCases, LetsOneProbeThroughAtATime) {
  scripted_step p("p", {transient("down"), ok("probe").taking(100ms), ok("later")});
  auto live = rt.deploy(p() | opening_after(1, 2, 50ms));
  run_of(live);
  rt.advance(50ms);

  auto probe = live.start_value({});
  rt.settle();
  const auto beside = run_of(live);
  EXPECT_EQ(beside.why->kind, failure_kind::rejected);
  EXPECT_EQ(p.call_count(), 2u);

  EXPECT_EQ(probe.result().output, value("probe"));
  EXPECT_EQ(run_of(live).output, value("later"));
  EXPECT_EQ(live.breaker("p").value().state(), breaker_phase::closed);
}

TEST_P(BreakerCases, IgnoresResultsOfCallsFromAnEarlierState) {
  scripted_step p("p", {transient("slow").taking(100ms), transient("fast")});
  auto live = rt.deploy(p() | opening_after(1, 1, 50ms));
  auto slow = live.start_value({});
  rt.settle();
  run_of(live);
  const auto handle = live.breaker("p").value();
  ASSERT_EQ(handle.state(), breaker_phase::open);
  handle.reset();

  slow.result();

  EXPECT_EQ(handle.state(), breaker_phase::half_open);
  EXPECT_EQ(handle.failure_count(), 0);
}

// N-18

TEST_P(BreakerCases, AnEnclosingTimeoutCountsAsAFailure) {
  auto p = mock_step("p", hang());
  auto live = rt.deploy(p() | opening_after(2, 1, 60s) | timeout{.after = 30ms});
  const auto handle = live.breaker("p").value();

  run_of(live);
  rt.settle();
  EXPECT_EQ(handle.failure_count(), 1);
  run_of(live);
  rt.settle();

  EXPECT_EQ(handle.state(), breaker_phase::open);
  EXPECT_EQ(elapsed(), 60ms);
}

TEST_P(BreakerCases, ATimeoutFarOutsideAndTheDeadlineOfTheRunCountToo) {
  auto p = mock_step("p", hang());
  auto live = rt.deploy(as_step("group", (p() | opening_after(2, 1, 60s) | retry{}) >> p())
                        | timeout{.after = 30ms});
  const auto handle = live.breaker("p").value();

  run_of(live);
  rt.settle();
  EXPECT_EQ(handle.failure_count(), 1);

  const auto late = live.start_value({}, {.deadline = 10ms}).result();
  EXPECT_EQ(late.why->kind, failure_kind::timed_out);
  EXPECT_EQ(handle.state(), breaker_phase::open);
}

TEST_P(BreakerCases, AUsersCancelIsNeutralAndFreesTheProbe) {
  scripted_step p("p", {transient("down"), hang(), ok("back")});
  auto live = rt.deploy(p() | opening_after(1, 1, 50ms));
  const auto handle = live.breaker("p").value();
  run_of(live);
  rt.advance(50ms);

  auto probe = live.start_value({});
  rt.settle();
  ASSERT_EQ(handle.state(), breaker_phase::half_open);
  EXPECT_TRUE(probe.cancel());
  EXPECT_EQ(probe.result().status, run_status::cancelled);

  EXPECT_EQ(handle.state(), breaker_phase::half_open);
  EXPECT_EQ(handle.failure_count(), 1);
  EXPECT_EQ(run_of(live).output, value("back"));
  EXPECT_EQ(handle.state(), breaker_phase::closed);
}

TEST_P(BreakerCases, ASiblingsCancelIsNeutral) {
  auto p = mock_step("p", hang());
  auto bad = mock_step("bad", permanent("boom").taking(10ms));
  auto live = rt.deploy(parallel(p() | opening_after(1, 1, 60s), bad()));

  EXPECT_FALSE(run_of(live).success());

  EXPECT_EQ(p.stopped(), 1u);
  EXPECT_EQ(live.breaker("p").value().state(), breaker_phase::closed);
  EXPECT_EQ(live.breaker("p").value().failure_count(), 0);
}

TEST_P(BreakerCases, ARejectionThatEndsARetryNamesTheLastRealFailure) {
  auto p = mock_step("p", transient("down"));
  const auto result = run_once(p() | opening_after(2, 1, 60s) | retry{.initial_delay = 10ms});

  EXPECT_EQ(result.why->kind, failure_kind::rejected);
  ASSERT_TRUE(result.why->cause);
  EXPECT_EQ(result.why->cause->message, "down");
  EXPECT_EQ(p.call_count(), 2u);
  EXPECT_EQ(elapsed(), 30ms);
}

} // namespace
} // namespace troupe::testing
