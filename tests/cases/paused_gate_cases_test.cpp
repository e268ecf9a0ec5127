#include "support/case_fixture.hpp"
#include "support/case_values.hpp"
#include "support/undo_log.hpp"

#include <troupe/runtime/pause.hpp>
#include <troupe/runtime/protect.hpp>

namespace troupe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What stands around a pause must not forget, when the run goes on or is cancelled, that it has let
// the call in: what was done behind it is finished, or undone.
class PausedGateCases : public CaseFixture {
protected:
  static step<value, value> ask() { return pause<value, value>("ask", "ok?"); }

  /// A run that has come to the pause.
  static any_run paused_run(const any_deployment& live) {
    auto run = live.start_value("in");
    EXPECT_EQ(run.result().status, run_status::paused);
    return run;
  }

  /// Done before the pause, and to be undone if the run does not succeed.
  auto reserved_then_asked() {
    return as_step("order", (reserve() | compensate(log.undo("reserve"))) >> ask() >> after());
  }

  void expect_undone_by_cancel(const any_deployment& live) {
    const auto paused = paused_run(live);
    const auto next = live.cancel(paused).value();
    EXPECT_EQ(next.result().status, run_status::cancelled);
    EXPECT_THAT(log.names(), ElementsAre("reserve"));
    EXPECT_EQ(reserve.call_count(), 1u);
    EXPECT_EQ(after.call_count(), 0u);
  }

  undo_log log;
  scripted_step reserve = mock_step("reserve", ok(1));
  scripted_step after = mock_step("after", ok(2));
};
TROUPE_CASES(PausedGateCases);

TEST_P(PausedGateCases, ABreakerThatOpensMeanwhileHidesNothingFromACancel) {
  auto live = rt.deploy(reserved_then_asked() | breaker{.name = "shop"});
  const auto paused = paused_run(live);
  live.breaker("shop")->force_open();

  const auto next = live.cancel(paused).value();

  EXPECT_EQ(next.result().status, run_status::cancelled);
  EXPECT_THAT(log.names(), ElementsAre("reserve"));
}

TEST_P(PausedGateCases, ABreakerThatOpensMeanwhileLetsARunGoOn) {
  auto live = rt.deploy(reserved_then_asked() | breaker{.name = "shop"});
  const auto paused = paused_run(live);
  live.breaker("shop")->force_open();

  const auto next = live.resume(paused, "yes").value();

  EXPECT_EQ(next.wait().value(), value(2));
  EXPECT_EQ(reserve.call_count(), 1u);
  EXPECT_EQ(live.start("in").result().why->kind, failure_kind::rejected);
}

TEST_P(PausedGateCases, ALeaveIsGoodInAnotherProcessToo) {
  const auto order = reserved_then_asked() | breaker{.name = "shop"};
  const auto paused = paused_run(rt.deploy(order));
  const auto kept = run_snapshot_from(to_value(*paused.result().snapshot)).value();
  virtual_runtime later;
  auto live = later.deploy(order);
  live.breaker("shop")->force_open();

  const auto next = live.resume(kept, "yes").value();

  EXPECT_EQ(next.wait().value(), value(2));
  EXPECT_EQ(reserve.call_count(), 1u);
}

TEST_P(PausedGateCases, AGateBehindThePauseStillDecides) {
  auto live = rt.deploy(
      (reserve() | compensate(log.undo("reserve"))) >> ask()
      >> (as_step("b", after() | compensate(log.undo("after"))) | breaker{.name = "shop"}));
  const auto paused = paused_run(live);
  live.breaker("shop")->force_open();

  const auto next = live.resume(paused, "yes").value();

  EXPECT_EQ(next.result().why->kind, failure_kind::rejected);
  EXPECT_EQ(after.call_count(), 0u);
  EXPECT_THAT(log.names(), ElementsAre("reserve"));
}

TEST_P(PausedGateCases, AFullBulkheadHidesNothingFromACancel) {
  scripted_step slow("slow", {hang()});
  auto live = rt.deploy(reserved_then_asked() | bulkhead{.name = "shop", .max_in_flight = 1});
  auto other = rt.deploy(slow() | bulkhead{.name = "shop", .max_in_flight = 1});
  const auto paused = paused_run(live);
  const auto inside = other.start("in");
  rt.advance(1ms);

  const auto next = live.cancel(paused).value();

  EXPECT_EQ(next.result().status, run_status::cancelled);
  EXPECT_THAT(log.names(), ElementsAre("reserve"));
  inside.cancel();
}

TEST_P(PausedGateCases, ARunThatGoesOnWaitsForAFullBulkheadAndIsNotTurnedAway) {
  scripted_step slow("slow", {ok().taking(50ms)});
  const bulkhead one{.name = "shop", .max_in_flight = 1, .max_wait = 1ms};
  auto live = rt.deploy(reserved_then_asked() | one);
  auto other = rt.deploy(slow() | one);
  const auto paused = paused_run(live);
  const auto inside = other.start("in");
  rt.advance(1ms);

  const auto next = live.resume(paused, "yes").value();

  EXPECT_EQ(next.wait().value(), value(2));
  EXPECT_TRUE(inside.result().success());
  EXPECT_EQ(elapsed(), 50ms);
  EXPECT_THAT(log.names(), IsEmpty());
}

TEST_P(PausedGateCases, ARateLimitHidesNothingFromACancel) {
  expect_undone_by_cancel(rt.deploy(reserved_then_asked() | rate_limit{.rate = 1, .per = 1h}));
}

TEST_P(PausedGateCases, ARunThatGoesOnTakesNoSecondTokenOfARateLimit) {
  auto live = rt.deploy(reserved_then_asked() | rate_limit{.rate = 1, .per = 1h});
  const auto paused = paused_run(live);

  EXPECT_EQ(live.resume(paused, "yes").value().wait().value(), value(2));
}

TEST_P(PausedGateCases, AHitInACacheHidesNothingFromACancel) {
  const cache shared{.key = [](const value&, const context&) { return value("same"); }};
  auto live = rt.deploy(reserved_then_asked() | shared);
  const auto first = paused_run(live);
  const auto second = paused_run(live);
  ASSERT_TRUE(live.resume(first, "yes").value().result().success());
  ASSERT_TRUE(live.start("in").result().metrics.cache_hit);

  const auto next = live.cancel(second).value();

  EXPECT_EQ(next.result().status, run_status::cancelled);
  EXPECT_THAT(log.names(), ElementsAre("reserve"));
}

TEST_P(PausedGateCases, AHitInACacheIsNotTheEndOfWhatWasBegun) {
  const cache shared{.key = [](const value&, const context&) { return value("same"); }};
  auto broken = mock_step("broken", permanent("f"));
  auto live = rt.deploy((reserved_then_asked() | shared) >> broken());
  const auto first = paused_run(live);
  const auto second = paused_run(live);
  ASSERT_EQ(live.resume(first, "yes").value().result().why->message, "f");
  ASSERT_THAT(log.names(), ElementsAre("reserve"));

  const auto next = live.resume(second, "yes").value();

  EXPECT_EQ(next.result().why->message, "f");
  EXPECT_THAT(log.names(), ElementsAre("reserve", "reserve"));
}

TEST_P(PausedGateCases, AHedgeBeginsNoOtherAttemptForACancel) {
  scripted_step slow_undo("undo", {ok().taking(100ms)});
  const auto order = as_step("order", (reserve() | compensate(slow_undo())) >> ask());
  auto live = rt.deploy(order | hedge{.delay = 10ms});
  const auto paused = paused_run(live);

  const auto next = live.cancel(paused).value();

  EXPECT_EQ(next.result().status, run_status::cancelled);
  EXPECT_EQ(slow_undo.call_count(), 1u);
  EXPECT_EQ(elapsed(), 100ms);
}

TEST_P(PausedGateCases, WhoWasTurnedAwayIsNotUndone) {
  const auto order = as_step("order", reserve() | compensate(log.undo("reserve")));
  auto live = rt.deploy(collect(order | breaker{.name = "shop"}, ask()));
  live.breaker("shop")->force_open();
  const auto paused = paused_run(live);
  live.breaker("shop")->reset();

  const auto next = live.cancel(paused).value();

  EXPECT_EQ(next.result().status, run_status::cancelled);
  EXPECT_EQ(reserve.call_count(), 0u);
  EXPECT_THAT(log.names(), IsEmpty());
}

TEST_P(PausedGateCases, ACancelAsksNothingMore) {
  auto asked = std::make_shared<std::atomic<int>>(0);
  auto live = rt.deploy(pause<value, value>("ask", [asked](const value&) {
    ++*asked;
    return std::string("ok?");
  }));
  const auto paused = paused_run(live);
  ASSERT_EQ(*asked, 1);

  EXPECT_EQ(live.cancel(paused).value().result().status, run_status::cancelled);
  EXPECT_EQ(*asked, 1);
}

} // namespace
} // namespace troupe::testing
