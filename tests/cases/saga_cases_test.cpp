#include "support/case_fixture.hpp"
#include "support/case_values.hpp"
#include "support/undo_log.hpp"

#include <troupe/runtime/choose.hpp>
#include <troupe/runtime/protect.hpp>

#include <optional>

namespace troupe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SagaCases : public CaseFixture {
protected:
  /// A scripted step that is undone under its own name.
  auto undoable(const std::string& name, script_entry forward, script_entry backward = ok()) {
    return mock_step(name, std::move(forward))() | compensate(log.undo(name, std::move(backward)));
  }

  undo_log log;
};
TROUPE_CASES(SagaCases);

const step_result* compensation_of(const step_result& entry) {
  return entry.metadata().compensation().get();
}

TEST_P(SagaCases, C340UndoesAStageThatFailedWithItsOriginalInput) {
  const auto result = run_once(undoable("a", permanent("f"), ok("undone")), "in");

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_EQ(result.why->message, "f");
  EXPECT_THAT(log.entries(), ElementsAre(undo_log::entry{"a", "in"}));
  const auto entry = to_value(result.step_history.at(0));
  EXPECT_EQ(entry.at("metadata").at("compensation").at("output"), value("undone"));
  EXPECT_EQ(entry.at("metadata").at("compensation").at("success"), value(true));
}

TEST_P(SagaCases, C340UndoesNothingOnSuccess) {
  const auto result = run_once(undoable("a", ok("done")) >> mock_step("b", ok("b"))(), "in");

  EXPECT_TRUE(result.success());
  EXPECT_THAT(log.names(), IsEmpty());
  EXPECT_EQ(compensation_of(result.step_history.at(0)), nullptr);
  EXPECT_FALSE(to_value(result.step_history.at(0)).at("metadata").contains("compensation"));
}

TEST_P(SagaCases, C341KeepsTheFirstFailureWhenUndoingFailsToo) {
  const auto result = run_once(undoable("a", permanent("f"), permanent("u")));

  EXPECT_EQ(result.why->message, "f");
  const auto* undone = compensation_of(result.step_history.at(0));
  ASSERT_NE(undone, nullptr);
  EXPECT_EQ(undone->feedback(), "u");
  const auto warnings = seen->of(event_kind::warning);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0].detail, HasSubstr("the compensation of a failed: u"));
}

TEST_P(SagaCases, C343UndoesALaterStageFirst) {
  const auto result =
      run_once(undoable("a", ok(1)) >> undoable("b", ok(2)) >> undoable("c", permanent("f")), 0);

  EXPECT_EQ(result.why->message, "f");
  EXPECT_THAT(log.entries(), ElementsAre(undo_log::entry{"c", 2}, undo_log::entry{"b", 1},
                                         undo_log::entry{"a", 0}));
  for (const auto& entry : result.step_history) EXPECT_NE(compensation_of(entry), nullptr);
}

TEST_P(SagaCases, AFailedCompensationDoesNotStopTheOthers) {
  run_once(undoable("a", ok(1)) >> undoable("b", ok(2), throws(42))
           >> mock_step("c", permanent("f"))());

  EXPECT_THAT(log.names(), ElementsAre("b", "a"));
}

TEST_P(SagaCases, GivesTheContextThatTheStageWasGiven) {
  run_once(undoable("a", ok(1).setting("by", "a")) >> undoable("b", ok(2).setting("by", "b"))
               >> mock_step("c", permanent("f"))(),
           {}, with_entries({{"by", "nobody"}}));

  const auto seen_by = log.contexts();
  ASSERT_EQ(seen_by.size(), 2u);
  EXPECT_EQ(seen_by[0].at("by"), value("a"));
  EXPECT_EQ(seen_by[1].at("by"), value("nobody"));
}

TEST_P(SagaCases, AStageThatNeverStartedIsNotUndone) {
  run_once(undoable("a", permanent("f")) >> undoable("b", ok()));

  EXPECT_THAT(log.names(), ElementsAre("a"));
}

TEST_P(SagaCases, OrderIsThatOfTheStartsAcrossBranches) {
  const auto first = as_step("first", undoable("a", ok().taking(10ms)) >> undoable("b", ok()));
  const auto second = as_step("second", undoable("c", ok().taking(5ms)) >> undoable("d", ok())
                                            >> mock_step("e", permanent("f").taking(50ms))());

  run_once(parallel(first, second));

  EXPECT_THAT(log.names(), ElementsAre("b", "d", "c", "a"));
}

TEST_P(SagaCases, ACancelUndoesInTheOrderOfTheStartsThroughPoliciesToo) {
  const auto first = as_step("first", undoable("a", ok()) >> undoable("b", hang())) | retry{};
  const auto second = as_step("second", undoable("c", ok().taking(5ms)) >> undoable("d", hang()))
                      | fallback(mock_step("other", ok())());
  auto live = rt.deploy(parallel(first, second));
  auto run = live.start_value({});
  rt.advance(20ms);

  run.cancel();

  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_THAT(log.names(), ElementsAre("d", "b", "c", "a"));
}

TEST_P(SagaCases, ACancelledRunIsUndoneAndStaysCancelled) {
  auto live =
      rt.deploy(undoable("a", ok(1)) >> undoable("b", hang(), ok().taking(30ms).costing(0.5, 2)));
  auto run = live.start_value(0);
  rt.advance(10ms);

  EXPECT_TRUE(run.cancel());
  const auto result = run.result();

  EXPECT_EQ(result.status, run_status::cancelled);
  EXPECT_EQ(elapsed(), 40ms);
  EXPECT_THAT(log.names(), ElementsAre("b", "a"));
  EXPECT_EQ(result.total_cost_usd, 0.5);
  ASSERT_EQ(result.step_history.size(), 2u);
  EXPECT_NE(compensation_of(result.step_history[0]), nullptr);
  EXPECT_NE(compensation_of(result.step_history[1]), nullptr);
}

TEST_P(SagaCases, ACancelWhileUndoingChangesNothing) {
  auto live =
      rt.deploy(undoable("a", ok(1), ok().taking(30ms)) >> mock_step("b", permanent("f"))());
  auto run = live.start_value(0);
  rt.advance(10ms);

  run.cancel();

  run.result();
  EXPECT_EQ(elapsed(), 30ms);
  EXPECT_TRUE(compensation_of(run.result().step_history.at(0))->success());
}

TEST_P(SagaCases, TheDeadlineOfTheRunDoesNotStopUndoing) {
  const auto result = run_once(undoable("a", ok(), ok().taking(1min)) >> mock_step("b", hang())(),
                               {}, {.deadline = 10ms});

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_EQ(result.why->kind, failure_kind::timed_out);
  EXPECT_TRUE(compensation_of(result.step_history.at(0))->success());
  EXPECT_EQ(elapsed(), 10ms + 1min);
}

TEST_P(SagaCases, ABrokenUsageLimitDoesNotStopUndoing) {
  const auto result =
      run_once(undoable("a", ok().costing(1), ok().costing(2)) >> mock_step("b", ok().costing(1))(),
               {}, {.limits = {.cost_usd = 1.5}});

  EXPECT_EQ(result.why->kind, failure_kind::usage_limit);
  EXPECT_TRUE(compensation_of(result.step_history.at(0))->success());
  EXPECT_EQ(result.total_cost_usd, 4);
}

TEST_P(SagaCases, AFallbackHealsAndOnlyItsFailedLevelIsUndone) {
  const auto primary = as_step("primary", undoable("b", ok()) >> undoable("c", transient("down")));

  const auto result =
      run_once(undoable("a", ok()) >> (primary | fallback(undoable("d", ok("from d")))));

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("from d"));
  EXPECT_THAT(log.names(), ElementsAre("c", "b"));
}

TEST_P(SagaCases, WhatAFallbackDidIsUndoneWhenSomethingLaterFails) {
  const auto primary = undoable("a", permanent("down"));

  run_once((primary | fallback(undoable("b", ok()))) >> mock_step("c", permanent("f"))());

  EXPECT_THAT(log.names(), ElementsAre("a", "b"));
}

TEST_P(SagaCases, ARetryUndoesEachFailedAttemptBeforeTheNext) {
  scripted_step b("b", {transient("1"), transient("2"), ok("done")});
  std::vector<std::size_t> calls_when_undone;
  auto undo = inline_step("undo", [&](const value& input) {
    calls_when_undone.push_back(b.call_count());
    return input;
  });
  const auto both = as_step("both", (mock_step("a", ok())() | compensate(undo)) >> b());

  const auto result = run_once(both | retry{.initial_delay = 1s});

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.step_history.at(0).attempts, 3u);
  EXPECT_THAT(calls_when_undone, ElementsAre(1u, 2u));
}

TEST_P(SagaCases, ACompensationOutsideARetryRunsOnce) {
  scripted_step a("a", {transient("1"), transient("2")});

  const auto result = run_once(a() | retry{.max_retries = 1} | compensate(log.undo("a")), "in");

  EXPECT_FALSE(result.success());
  EXPECT_THAT(log.entries(), ElementsAre(undo_log::entry{"a", "in"}));
}

TEST_P(SagaCases, TheLosersOfARaceAreUndone) {
  const auto result =
      run_once(race(undoable("fast", ok("won").taking(10ms)), undoable("slow", ok().taking(20ms)),
                    undoable("bad", permanent("f").taking(5ms))));

  EXPECT_EQ(result.output, value("won"));
  EXPECT_THAT(log.names(), ElementsAre("bad", "slow"));
}

TEST_P(SagaCases, OnlyTheFailedBranchesOfACollectAreUndone) {
  const auto result = run_once(collect(undoable("a", ok()), undoable("b", permanent("f"))));

  EXPECT_TRUE(result.success());
  EXPECT_THAT(log.names(), ElementsAre("b"));
}

TEST_P(SagaCases, TheWinnerOfARaceIsUndoneWhenSomethingLaterFails) {
  run_once(race(undoable("fast", ok().taking(10ms)), undoable("slow", ok().taking(20ms)))
           >> mock_step("c", permanent("f"))());

  EXPECT_THAT(log.names(), ElementsAre("slow", "fast"));
}

TEST_P(SagaCases, TheLoserOfAHedgeIsUndone) {
  scripted_step a("a", {ok("slow").taking(50ms), ok("quick").taking(5ms)});
  int undone = 0;
  const auto counted = inline_step("count",
                                   [&](const value& input) {
                                     ++undone;
                                     return input;
                                   },
                                   {.idempotent = true});

  const auto result = run_once(a() | compensate(counted) | hedge{.delay = 10ms});
  rt.settle();

  EXPECT_EQ(result.output, value("quick"));
  EXPECT_EQ(undone, 1);
}

TEST_P(SagaCases, EveryTurnOfALoopIsUndone) {
  const auto body =
      number_step("a", [](std::int64_t n) { return n + 1; })() | compensate(log.undo("a"));

  run_once(loop(body, [](const value&) { return false; }, {.max_iterations = 3}), 0);

  EXPECT_THAT(log.entries(), ElementsAre(undo_log::entry{"a", 2}, undo_log::entry{"a", 1},
                                         undo_log::entry{"a", 0}));
}

TEST_P(SagaCases, EveryItemOfAMapIsUndone) {
  scripted_step item("item");
  item.answering([](const value& input, const context&) {
    return *input.if_integer() == 3 ? permanent("f").taking(5ms) : ok(input);
  });

  run_once(map_value(item() | compensate(log.undo("item"))), value::list({1, 2, 3}));

  EXPECT_THAT(log.entries(), ElementsAre(undo_log::entry{"item", 3}, undo_log::entry{"item", 2},
                                         undo_log::entry{"item", 1}));
}

TEST_P(SagaCases, AGroupAndWhatIsInItAreBothUndone) {
  const auto group = as_step("group", undoable("a", ok(1)) >> undoable("b", ok(2)))
                     | compensate(log.undo("group"));

  run_once(group >> mock_step("c", permanent("f"))(), 0);

  EXPECT_THAT(log.entries(), ElementsAre(undo_log::entry{"b", 1}, undo_log::entry{"a", 0},
                                         undo_log::entry{"group", 0}));
}

TEST_P(SagaCases, APipelineUsedByNameIsUndoneToo) {
  rt.define("booking", undoable("a", ok(1)) >> undoable("b", ok(2)));

  run_once(use<value, value>("booking") >> mock_step("c", permanent("f"))(), 0);

  EXPECT_THAT(log.names(), ElementsAre("b", "a"));
}

TEST_P(SagaCases, ACompensationThatFailsUndoesWhatItDid) {
  const auto undo = as_step("undo", undoable("x", ok()) >> mock_step("y", permanent("u"))());

  run_once(mock_step("a", permanent("f"))() | compensate(undo));

  EXPECT_THAT(log.names(), ElementsAre("x"));
}

TEST_P(SagaCases, PoliciesHoldWithinACompensation) {
  scripted_step undo("undo", {transient("1"), transient("2"), ok("undone")});

  const auto result =
      run_once(mock_step("a", permanent("f"))() | compensate(undo() | retry{.initial_delay = 1s}));

  const auto* undone = compensation_of(result.step_history.at(0));
  ASSERT_NE(undone, nullptr);
  EXPECT_EQ(undone->output, value("undone"));
  EXPECT_EQ(undone->attempts, 3u);
}

TEST_P(SagaCases, AStageThatATimeoutLeftIsUndoneOnceItHasStopped) {
  auto live = rt.deploy(undoable("a", stuck(200ms)) | timeout{.after = 50ms});
  auto run = live.start_value({});
  rt.advance(60ms);
  EXPECT_FALSE(run.done());
  EXPECT_THAT(log.names(), IsEmpty());
  rt.advance(139ms);
  EXPECT_THAT(log.names(), IsEmpty());

  const auto result = run.result();

  EXPECT_EQ(elapsed(), 200ms);
  EXPECT_EQ(result.why->kind, failure_kind::timed_out);
  EXPECT_THAT(log.names(), ElementsAre("a"));
}

TEST_P(SagaCases, ACompensationThatHangsEndsAfterAnHour) {
  const auto result = run_once(undoable("a", ok()) >> undoable("b", permanent("f"), hang()));

  EXPECT_EQ(elapsed(), 1h);
  EXPECT_EQ(result.why->message, "f");
  EXPECT_THAT(log.names(), ElementsAre("b", "a"));
  const auto* undone = compensation_of(result.step_history.at(1));
  ASSERT_NE(undone, nullptr);
  EXPECT_EQ(undone->why->kind, failure_kind::timed_out);
  EXPECT_THAT(undone->feedback(), HasSubstr("1h"));
}

TEST_P(SagaCases, AFailedCacheFillIsUndoneAndAHitIsNot) {
  scripted_step b("b", {permanent("f"), ok("done")});
  auto live = rt.deploy(as_step("both", undoable("a", ok()) >> b()) | cache{});

  EXPECT_FALSE(live.start_value({}).result().success());
  EXPECT_TRUE(live.start_value({}).result().success());
  const auto hit = live.start_value({}).result();

  EXPECT_TRUE(hit.metrics.cache_hit);
  EXPECT_THAT(log.names(), ElementsAre("a"));
}

TEST_P(SagaCases, AHitSaysNothingOfWhatTheRunThatFilledItUndid) {
  scripted_step later("later", {permanent("f"), ok()});
  auto live = rt.deploy((undoable("a", ok("kept")) | cache{}) >> later());

  const auto first = live.start_value({}).result();
  const auto second = live.start_value({}).result();

  EXPECT_NE(compensation_of(first.step_history.at(0)), nullptr);
  EXPECT_TRUE(second.metrics.cache_hit);
  EXPECT_EQ(compensation_of(second.step_history.at(0)), nullptr);
}

TEST_P(SagaCases, MetadataIsThereWhenACancelledStageHasPolicies) {
  auto live = rt.deploy(undoable("a", hang()) | retry{} | timeout{.after = 1h});
  auto run = live.start_value({});
  rt.advance(10ms);

  run.cancel();

  EXPECT_NE(compensation_of(run.result().step_history.at(0)), nullptr);
}

TEST_P(SagaCases, TheEndOfTheRuntimeUndoesOpenRuns) {
  undo_log mine;
  std::optional<any_run> run;
  {
    virtual_runtime short_lived({.log = false, .fuse_stages = GetParam() != hosting::unfused});
    const auto a = mock_step("a", ok())() | compensate(mine.undo("a", ok().taking(100ms)));
    const auto b = mock_step("b", hang())() | compensate(mine.undo("b", hang()));
    const auto c = mock_step("c", hang())() | compensate(mine.undo("c", ok().taking(100ms)));
    run = short_lived.deploy(a >> parallel(b, c)).start_value({});
    short_lived.advance(10ms);
  }

  ASSERT_TRUE(run->done());
  EXPECT_EQ(run->result().status, run_status::cancelled);
  EXPECT_THAT(mine.names(), ElementsAre("c", "b"));
  const auto* undone = compensation_of(run->result().step_history.at(0));
  ASSERT_NE(undone, nullptr);
  EXPECT_THAT(undone->feedback(), HasSubstr("going down"));
}

} // namespace
} // namespace troupe::testing
