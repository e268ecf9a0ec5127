#include "support/case_fixture.hpp"
#include "support/case_values.hpp"
#include "support/undo_log.hpp"

#include <troupe/runtime/choose.hpp>
#include <troupe/runtime/pause.hpp>
#include <troupe/runtime/protect.hpp>

namespace troupe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PausedSagaCases : public CaseFixture {
protected:
  static step<value, value> ask(const std::string& name = "ask") {
    return pause<value, value>(name, "ok?");
  }
};
TROUPE_CASES(PausedSagaCases);

TEST_P(PausedSagaCases, APauseUndoesNothingAndALaterFailureUndoesAll) {
  undo_log log;
  auto a = mock_step("a", ok(1));
  auto live = rt.deploy((a() | compensate(log.undo("a"))) >> ask()
                        >> (mock_step("b", permanent("f"))() | compensate(log.undo("b"))));

  const auto paused = live.start("in");
  EXPECT_EQ(paused.result().status, run_status::paused);
  EXPECT_THAT(log.names(), IsEmpty());
  const auto next = live.resume(paused, "yes").value();

  EXPECT_EQ(next.result().why->message, "f");
  EXPECT_THAT(log.entries(), ElementsAre(undo_log::entry{"b", "yes"}, undo_log::entry{"a", "in"}));
  EXPECT_NE(next.result().step_history.at(0).metadata().compensation(), nullptr);
  EXPECT_EQ(a.call_count(), 1u);
}

TEST_P(PausedSagaCases, WhatWasUndoneBeforeThePauseIsNeitherDoneNorUndoneAgain) {
  undo_log log;
  scripted_step late("late", {hang(), hang()});
  const auto primary = as_step("primary", (mock_step("a", ok())() | compensate(log.undo("a")))
                                              >> (late() | compensate(log.undo("late"))))
                       | timeout{.after = 10ms};
  auto live = rt.deploy((primary | fallback(mock_step("other", ok())())) >> ask());

  const auto paused = live.start({});
  EXPECT_EQ(paused.result().status, run_status::paused);
  const auto next = live.resume(paused, "yes").value();

  EXPECT_TRUE(next.result().success());
  EXPECT_TRUE(next.result().step_history.at(0).metadata().fallback_triggered);
  EXPECT_EQ(late.call_count(), 1u);
  EXPECT_THAT(log.names(), ElementsAre("late", "a"));
}

TEST_P(PausedSagaCases, APausedRunThatIsCancelledIsUndone) {
  undo_log log;
  auto a = mock_step("a", ok(1));
  auto b = mock_step("b", ok(2));
  auto end = mock_step("end", ok());
  auto live =
      rt.deploy((a() | compensate(log.undo("a")))
                >> parallel(b() | compensate(log.undo("b")), ask("one"), ask("two")) >> end());
  const auto paused = live.start("in");
  ASSERT_EQ(paused.result().status, run_status::paused);

  const auto next = live.cancel(paused).value();

  EXPECT_EQ(next.result().status, run_status::cancelled);
  EXPECT_EQ(next.result().why->message, "the run was cancelled while it was paused");
  EXPECT_EQ(next.id(), paused.id());
  EXPECT_THAT(log.entries(), ElementsAre(undo_log::entry{"b", 1}, undo_log::entry{"a", "in"}));
  EXPECT_NE(next.result().step_history.at(0).metadata().compensation(), nullptr);
  EXPECT_EQ(a.call_count() + b.call_count(), 2u);
  EXPECT_EQ(end.call_count(), 0u);
  EXPECT_EQ(seen->of(event_kind::run_paused).size(), 2u);
  EXPECT_THAT(live.resume(paused, "late").why().message, HasSubstr("already"));
  EXPECT_THAT(live.cancel(next).why().message, HasSubstr("is not paused; it is cancelled"));
}

TEST_P(PausedSagaCases, ACancelledPauseIsNeitherAnsweredNorHealed) {
  undo_log log;
  auto other = mock_step("other", ok());
  auto live = rt.deploy(collect(mock_step("a", ok())() | compensate(log.undo("a")),
                                ask() | retry{.max_retries = 2} | fallback(other())));
  const auto paused = live.start({});
  ASSERT_EQ(paused.result().status, run_status::paused);

  const auto next = live.cancel(*paused.result().snapshot).value();

  EXPECT_EQ(next.result().status, run_status::cancelled);
  EXPECT_EQ(other.call_count(), 0u);
  EXPECT_THAT(log.names(), ElementsAre("a"));
}

TEST_P(PausedSagaCases, WhatWasUndoneBeforeThePauseIsNotUndoneByACancel) {
  undo_log log;
  const auto primary = as_step("primary", (mock_step("a", ok())() | compensate(log.undo("a")))
                                              >> mock_step("b", permanent("f"))());
  auto live = rt.deploy((primary | fallback(mock_step("other", ok())())) >> ask());
  const auto paused = live.start({});
  ASSERT_EQ(paused.result().status, run_status::paused);
  ASSERT_THAT(log.names(), ElementsAre("a"));

  const auto next = live.cancel(paused).value();

  EXPECT_EQ(next.result().status, run_status::cancelled);
  EXPECT_THAT(log.names(), ElementsAre("a"));
}

TEST_P(PausedSagaCases, ACompensationCannotAsk) {
  const auto asking = mock_step("a", ok())() | compensate(ask());

  EXPECT_THROW((void)rt.deploy(asking), plan_error);
}

} // namespace
} // namespace troupe::testing
