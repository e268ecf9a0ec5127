#include "issues_of.hpp"

#include <troupe/policies/breaker.hpp>

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Breaker : public testing::Test {
protected:
  void start(breaker options) { state.emplace(std::move(options)); }
  void advance(duration by) { now += by; }
  bool admitted() { return state->admit(now).has_value(); }
  bool call(breaker_verdict verdict) {
    const auto permit = state->admit(now);
    if (permit) state->record(*permit, verdict, 1ms, now);
    return permit.has_value();
  }
  bool fail() { return call(breaker_verdict::failure); }
  bool succeed() { return call(breaker_verdict::success); }
  breaker_phase phase() const { return state->phase(); }

  instant now{1h};
  std::optional<breaker_state> state;
};

TEST_F(Breaker, StartsClosedWithTheDocumentedDefaults) {
  start({});

  EXPECT_EQ(state->options().failure_threshold, 5);
  EXPECT_EQ(state->options().success_threshold, 2);
  EXPECT_EQ(state->options().wait, 60s);
  EXPECT_EQ(phase(), breaker_phase::closed);
  EXPECT_EQ(state->failure_count(), 0);
  EXPECT_EQ(state->success_count(), 0);
  EXPECT_EQ(state->last_failure(), std::nullopt);
  EXPECT_THAT(issues_of(breaker{}), IsEmpty());
}

TEST_F(Breaker, RefusesThresholdsAndWaitsOutOfBounds) {
  EXPECT_THAT(issues_of(breaker{.failure_threshold = 0}),
              ElementsAre(HasSubstr("failure_threshold")));
  EXPECT_THAT(issues_of(breaker{.success_threshold = -1}),
              ElementsAre(HasSubstr("success_threshold")));
  EXPECT_THAT(issues_of(breaker{.wait = 0s}), ElementsAre(HasSubstr("wait")));
  EXPECT_THAT(issues_of(breaker{.wait = -1s}), ElementsAre(HasSubstr("wait")));
  EXPECT_THAT(issues_of(breaker{.wait_growth = 0.9}), ElementsAre(HasSubstr("wait_growth")));
  EXPECT_THAT(issues_of(breaker{.wait_growth = std::nan("")}),
              ElementsAre(HasSubstr("wait_growth")));
  EXPECT_THAT(issues_of(breaker{.wait_growth = 2, .max_wait = 1s}),
              ElementsAre(HasSubstr("max_wait is 1s; it must be at least wait, ")));
  EXPECT_THAT(issues_of(breaker{.wait = 1h}), IsEmpty()) << "without growth max_wait is unused";
}

TEST_F(Breaker, NamesItsPhases) {
  EXPECT_EQ(to_string(breaker_phase::closed), "closed");
  EXPECT_EQ(to_string(breaker_phase::open), "open");
  EXPECT_EQ(to_string(breaker_phase::half_open), "half_open");
  EXPECT_EQ(to_string(breaker_phase::forced_open), "forced_open");
  EXPECT_EQ(to_string(breaker_phase::disabled), "disabled");
}

TEST_F(Breaker, OpensAtTheThresholdAndTurnsTheNextCallAway) {
  start({.failure_threshold = 3, .wait = 1s});

  EXPECT_TRUE(fail());
  EXPECT_TRUE(fail());
  EXPECT_EQ(phase(), breaker_phase::closed);
  EXPECT_TRUE(fail());
  EXPECT_EQ(phase(), breaker_phase::open);
  EXPECT_EQ(state->failure_count(), 3);
  EXPECT_FALSE(fail());
  EXPECT_EQ(state->last_failure(), now);
}

TEST_F(Breaker, CountsOnlyFailuresInARow) {
  start({.failure_threshold = 3});
  fail();
  fail();
  succeed();
  fail();
  fail();

  EXPECT_EQ(phase(), breaker_phase::closed);
  EXPECT_EQ(state->failure_count(), 2);
  fail();
  EXPECT_EQ(phase(), breaker_phase::open);
}

TEST_F(Breaker, HalfOpensWithTheFirstCallAfterTheWait) {
  start({.failure_threshold = 1, .wait = 50ms});
  fail();

  advance(50ms - 1ns);
  EXPECT_FALSE(admitted());
  advance(1ns);
  EXPECT_EQ(phase(), breaker_phase::open);
  EXPECT_TRUE(admitted());
  EXPECT_EQ(phase(), breaker_phase::half_open);
  EXPECT_EQ(state->success_count(), 0);
}

TEST_F(Breaker, ClosesAfterEnoughSuccessfulProbes) {
  start({.failure_threshold = 1, .success_threshold = 2, .wait = 50ms});
  fail();
  advance(80ms);

  EXPECT_TRUE(succeed());
  EXPECT_EQ(phase(), breaker_phase::half_open);
  EXPECT_EQ(state->success_count(), 1);
  EXPECT_TRUE(succeed());
  EXPECT_EQ(phase(), breaker_phase::closed);
  EXPECT_EQ(state->failure_count(), 0);
}

TEST_F(Breaker, OpensAgainWhenAProbeFails) {
  start({.failure_threshold = 1, .success_threshold = 2, .wait = 50ms});
  fail();
  advance(80ms);
  EXPECT_TRUE(fail());

  EXPECT_EQ(phase(), breaker_phase::open);
  advance(30ms);
  EXPECT_FALSE(admitted());
  advance(50ms);
  EXPECT_TRUE(admitted());
}

TEST_F(Breaker, WaitsLongerAfterEachFailedProbeUpToTheBound) {
  start({.failure_threshold = 1,
         .success_threshold = 1,
         .wait = 10s,
         .wait_growth = 3,
         .max_wait = 50s});
  fail();
  EXPECT_EQ(state->retry_after(now), 10s);
  advance(10s);
  fail();
  EXPECT_EQ(state->retry_after(now), 30s);
  advance(30s);
  fail();
  EXPECT_EQ(state->retry_after(now), 50s);

  advance(50s);
  succeed();
  fail();
  EXPECT_EQ(state->retry_after(now), 10s) << "closing starts over";
}

TEST_F(Breaker, IsNotHeldOpenByRejectedCalls) {
  start({.failure_threshold = 1, .success_threshold = 1, .wait = 100ms});
  fail();
  for (int i = 0; i < 9; ++i) {
    advance(10ms);
    EXPECT_FALSE(admitted());
  }
  advance(30ms);
  EXPECT_TRUE(admitted());
}

TEST_F(Breaker, FreesTheProbeWhenItsVerdictIsNeutral) {
  start({.failure_threshold = 1, .wait = 1s});
  fail();
  advance(1s);
  const auto probe = state->admit(now);
  ASSERT_TRUE(probe && probe->probe);
  EXPECT_FALSE(admitted());

  state->record(*probe, breaker_verdict::neutral, 1ms, now);
  EXPECT_EQ(phase(), breaker_phase::half_open);
  EXPECT_EQ(state->success_count(), 0);
  EXPECT_TRUE(admitted());
}

TEST_F(Breaker, IgnoresResultsOfCallsAdmittedInAnEarlierPhase) {
  start({.failure_threshold = 1, .success_threshold = 1, .wait = 1s});
  const auto slow = state->admit(now);
  fail();
  advance(1s);
  const auto probe = state->admit(now);

  state->record(*slow, breaker_verdict::success, 1s, now);
  EXPECT_EQ(phase(), breaker_phase::half_open);
  state->record(*slow, breaker_verdict::failure, 1s, now);
  EXPECT_EQ(phase(), breaker_phase::half_open);
  EXPECT_FALSE(admitted()) << "the probe is still under way";
  state->record(*probe, breaker_verdict::success, 1ms, now);
  EXPECT_EQ(phase(), breaker_phase::closed);
}

TEST_F(Breaker, CountsEveryFailureButRejectionsAndCancellations) {
  start({});
  const auto judged = [&](failure_kind kind) {
    const failure why{.kind = kind, .message = "no"};
    return state->judge(&why);
  };

  EXPECT_EQ(state->judge(nullptr), breaker_verdict::success);
  EXPECT_EQ(judged(failure_kind::permanent), breaker_verdict::failure);
  EXPECT_EQ(judged(failure_kind::timed_out), breaker_verdict::failure);
  EXPECT_EQ(judged(failure_kind::rejected), breaker_verdict::neutral);
  EXPECT_EQ(judged(failure_kind::cancelled), breaker_verdict::neutral);
}

TEST_F(Breaker, LetsFailuresPassThatItsFilterExcludes) {
  start({.failure_threshold = 1,
         .failure_if = {[](const failure& why) { return why.kind != failure_kind::malformed; },
                        "well formed"}});
  const failure bad_request{.kind = failure_kind::malformed, .message = "bad request"};
  const failure down{.kind = failure_kind::transient, .message = "down"};

  call(state->judge(&bad_request));
  EXPECT_EQ(phase(), breaker_phase::closed);
  EXPECT_EQ(state->failure_count(), 0);
  call(state->judge(&down));
  EXPECT_EQ(phase(), breaker_phase::open);
}

TEST_F(Breaker, AdmitsAProbeAfterAReset) {
  start({.failure_threshold = 1, .success_threshold = 2, .wait = 60s});
  fail();
  state->reset();

  EXPECT_EQ(phase(), breaker_phase::half_open);
  EXPECT_EQ(state->failure_count(), 0);
  EXPECT_EQ(state->success_count(), 0);
  EXPECT_TRUE(succeed());
  EXPECT_EQ(phase(), breaker_phase::half_open);
  EXPECT_TRUE(succeed());
  EXPECT_EQ(phase(), breaker_phase::closed);
}

TEST_F(Breaker, TurnsEveryCallAwayWhileForcedOpen) {
  start({.wait = 1s});
  state->force_open();
  advance(24h);

  EXPECT_EQ(phase(), breaker_phase::forced_open);
  EXPECT_FALSE(admitted());
  EXPECT_EQ(state->retry_after(now), std::nullopt);
  EXPECT_THAT(state->rejection("charge", now), HasSubstr("operator"));
}

TEST_F(Breaker, AdmitsEveryCallAndRecordsNothingWhileDisabled) {
  start({.failure_threshold = 1});
  state->disable();

  for (int i = 0; i < 10; ++i) EXPECT_TRUE(fail());
  EXPECT_EQ(phase(), breaker_phase::disabled);
  EXPECT_EQ(state->failure_count(), 0);
}

TEST_F(Breaker, ClosesWhenToldTo) {
  start({.failure_threshold = 1});
  fail();
  state->close();

  EXPECT_EQ(phase(), breaker_phase::closed);
  EXPECT_EQ(state->failure_count(), 0);
  EXPECT_TRUE(succeed());
}

TEST_F(Breaker, SaysThatTheServiceIsUnavailableAndForHowLong) {
  start({.failure_threshold = 1, .wait = 30s});
  fail();
  advance(10s);

  const auto text = state->rejection("charge", now);
  EXPECT_THAT(text, HasSubstr("Circuit breaker is OPEN"));
  EXPECT_THAT(text, HasSubstr("`charge` is unavailable"));
  EXPECT_THAT(text, HasSubstr("20s"));
  EXPECT_EQ(state->retry_after(now), 20s);
}

TEST_F(Breaker, DoesNotOverflowNearTheEndsOfTime) {
  start({.failure_threshold = 1, .wait = duration::max()});
  now = instant(-1h);
  fail();

  EXPECT_FALSE(admitted());
  EXPECT_GT(state->retry_after(now), 24h);
  now = instant(-2h);
  EXPECT_EQ(state->retry_after(now), duration::max());
}

TEST_F(Breaker, DescribesItsOptions) {
  const auto described = troupe_describe(breaker{.name = "bank", .failure_rate = 0.5});

  EXPECT_EQ(described.at("name"), value("bank"));
  EXPECT_EQ(described.at("wait"), value("1m"));
  EXPECT_EQ(described.at("failure_rate"), value(0.5));
  EXPECT_FALSE(described.contains("window_time"));
  EXPECT_FALSE(troupe_describe(breaker{}).contains("name"));
}

RC_GTEST_PROP(BreakerProbes, AreNeverTwoAtATime, ()) {
  breaker_state state(breaker{.failure_threshold = 1,
                              .success_threshold = *rc::gen::inRange(1, 4),
                              .wait = 10ms,
                              .wait_growth = 1.5,
                              .max_wait = 40ms});
  instant now{};
  std::vector<breaker_permit> open_permits;
  std::uint64_t epoch_of_probes = 0;
  int probes = 0;
  for (const auto action : *rc::gen::container<std::vector<int>>(200, rc::gen::inRange(0, 12))) {
    now += duration(*rc::gen::inRange(0, 20'000'000));
    if (action == 11) state.reset();
    if (action < 6) {
      const auto permit = state.admit(now);
      if (!permit) continue;
      if (permit->probe && permit->epoch == epoch_of_probes) ++probes;
      else if (permit->probe) probes = 1;
      if (permit->probe) epoch_of_probes = permit->epoch;
      RC_ASSERT(probes <= 1);
      RC_ASSERT(permit->probe == (state.phase() == breaker_phase::half_open));
      open_permits.push_back(*permit);
    } else if (!open_permits.empty()) {
      const auto at = *rc::gen::inRange<std::size_t>(0, open_permits.size());
      const auto permit = open_permits[at];
      open_permits.erase(open_permits.begin() + static_cast<std::ptrdiff_t>(at));
      if (permit.probe && permit.epoch == epoch_of_probes) --probes;
      state.record(permit, static_cast<breaker_verdict>(action % 3), 1ms, now);
    }
  }
}

} // namespace
} // namespace troupe
