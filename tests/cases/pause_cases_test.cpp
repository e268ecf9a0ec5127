#include "support/case_fixture.hpp"
#include "support/case_values.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/runtime/choose.hpp>
#include <troupe/runtime/pause.hpp>
#include <troupe/runtime/protect.hpp>

namespace troupe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PauseCases : public CaseFixture {
protected:
  static step<value, value> ask(const std::string& name = "ask",
                                const std::string& prompt = "ok?") {
    return pause<value, value>(name, prompt);
  }

  /// Goes on with a run that must be paused.
  template <class Live>
  static any_run go_on(const Live& live, const any_run& paused, value answer) {
    auto next = live.resume(paused, answer);
    if (!next) throw step_error(next.why());
    return *std::move(next);
  }
};
TROUPE_CASES(PauseCases);

TEST_P(PauseCases, C330PausesWithThePromptAndGoesOnWithTheAnswer) {
  scripted_step a("a", {ok("from a").costing(0.10, 3)});
  auto b = mock_step("b", ok("from b"));
  auto live = rt.deploy(a() >> ask() >> b());

  const auto paused = live.start("in");
  EXPECT_EQ(paused.result().status, run_status::paused);
  EXPECT_FALSE(paused.result().success());
  EXPECT_EQ(paused.result().total_cost_usd, 0.10);
  EXPECT_THAT(names_of(paused.result().step_history), ElementsAre("a"));
  ASSERT_NE(paused.result().snapshot, nullptr);
  EXPECT_EQ(paused.result().snapshot->pause.step, "ask");
  const auto shown = to_value(paused.result());
  EXPECT_EQ(shown.at("status"), value("paused"));
  EXPECT_EQ(shown.at("pause"), value::map({{"step", "ask"}, {"prompt", "ok?"}}));
  EXPECT_TRUE(shown.at("failure").is_null());
  EXPECT_TRUE(shown.at("output").is_null());

  const auto next = live.resume(paused, "yes").value();

  EXPECT_EQ(next.wait().value(), value("from b"));
  EXPECT_EQ(next.id(), paused.id());
  EXPECT_EQ(next.correlation_id(), paused.correlation_id());
  EXPECT_THAT(b.inputs(), ElementsAre(value("yes")));
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_EQ(next.result().total_cost_usd, 0.10);
  EXPECT_EQ(next.result().total_tokens, 3);
  EXPECT_THAT(names_of(next.result().step_history), ElementsAre("a", "ask", "b"));
  EXPECT_EQ(next.result().step_history[1].output, value("yes"));
}

TEST_P(PauseCases, C331ResumingARunThatIsNotPausedIsRefused) {
  auto live = rt.deploy(mock_step("a", ok("x"))() >> ask());
  const auto paused = live.start({});
  const auto next = live.resume(paused, 1).value();
  next.result();

  const auto again = live.resume(next, 2);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.why().kind, failure_kind::permanent);
  EXPECT_THAT(again.why().message, HasSubstr("is not paused; it is completed"));
  EXPECT_EQ(next.result().output, value(1));

  EXPECT_THAT(live.resume(paused, 2).why().message, HasSubstr("already"));
}

TEST_P(PauseCases, C332RefusesAnAnswerThatDoesNotFit) {
  auto live = rt.deploy(pause<value, int>("ask", "how many?"));
  const auto paused = live.start({});

  const auto refused = live.resume(paused, "many");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.why().kind, failure_kind::malformed);
  EXPECT_THAT(refused.why().message, HasSubstr("how many?"));
  EXPECT_THAT(refused.why().message, HasSubstr("integer"));
  EXPECT_EQ(paused.result().status, run_status::paused);

  EXPECT_EQ(live.resume(paused, 1).value().wait().value(), 1);
}

TEST_P(PauseCases, AnAnswerMustBeOneOfTheChoices) {
  auto live = rt.deploy(pause<value, std::string>("ask", "?", {"yes", "no"}));
  const auto paused = live.start({});

  EXPECT_THAT(live.resume(paused, "maybe").why().message, HasSubstr("must be one of"));
  EXPECT_EQ(live.resume(paused, "no").value().wait().value(), "no");
}

TEST_P(PauseCases, ThePromptIsMadeFromTheInputAndTheContext) {
  auto live = rt.deploy(pause<int, value>("ask", [](int amount, const context& ctx) {
    return "pay " + std::to_string(amount) + " to " + *ctx.get("whom").if_text() + "?";
  }));

  const auto paused = live.start(5, with_entries({{"whom", "ann"}}));

  EXPECT_EQ(paused.result().snapshot->pause.prompt, "pay 5 to ann?");
  ASSERT_EQ(seen->of(event_kind::run_paused).size(), 1u);
  EXPECT_EQ(seen->of(event_kind::run_paused)[0].detail, "pay 5 to ann?");
}

TEST_P(PauseCases, APromptThatThrowsFailsTheStage) {
  const auto result = run_once(pause<value, value>(
      "ask", [](const value&) -> std::string { throw std::runtime_error("no idea"); }));

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_EQ(result.why->message, "no idea");
}

TEST_P(PauseCases, OtherBranchesFinishAndAreNotDoneAgain) {
  scripted_step slow("slow", {ok("s").taking(50ms).costing(1, 10).setting("by", "slow")});
  auto live = rt.deploy(parallel(ask(), slow()) >> mock_step("end", ok("done"))());

  const auto paused = live.start({});
  EXPECT_EQ(paused.result().status, run_status::paused);
  EXPECT_EQ(elapsed(), 50ms);
  EXPECT_EQ(paused.result().total_cost_usd, 1);

  const auto next = go_on(live, paused, "yes");

  EXPECT_TRUE(next.result().success());
  EXPECT_EQ(slow.call_count(), 1u);
  EXPECT_EQ(next.result().total_cost_usd, 1);
  EXPECT_EQ(next.result().total_tokens, 10);
  EXPECT_EQ(next.result().final_context.get("by"), value("slow"));
  const auto& branches = next.result().step_history.at(0).step_history;
  EXPECT_THAT(names_of(branches), ElementsAre("ask", "slow"));
  EXPECT_EQ(branches.at(0).output, value("yes"));
  EXPECT_EQ(branches.at(1).latency, 50ms);
}

TEST_P(PauseCases, TwoBranchesAreAskedOneAfterTheOther) {
  auto live = rt.deploy(parallel(ask("first", "1?"), ask("second", "2?")));

  const auto one = live.start({});
  EXPECT_EQ(one.result().snapshot->pause.step, "first");
  const auto two = live.resume(one, "x").value();
  ASSERT_EQ(two.result().status, run_status::paused);
  EXPECT_EQ(two.result().snapshot->pause.step, "second");
  const auto three = live.resume(two, "y").value();

  EXPECT_THAT(outputs_in(three.result().output), ElementsAre(value("x"), value("y")));
}

TEST_P(PauseCases, TwoPausesInARow) {
  auto b = mock_step("b", ok("from b").costing(1));
  auto live = rt.deploy(ask("first") >> b() >> ask("second"));

  const auto two = go_on(live, live.start({}), 1);
  EXPECT_EQ(two.result().snapshot->pause.step, "second");
  const auto three = go_on(live, two, 2);

  EXPECT_EQ(three.result().output, value(2));
  EXPECT_EQ(b.call_count(), 1u);
  EXPECT_EQ(three.result().total_cost_usd, 1);
  EXPECT_THAT(names_of(three.result().step_history), ElementsAre("first", "b", "second"));
}

TEST_P(PauseCases, EveryItemOfAMapIsAskedFor) {
  auto before = mock_step("before", ok().costing(1));
  const auto body = as_step("body", before() >> pause<value, value>(
                                        "ask", [](const value&) { return std::string("item?"); }));
  auto live = rt.deploy(map_value(body));

  any_run run = live.start(value::list({1, 2, 3}));
  for (const auto* answer : {"x", "y", "z"}) {
    ASSERT_EQ(run.result().status, run_status::paused);
    EXPECT_EQ(run.result().total_cost_usd, 3);
    run = go_on(live, run, answer);
  }

  EXPECT_EQ(run.result().output, value::list({"x", "y", "z"}));
  EXPECT_EQ(before.call_count(), 3u);
  EXPECT_EQ(run.result().total_cost_usd, 3);
}

TEST_P(PauseCases, EveryTurnOfALoopAsksAgain) {
  auto add = number_step("add", [](std::int64_t n) { return n + 1; });
  const auto body = as_step("body", add.as<value, int>() >> pause<int, int>("ask", [](int n) {
                                      return "is " + std::to_string(n) + " enough?";
                                    }));
  auto live = rt.deploy(loop(body, [](int n) { return n >= 10; }));

  any_run run = live.start_value(1);
  EXPECT_EQ(run.result().snapshot->pause.prompt, "is 2 enough?");
  run = go_on(live, run, 5);
  EXPECT_EQ(run.result().snapshot->pause.prompt, "is 6 enough?");
  run = go_on(live, run, 10);

  EXPECT_EQ(run.result().output, value(10));
  EXPECT_EQ(run.result().step_history.at(0).attempts, 2u);
  EXPECT_EQ(add.call_count(), 2u);
}

TEST_P(PauseCases, ARetryBeforeThePauseKeepsItsAttempts) {
  scripted_step a("a", {transient("1").costing(1), transient("2"), ok("x").costing(1)});
  auto live = rt.deploy((a() | retry{.initial_delay = 1s}) >> ask());

  const auto paused = live.start({});
  EXPECT_EQ(paused.result().step_history.at(0).attempts, 3u);
  EXPECT_EQ(paused.result().metrics.retry_count, 2u);
  const auto next = go_on(live, paused, "yes");

  EXPECT_EQ(next.result().step_history.at(0).attempts, 3u);
  EXPECT_EQ(next.result().step_history.at(0).latency, paused.result().step_history.at(0).latency);
  EXPECT_EQ(next.result().metrics.retry_count, 2u);
  EXPECT_EQ(next.result().total_cost_usd, 2);
  EXPECT_EQ(a.call_count(), 3u);
}

TEST_P(PauseCases, ARetryAroundThePauseAsksAgainInItsNextAttempt) {
  auto a = mock_step("a", ok("x"));
  scripted_step b("b", {transient("f"), ok("done")});
  auto live = rt.deploy(as_step("all", a() >> ask() >> b()) | retry{.initial_delay = 10s});

  const auto second = go_on(live, live.start({}), "first answer");
  ASSERT_EQ(second.result().status, run_status::paused);
  EXPECT_EQ(second.result().metrics.retry_count, 1u);
  const auto before = rt.now();
  const auto third = go_on(live, second, "second answer");

  EXPECT_EQ(third.result().output, value("done"));
  EXPECT_EQ(rt.now() - before, 0s) << "it has waited for the second attempt before";
  EXPECT_EQ(third.result().metrics.retry_count, 1u);
  EXPECT_EQ(third.result().step_history.at(0).attempts, 2u);
  EXPECT_EQ(a.call_count(), 2u);
  EXPECT_THAT(b.inputs(), ElementsAre(value("first answer"), value("second answer")));
}

TEST_P(PauseCases, NoFallbackAnswersForAPerson) {
  auto other = mock_step("other", ok("other"));
  auto guarded =
      rt.deploy(as_step("all", ask() >> mock_step("b", ok("done"))()) | retry{}
                | breaker{.failure_threshold = 1} | timeout{.after = 1s} | fallback(other()));

  const auto paused = guarded.start({});
  EXPECT_EQ(paused.result().status, run_status::paused);
  EXPECT_EQ(guarded.breaker("all")->failure_count(), 0);
  rt.advance(1h);
  const auto next = go_on(guarded, paused, "yes");

  EXPECT_EQ(next.result().output, value("done"));
  EXPECT_EQ(other.call_count(), 0u);
}

TEST_P(PauseCases, APausedResultIsNotCached) {
  auto a = mock_step("a", ok("x").costing(1));
  auto live = rt.deploy(as_step("all", a() >> ask()) | cache{});

  const auto paused = live.start({});
  EXPECT_EQ(live.start({}).result().status, run_status::paused);
  EXPECT_EQ(a.call_count(), 2u);
  const auto next = go_on(live, paused, "yes");
  EXPECT_EQ(next.result().output, value("yes"));
  EXPECT_EQ(next.result().total_cost_usd, 1);

  const auto hit = live.start({}).result();
  EXPECT_EQ(hit.output, value("yes"));
  EXPECT_TRUE(hit.metrics.cache_hit);
}

TEST_P(PauseCases, ACacheAroundFinishedStagesIsNotAskedAgain) {
  auto a = mock_step("a", ok("x").costing(1));
  auto live = rt.deploy((as_step("both", a() >> mock_step("b", ok("y"))()) | cache{}) >> ask());

  const auto next = go_on(live, live.start({}), "yes");

  EXPECT_EQ(next.result().total_cost_usd, 1);
  EXPECT_FALSE(next.result().metrics.cache_hit);
  EXPECT_EQ(next.result().checkpoints.size(), 1u);
  EXPECT_EQ(next.result().checkpoints.at(0).name, "cache.miss");
}

TEST_P(PauseCases, WhatLostAgainstAFinishedStageIsNotStartedAgain) {
  scripted_step slow("slow", {hang(), hang()});
  scripted_step late("late", {hang(), hang()});
  const auto first = race(mock_step("fast", ok("won").taking(10ms))(), slow());
  const auto limited = as_step("limited", mock_step("x", ok())() >> late()) | timeout{.after = 10ms}
                       | fallback(mock_step("other", ok())());
  auto live = rt.deploy(first >> limited >> ask());

  const auto next = go_on(live, live.start({}), "yes");

  EXPECT_TRUE(next.result().success());
  EXPECT_EQ(slow.call_count(), 1u);
  EXPECT_EQ(late.call_count(), 1u);
}

TEST_P(PauseCases, AskingLosesARaceAgainstAnAnswer) {
  auto live = rt.deploy(race(ask("lost", "lost?"), mock_step("a", ok("won").taking(10ms))())
                        >> ask("later", "later?"));

  const auto paused = live.start({});

  ASSERT_EQ(paused.result().status, run_status::paused);
  EXPECT_EQ(paused.result().snapshot->pause.prompt, "later?");
  EXPECT_EQ(go_on(live, paused, "yes").result().output, value("yes"));
}

TEST_P(PauseCases, AFailedBranchFailsTheRunWhoeverWasAsked) {
  const auto result = run_once(parallel(ask(), mock_step("bad", permanent("f").taking(10ms))()));

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_THAT(result.feedback(), HasSubstr("f"));
  EXPECT_EQ(result.snapshot, nullptr);
}

TEST_P(PauseCases, AnotherPlanDoesNotGoOnWithIt) {
  auto live = rt.deploy(mock_step("a", ok("x"))() >> ask());
  auto other = rt.deploy(mock_step("b", ok("x"))() >> ask());
  auto plain = rt.deploy(mock_step("b", ok("x"))());
  const auto paused = live.start({});
  const auto& state = *paused.result().snapshot;

  EXPECT_THAT(other.resume(state, 1).why().message, HasSubstr("another version"));
  EXPECT_EQ(plain.resume(state, 1).why().kind, failure_kind::permanent);
  auto no_plan = state;
  no_plan.plan = {};
  EXPECT_FALSE(plain.resume(no_plan, 1));
  EXPECT_TRUE(live.resume(state, 1));
}

TEST_P(PauseCases, ChangesToTheContextAreReplayed) {
  scripted_step a("a", {ok("x").setting("k", "from a")});
  const auto forget = inline_step("forget", [](const value& input, step_context& ctx) {
    ctx.erase("old");
    return input;
  });
  std::vector<value> found;
  const auto look = inline_step("look", [&](const value& input, step_context& ctx) {
    found = {ctx.get("k"), ctx.get("old"), ctx.get("kept")};
    return input;
  });
  auto live = rt.deploy(a() >> forget >> ask() >> look);

  const auto paused = live.start({}, with_entries({{"old", 1}, {"kept", 2}}));
  go_on(live, paused, "yes").result();

  EXPECT_THAT(found, ElementsAre(value("from a"), value(), value(2)));
}

TEST_P(PauseCases, GoesOnInAnotherRuntimeThroughAFile) {
  scripted_step a("a", {ok("x").costing(0.5).setting("k", 1), ok("again")});
  const auto both = parallel(inline_step("n", [](const value&) { return 20; }),
                             inline_step("m", [](const value&) { return 22; }));
  const auto sum = inline_step("sum", [](const std::tuple<int, int>& parts) {
    return std::get<0>(parts) + std::get<1>(parts);
  });
  const auto flow = [&] {
    return parallel(as_step("left", a() >> both >> sum), ask()) >> mock_step("end", ok("done"))();
  };
  std::string file;
  {
    virtual_runtime first({.log = false, .fuse_stages = GetParam() != hosting::unfused});
    const auto paused = first.deploy(flow()).start("in");
    file = write_json(to_value(*paused.result().snapshot));
  }

  auto live = rt.deploy(flow());
  const auto state = run_snapshot_from(parse_json(file).value()).value();
  const auto next = live.resume(state, "yes").value();

  EXPECT_EQ(next.result().output, value("done"));
  EXPECT_EQ(next.id(), state.run_id);
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_EQ(next.result().total_cost_usd, 0.5);
  EXPECT_EQ(next.result().final_context.get("k"), value(1));
  EXPECT_EQ(next.result().step_history.at(0).step_history.at(0).output, value(42));
}

TEST_P(PauseCases, TheResultsOfABlockComeBackFromAFileAsResults) {
  const auto both = parallel(inline_step("n", [](const value&) { return 20; }),
                             inline_step("m", [](const value&) { return 22; }));
  const auto keep = both | save_as{.key = "parts"};
  std::optional<int> seen_sum;
  const auto sum = inline_step("sum",
                               [&](const value&, step_context& ctx) -> outcome<value> {
                                 const auto parts =
                                     from_value<std::tuple<int, int>>(ctx.get("parts"));
                                 if (!parts) return parts.why();
                                 seen_sum = std::get<0>(*parts) + std::get<1>(*parts);
                                 return value(*seen_sum);
                               },
                               {.parameters = "sum"});
  auto live = rt.deploy(keep >> pause<value, value>("ask", "?") >> sum);
  const auto paused = live.start({});

  const auto file = write_json(to_value(*paused.result().snapshot));
  const auto state = run_snapshot_from(parse_json(file).value()).value();

  EXPECT_EQ(live.resume(state, 1).value().result().output, value(42));
}

TEST_P(PauseCases, APausedRunIsNoFailure) {
  auto live = rt.deploy(mock_step("a", ok().costing(1))() >> ask());

  const auto paused = live.start({});
  paused.result();
  const auto meanwhile = live.metrics();
  EXPECT_EQ(meanwhile.total_requests, 0u);
  EXPECT_EQ(meanwhile.failed, 0u);
  for (const auto& layer : meanwhile.layers) EXPECT_EQ(layer.failures, 0u) << layer.name;
  EXPECT_EQ(rt.metrics().open_runs, 0u);
  go_on(live, paused, 1).result();

  EXPECT_EQ(live.metrics().total_requests, 1u);
  EXPECT_EQ(live.metrics().total_cost_usd, 1);
  EXPECT_EQ(live.metrics().error_rate, 0.0);
}

TEST_P(PauseCases, ARunThatIsCancelledBeforeItAsksIsCancelled) {
  auto live = rt.deploy(mock_step("a", hang())() >> ask());
  const auto run = live.start({});
  rt.advance(10ms);

  run.cancel();

  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_EQ(run.result().snapshot, nullptr);
  EXPECT_FALSE(live.resume(run, 1));
}

TEST_P(PauseCases, UsageOfThePastCountsForTheLimit) {
  auto a = mock_step("a", ok().costing(1));
  auto live = rt.deploy(a() >> ask() >> mock_step("b", ok().costing(1))());
  const auto paused = live.start({});

  const auto next = live.resume(paused, 1, {.limits = {.cost_usd = 1.5}}).value();

  EXPECT_EQ(next.result().why->kind, failure_kind::usage_limit);
  EXPECT_EQ(next.result().total_cost_usd, 2);
}

TEST_P(PauseCases, AStepThatOnlySaysSoPausesNothing) {
  const auto result = run_once(mock_step("a", fails({failure_kind::paused, "hm"}))());

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_THAT(result.feedback(), HasSubstr("hm"));
}

} // namespace
} // namespace troupe::testing
