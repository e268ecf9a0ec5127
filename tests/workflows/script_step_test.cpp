#include "step_fixture.hpp"

#include <troupe/runtime/choose.hpp>
#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/protect.hpp>

#include <csignal>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ScriptStep : public StepFixture {
protected:
  [[nodiscard]] step<value, value> script(const std::string& entries,
                                          const std::string& more = "") const {
    return make("test.script", R"({"script": [)" + entries + "]" + more + "}");
  }
  /// The result of a run that is cancelled a second after its start.
  run_result cut_short(const std::string& entry) {
    auto live = rt.deploy(script(entry));
    const auto started = live.start_value({});
    rt.advance(1s);
    started.cancel();
    return started.result();
  }
  [[nodiscard]] std::vector<std::string> faults(const std::string& entry) const {
    return complaints("test.script", R"({"script": [{"ok": 1}, )" + entry + "]}");
  }
};

TEST_F(ScriptStep, TakesTheNextEntryInEachCall) {
  auto live = rt.deploy(script(R"({"ok": 1}, {"ok": {"a": [2]}}, {"ok": null})"));

  EXPECT_EQ(live.start_value({}).result().output, value(1));
  EXPECT_EQ(live.start_value({}).result().output, value::map({{"a", value::list({2})}}));
  EXPECT_TRUE(live.start_value({}).result().success());
}

TEST_F(ScriptStep, FailsForGoodOnceItIsUsedUp) {
  auto live = rt.deploy(script(R"({"ok": 1})"));
  EXPECT_TRUE(live.start_value({}).result().success());

  const auto result = live.start_value({}).result();

  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_THAT(result.feedback(), HasSubstr("No more outputs"));
  EXPECT_THAT(run(script("")).feedback(), HasSubstr("No more outputs"));
}

TEST_F(ScriptStep, StartsOverWhenItRepeats) {
  auto live = rt.deploy(script(R"({"ok": 1}, {"ok": 2})", R"(, "repeat": true)"));

  for (const int expected : {1, 2, 1, 2, 1})
    EXPECT_EQ(live.start_value({}).result().output, value(expected));
}

TEST_F(ScriptStep, SharesItsEntriesAmongEverythingMadeOfIt) {
  const auto shared = script(R"({"ok": 1}, {"ok": 2})");

  EXPECT_EQ(run(shared).output, value(1));
  EXPECT_EQ(run(shared).output, value(2));
}

TEST_F(ScriptStep, FailsInEveryWayItIsTold) {
  for (const auto* kind : {"transient", "permanent", "rate_limited", "timed_out", "unclassified"}) {
    const auto entry = std::string("{\"") + kind + R"(": "why", "retry_after": "2s"})";

    const auto result = run(script(entry));

    EXPECT_EQ(to_string(result.why->kind), kind);
    EXPECT_EQ(result.feedback(), "why");
    EXPECT_EQ(result.why->retry_after, 2s);
  }
}

TEST_F(ScriptStep, TakesItsTime) {
  EXPECT_TRUE(run(script(R"({"ok": 1, "after": "20ms"})")).success());
  EXPECT_EQ(elapsed(), 20ms);
  EXPECT_FALSE(run(script(R"({"transient": "no", "after": "1s"})")).success());
  EXPECT_EQ(elapsed(), 1020ms);
}

TEST_F(ScriptStep, EvaluatesOnlyTheEntryItTakes) {
  auto live = rt.deploy(script(R"({"ok": "${{ input }}"}, {"ok": "${{ input.missing }}"},
                                  {"ok": {"n": "${{ context.n }}"}})"));
  run_options how;
  how.context.set("n", 5);

  EXPECT_EQ(live.start_value("echo").result().output, value("echo"));
  EXPECT_EQ(live.start_value(value::map()).result().why->kind, failure_kind::permanent);
  EXPECT_EQ(live.start_value({}, how).result().output, value::map({{"n", 5}}));
}

TEST_F(ScriptStep, ChecksWhatDependsOnTheCallWhenItIsTaken) {
  const auto result = run(script(R"({"ok": 1, "after": "${{ input }}"})"), 5);

  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_THAT(result.feedback(), StartsWith("`script.0.after` must be a duration"));
}

TEST_F(ScriptStep, TakesAWholeEntryFromTheInput) {
  const auto echo = script(R"("${{ input }}")");

  EXPECT_EQ(run(echo, value::map({{"ok", 3}})).output, value(3));
  EXPECT_EQ(run(script(R"("${{ input }}")"), 3).why->kind, failure_kind::permanent);
}

TEST_F(ScriptStep, CountsUsageWhenAnEntryEnds) {
  const auto good = run(script(R"({"ok": 1, "cost_usd": 0.25, "tokens": 10})"));
  const auto bad = run(script(R"({"transient": "no", "cost_usd": 0.5, "tokens": 3})"));

  EXPECT_DOUBLE_EQ(good.total_cost_usd, 0.25);
  EXPECT_EQ(good.total_tokens, 10);
  EXPECT_DOUBLE_EQ(bad.total_cost_usd, 0.5);
  EXPECT_EQ(bad.total_tokens, 3);
}

TEST_F(ScriptStep, CountsUsageOfWhatNeverEndsAtItsStart) {
  const auto hang = cut_short(R"({"hang": true, "cost_usd": 0.1})");
  const auto stuck = cut_short(R"({"stuck": {"for": "1h"}, "tokens": 4})");
  const auto slow = cut_short(R"({"ok": 1, "after": "1h", "tokens": 4})");

  EXPECT_DOUBLE_EQ(hang.total_cost_usd, 0.1);
  EXPECT_EQ(stuck.total_tokens, 4);
  EXPECT_EQ(slow.total_tokens, 0);
}

TEST_F(ScriptStep, ChangesTheContextOnSuccessOnly) {
  const auto good = run(script(R"({"ok": 1, "set": {"k": "${{ input }}"}})"), "v");
  const auto bad = run(script(R"({"permanent": "no", "set": {"k": 1}})"));

  EXPECT_EQ(good.final_context.get("k"), value("v"));
  EXPECT_TRUE(bad.final_context.get("k").is_null());
}

TEST_F(ScriptStep, HangsUntilItIsCancelled) {
  auto live = rt.deploy(script(R"({"hang": true})"));
  const auto waiting = live.start_value({});
  rt.advance(100h);

  EXPECT_TRUE(waiting.cancel());

  EXPECT_EQ(waiting.result().status, run_status::cancelled);
  EXPECT_EQ(elapsed(), 100h);
  EXPECT_EQ(rt.metrics().abandoned_steps, 0u);
}

TEST_F(ScriptStep, HangsInVirtualTimeUntilNothingCanHappen) {
  const auto result = run(script(R"({"hang": true})"));

  EXPECT_THAT(result.feedback(), HasSubstr("nothing can ever happen"));
}

TEST_F(ScriptStep, StopsAtOnceWhenItTimesOut) {
  auto live = rt.deploy(script(R"({"hang": true})") | timeout{.after = 30ms});

  EXPECT_EQ(live.start_value({}).result().why->kind, failure_kind::timed_out);
  EXPECT_EQ(elapsed(), 30ms);
  rt.advance(10s);
  EXPECT_EQ(rt.metrics().abandoned_steps, 0u);
}

TEST_F(ScriptStep, IgnoresTheCancelWhenItIsStuck) {
  auto live = rt.deploy(script(R"({"stuck": {"for": "100ms", "ok": "late"}})"));
  const auto waiting = live.start_value({});
  rt.advance(10ms);

  EXPECT_TRUE(waiting.cancel());

  EXPECT_EQ(waiting.result().status, run_status::cancelled);
  EXPECT_EQ(elapsed(), 100ms);
}

TEST_F(ScriptStep, IsStuckForBothOfItsTimes) {
  EXPECT_EQ(run(script(R"({"stuck": {"for": "100ms", "ok": "late"}, "after": "20ms"})")).output,
            value("late"));
  EXPECT_EQ(elapsed(), 120ms);
}

TEST_F(ScriptStep, EndsItsProcessWhenItCrashes) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(run(script(R"({"crash": true, "after": "10ms"})")),
              ::testing::KilledBySignal(SIGKILL), "");
}

TEST_F(ScriptStep, WritesDownCallsAndInputs) {
  const auto first = make("test.script", R"({"script": [{"ok": 1}], "repeat": true})", "a");
  const auto second = make("test.script", R"({"script": [{"ok": 1}]})", "a");
  const auto never = make("test.script", R"({"script": []})", "b");
  run(first, "x");
  run(second, 2);
  run(second, 3);

  EXPECT_EQ(write_json(surroundings.scripts->to_value()),
            R"({"a":{"calls":3,"inputs":["x",2,3]},"b":{"calls":0,"inputs":[]}})");
}

TEST_F(ScriptStep, MayBeDoneTwiceUnlessItSaysNo) {
  EXPECT_FALSE(definition("test.script", R"({"script": []})").idempotent);
  EXPECT_TRUE(definition("test.script", R"({"script": [], "idempotent": true})").idempotent);
}

TEST_F(ScriptStep, WorksWithoutABook) {
  surroundings.scripts = nullptr;

  EXPECT_TRUE(run(script(R"({"ok": 1})")).success());
}

TEST_F(ScriptStep, AcceptsEverythingThatAnEntryMayHold) {
  EXPECT_THAT(faults(R"({"ok": null, "after": "1s", "cost_usd": 0, "tokens": 0, "set": {}},
                        {"stuck": {"for": "${{ input }}"}}, {"hang": true, "after": "1s"},
                        {"transient": "${{ input }}", "retry_after": "${{ input }}"},
                        {"crash": true}, "${{ input }}")"),
              IsEmpty());
}

TEST_F(ScriptStep, RefusesEntriesThatDoNotOneThing) {
  EXPECT_THAT(faults(R"({})"), ElementsAre(StartsWith("script.1: says not what happens")));
  EXPECT_THAT(faults(R"({"hang": true, "ok": 1})"),
              ElementsAre(AllOf(StartsWith("script.1: has both"), HasSubstr("`hang`"))));
  EXPECT_THAT(faults(R"(5)"), ElementsAre(StartsWith("script.1: must be a map")));
}

TEST_F(ScriptStep, RefusesMembersThatItDoesNotKnow) {
  EXPECT_THAT(faults(R"({"ok": 1, "aftr": "1s"})"),
              ElementsAre(AllOf(StartsWith("script.1.aftr: "), HasSubstr("did you mean after"))));
  EXPECT_THAT(faults(R"({"stuck": {"for": "1s", "okk": 1}})"),
              ElementsAre(StartsWith("script.1.stuck.okk: ")));
}

TEST_F(ScriptStep, RefusesBadMembers) {
  EXPECT_THAT(faults(R"({"ok": 1, "after": 5})"), ElementsAre(StartsWith("script.1.after: ")));
  EXPECT_THAT(faults(R"({"ok": 1, "after": "-5s"})"), ElementsAre(StartsWith("script.1.after: ")));
  EXPECT_THAT(faults(R"({"ok": 1, "cost_usd": -0.1})"),
              ElementsAre(StartsWith("script.1.cost_usd: ")));
  EXPECT_THAT(faults(R"({"ok": 1, "tokens": 1.5})"), ElementsAre(StartsWith("script.1.tokens: ")));
  EXPECT_THAT(faults(R"({"ok": 1, "tokens": -1})"), ElementsAre(StartsWith("script.1.tokens: ")));
  EXPECT_THAT(faults(R"({"ok": 1, "set": [1]})"), ElementsAre(StartsWith("script.1.set: ")));
  EXPECT_THAT(faults(R"({"ok": 1, "retry_after": "1s"})"),
              ElementsAre(StartsWith("script.1.retry_after: ")));
  EXPECT_THAT(faults(R"({"transient": 5})"), ElementsAre(StartsWith("script.1.transient: ")));
  EXPECT_THAT(faults(R"({"hang": false})"), ElementsAre(StartsWith("script.1.hang: ")));
  EXPECT_THAT(faults(R"({"crash": "yes"})"), ElementsAre(StartsWith("script.1.crash: ")));
  EXPECT_THAT(faults(R"({"stuck": true})"), ElementsAre(StartsWith("script.1.stuck: ")));
  EXPECT_THAT(faults(R"({"stuck": {"ok": 1}})"),
              ElementsAre(StartsWith("script.1.stuck.for: is missing")));
}

TEST_F(ScriptStep, RefusesUsageThatIsNoNumber) {
  auto with = parse_json(R"({"script": [{"ok": 1}]})").value();
  const auto entry = value::map({{"ok", 1}, {"cost_usd", std::numeric_limits<double>::infinity()}});
  with = with.with("script", value::list({entry}));
  std::vector<std::string> fields;

  registry.find("test.script")
      ->check({"s", template_of(with), std::make_shared<const step_surroundings>()},
              [&](const std::string& field, const std::string&) { fields.push_back(field); });

  EXPECT_THAT(fields, ElementsAre("script.0.cost_usd"));
}

TEST_F(ScriptStep, RefusesAScriptThatIsNotInTheFile) {
  EXPECT_THAT(complaints("test.script", R"({"script": "${{ input }}"})"),
              ElementsAre(StartsWith("script: ")));
  EXPECT_THAT(complaints("test.script", R"({"script": [], "repeat": "${{ input }}"})"),
              ElementsAre(StartsWith("repeat: ")));
}

} // namespace
} // namespace troupe::testing
