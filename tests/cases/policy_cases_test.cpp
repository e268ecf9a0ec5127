#include "support/case_fixture.hpp"

#include <set>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

using PolicyCases = CaseFixture;
TROUPE_CASES(PolicyCases);

run_result run_of(const any_deployment& live, value input = {}) {
  return live.start_value(std::move(input)).result();
}

std::vector<duration> delays(const recording_observer& seen) {
  std::vector<duration> all;
  for (const auto& each : seen.of(event_kind::retry_scheduled)) all.push_back(each.delay);
  return all;
}

// Retry

TEST_P(PolicyCases, RetryAsksThePredicateWithTheNumberOfTheAttempt) {
  scripted_step a("a", {permanent("busy"), permanent("busy"), permanent("busy"), ok("x")});
  retry again{.max_retries = 5, .initial_delay = 1ms};
  again.retry_if = [](const failure& why, std::uint32_t attempt) {
    return why.message == "busy" && attempt < 3;
  };

  const auto result = run_once(a() | again);

  EXPECT_EQ(result.feedback(), "busy");
  EXPECT_EQ(a.call_count(), 3u);
}

TEST_P(PolicyCases, RetryPredicateMayRefuseWhatIsTransient) {
  scripted_step a("a", {transient("no use"), ok("x")});
  retry again{.initial_delay = 1ms};
  again.retry_if = [](const failure&) { return false; };

  EXPECT_FALSE(run_once(a() | again).success());
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_EQ(elapsed(), 0ms);
}

TEST_P(PolicyCases, RetryPredicateThatThrowsEndsTheSeriesWithAWarning) {
  scripted_step a("a", {transient("down"), ok("x")});
  retry again{.initial_delay = 1ms};
  again.retry_if = [](const failure&) -> bool { throw std::runtime_error("bad predicate"); };

  EXPECT_EQ(run_once(a() | again).feedback(), "down");
  ASSERT_EQ(seen->of(event_kind::warning).size(), 1u);
  EXPECT_THAT(seen->of(event_kind::warning)[0].detail, HasSubstr("bad predicate"));
}

TEST_P(PolicyCases, RetryHonoursRetryAfterUpToTheLongestDelay) {
  const auto slow_down = [](duration after) {
    return fails({failure_kind::rate_limited, "slow down", after});
  };
  scripted_step a("a", {slow_down(300ms), slow_down(1ms), slow_down(1h), ok("x")});

  const auto result = run_once(a() | retry{.initial_delay = 10ms, .max_delay = 500ms});

  EXPECT_EQ(result.output, value("x"));
  EXPECT_EQ(delays(*seen), (std::vector<duration>{300ms, 20ms, 500ms}));
  EXPECT_EQ(elapsed(), 820ms);
}

TEST_P(PolicyCases, RetryNeverRepeatsARejection) {
  scripted_step a("a", {fails({failure_kind::rejected, "full", 1ms}), ok("x")});
  EXPECT_EQ(run_once(a() | retry{.initial_delay = 1ms}).feedback(), "full");
  EXPECT_EQ(a.call_count(), 1u);
}

TEST_P(PolicyCases, RetryStartsNoAttemptAfterMaxElapsed) {
  auto a = mock_step("a", transient("down").taking(10ms));

  const auto result =
      run_once(a() | retry{.max_retries = 9, .initial_delay = 40ms, .max_elapsed = 150ms});

  // Attempts begin at 0, 50 and 140 ms; the next one would begin at 310 ms.
  EXPECT_EQ(result.feedback(), "down");
  EXPECT_EQ(a.call_count(), 3u);
  EXPECT_EQ(elapsed(), 150ms);
}

TEST_P(PolicyCases, RetryBudgetBoundsTheShareOfRetries) {
  auto a = mock_step("a", transient("down"));
  auto live = rt.deploy(a() | retry{.max_retries = 1, .initial_delay = 0ms, .budget = 0.2});

  for (int call = 0; call < 100; ++call) run_of(live);

  // A fifth of 125 calls.
  EXPECT_EQ(a.call_count(), 125u);
  EXPECT_FALSE(seen->of(event_kind::warning).empty());
  EXPECT_THAT(seen->of(event_kind::warning)[0].detail, HasSubstr("budget"));
}

TEST_P(PolicyCases, RetryJitterStaysWithinItsBounds) {
  for (const auto mode : {jitter_mode::full, jitter_mode::equal}) {
    auto a = mock_step("a", transient("down"));
    const auto before = seen->of(event_kind::retry_scheduled).size();
    run_once(a()
             | retry{.max_retries = 200, .initial_delay = 10ms, .max_delay = 80ms, .jitter = mode});
    auto drawn = delays(*seen);
    drawn.erase(drawn.begin(), drawn.begin() + static_cast<std::ptrdiff_t>(before));
    ASSERT_EQ(drawn.size(), 200u);
    for (std::size_t index = 0; index < drawn.size(); ++index) {
      const auto whole = index < 3 ? 10ms * (1 << index) : 80ms;
      EXPECT_LE(drawn[index], whole);
      EXPECT_GE(drawn[index], mode == jitter_mode::full ? 0ms : whole / 2);
    }
    EXPECT_GT(std::set<duration>(drawn.begin(), drawn.end()).size(), 150u);
  }
}

// Breaker

TEST_P(PolicyCases, BreakerOpensAtAFailureRate) {
  scripted_step p("p", {ok(), transient("1"), ok(), transient("2")});
  auto live = rt.deploy(
      p() | breaker{.failure_threshold = 1, .failure_rate = 0.5, .window = 10, .minimum_calls = 4});
  const auto handle = live.breaker("p").value();

  for (int call = 0; call < 3; ++call) run_of(live);
  EXPECT_EQ(handle.state(), breaker_phase::closed);
  run_of(live);

  EXPECT_EQ(handle.state(), breaker_phase::open);
}

TEST_P(PolicyCases, BreakerForgetsCallsOutsideOfItsWindow) {
  scripted_step p("p", {transient("1"), transient("2"), ok(), ok(), transient("3")});
  auto live = rt.deploy(
      p() | breaker{.failure_rate = 0.5, .window = 100, .window_time = 1s, .minimum_calls = 3});

  run_of(live);
  run_of(live);
  rt.advance(1001ms);
  for (int call = 0; call < 3; ++call) run_of(live);

  EXPECT_EQ(live.breaker("p").value().state(), breaker_phase::closed);
}

TEST_P(PolicyCases, BreakerOpensWhenTooManyCallsAreSlow) {
  scripted_step p("p", {ok().taking(5ms), ok().taking(21ms), ok().taking(20ms), ok().taking(1s)});
  auto live = rt.deploy(
      p()
      | breaker{
          .window = 10, .minimum_calls = 2, .slow_call_duration = 20ms, .slow_call_rate = 0.5});
  const auto handle = live.breaker("p").value();

  run_of(live);
  EXPECT_EQ(handle.state(), breaker_phase::closed);
  run_of(live);
  EXPECT_EQ(handle.state(), breaker_phase::open);
  EXPECT_EQ(run_of(live).why->kind, failure_kind::rejected);
}

TEST_P(PolicyCases, BreakerWaitGrowsToItsCap) {
  auto p = mock_step("p", transient("down"));
  auto live = rt.deploy(
      p() | breaker{.failure_threshold = 1, .wait = 100ms, .wait_growth = 3, .max_wait = 500ms});
  run_of(live);

  for (const auto wait : {100ms, 300ms, 500ms, 500ms}) {
    EXPECT_EQ(run_of(live).why->retry_after, wait);
    rt.advance(wait - duration(1));
    EXPECT_EQ(run_of(live).why->retry_after, duration(1));
    rt.advance(duration(1));
    EXPECT_EQ(run_of(live).feedback(), "down");
  }
}

TEST_P(PolicyCases, BreakerIsForcedOpenAndDisabledByHand) {
  auto p = mock_step("p", transient("down"));
  auto live = rt.deploy(p() | breaker{.failure_threshold = 1, .wait = 1s});
  const auto handle = live.breaker("p").value();

  handle.force_open();
  EXPECT_EQ(to_string(handle.state()), "forced_open");
  rt.advance(1h);
  const auto held = run_of(live);
  EXPECT_THAT(held.feedback(), HasSubstr("Circuit breaker is OPEN"));
  EXPECT_FALSE(held.why->retry_after);
  EXPECT_EQ(held.metrics.circuit_breaker_state, "forced_open");
  EXPECT_EQ(p.call_count(), 0u);

  handle.disable();
  for (int call = 0; call < 3; ++call) EXPECT_EQ(run_of(live).feedback(), "down");
  EXPECT_EQ(to_string(handle.state()), "disabled");
  EXPECT_EQ(handle.failure_count(), 0);

  handle.close();
  EXPECT_EQ(handle.state(), breaker_phase::closed);
  run_of(live);
  EXPECT_EQ(handle.state(), breaker_phase::open);
}

TEST_P(PolicyCases, BreakerFilterThatThrowsCountsTheFailure) {
  auto p = mock_step("p", transient("down"));
  breaker guard{.failure_threshold = 1};
  guard.failure_if = [](const failure&) -> bool { throw 1; };
  auto live = rt.deploy(p() | guard);

  EXPECT_EQ(run_of(live).feedback(), "down");
  EXPECT_EQ(live.breaker("p").value().state(), breaker_phase::open);
  EXPECT_EQ(seen->of(event_kind::warning).size(), 1u);
}

} // namespace
} // namespace troupe::testing
