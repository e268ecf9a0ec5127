#include <troupe/runtime/testing.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <gmock/gmock.h>

#include <map>
#include <string>

namespace troupe {
namespace {

using ::testing::HasSubstr;

workflow parsed(const std::string& text, const step_registry& registry = {},
                const environment_reader& environment = nullptr) {
  return parse_workflow("w.yaml", text, registry, environment);
}

run_result result_of(const workflow& what, const value& input = {}) {
  testing::virtual_runtime home({.log = false});
  return what.deploy(home)
      .start_value(input, {.context = context("", what.context), .limits = what.limits})
      .result();
}

const std::string one_value = "flow: {step: s, uses: value, with: {value: 1}}\n";

TEST(WorkflowFile, HoldsHowItsRunsStart) {
  const auto made = parsed("troupe: 1\nname: answer\ninput: {query: hi}\ncontext: {tenant: acme}\n"
                           "limits: {cost_usd: 0.5, tokens: 20}\n"
                           + one_value);

  EXPECT_EQ(made.name, "answer");
  EXPECT_EQ(made.input, value::map({{"query", "hi"}}));
  EXPECT_EQ(made.context, value::map({{"tenant", "acme"}}));
  EXPECT_EQ(made.limits.cost_usd, 0.5);
  EXPECT_EQ(made.limits.tokens, 20);
  EXPECT_EQ(made.warnings, "");
  EXPECT_EQ(made.scripts, nullptr);
}

TEST(WorkflowFile, IsNamedAfterTheFileWhereItSaysNothingElse) {
  EXPECT_EQ(parse_workflow("some/folder/nightly.yaml", "troupe: 1\n" + one_value).name, "nightly");
  EXPECT_EQ(result_of(parsed("troupe: 1\n" + one_value)).name, "w");
  EXPECT_FALSE(parsed("troupe: 1\n" + one_value).input);
}

TEST(WorkflowFile, MayBeJson) {
  const auto made = parsed(R"({"troupe": 1, "flow": {"step": "s", "uses": "value",
                               "with": {"value": "${{ input + 1 }}"}}})");

  EXPECT_EQ(result_of(made, 41).output, value(42));
}

TEST(WorkflowFile, MakesOneStepOfANameUsedTwice) {
  const auto made = parsed("troupe: 1\n"
                           "steps: {a: {uses: test.script, with: {script: [{ok: 1}, {ok: 2}]}}}\n"
                           "flow: [{step: a}, {step: a, name: again}]\n");
  const auto result = result_of(made);

  EXPECT_EQ(result.output, value(2));
  EXPECT_EQ(result.step_history[1].name, "again");
  EXPECT_EQ(made.scripts->to_value().at("a").at("calls"), value(2));
}

TEST(WorkflowFile, ReadsOnlyListedEnvironmentVariables) {
  const std::map<std::string, std::string> variables{{"A", "1"}, {"B", "2"}};
  const auto environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  const auto made = parsed("troupe: 1\nenv: [A, C]\n"
                           "flow: {step: s, uses: value, with: {value: '${{ env }}'}}\n",
                           {}, environment);

  EXPECT_EQ(result_of(made).output, value::map({{"A", "1"}}));
}

TEST(WorkflowFile, HashesTheEnvironmentItReadsButNeverShowsIt) {
  const auto with_secret = [](const std::string& secret) {
    return parsed("troupe: 1\nenv: [KEY]\n"
                  "flow: {step: s, uses: value, with: {value: '${{ env.KEY }}'}}\n",
                  {}, [&](const std::string&) { return secret; });
  };

  EXPECT_EQ(with_secret("one").tree.hash(), with_secret("one").tree.hash());
  EXPECT_NE(with_secret("one").tree.hash(), with_secret("two").tree.hash());
  EXPECT_THAT(to_string(with_secret("hush").tree), ::testing::Not(HasSubstr("hush")));
}

TEST(WorkflowFile, AppliesPoliciesFromTheOutsideIn) {
  const auto made = parsed("troupe: 1\nflow:\n  step: s\n  uses: value\n  with: {value: 1}\n"
                           "  policies: [cache: {ttl: 1m}, timeout: 5s, retry: {}, breaker]\n");

  std::vector<plan_kind> kinds;
  for (const auto* at = &made.tree; at->is_policy(); at = &at->children().front().stage) {
    kinds.push_back(at->kind());
  }
  EXPECT_THAT(kinds, ::testing::ElementsAre(plan_kind::cache, plan_kind::timeout, plan_kind::retry,
                                            plan_kind::breaker));
}

TEST(WorkflowFile, GivesPlacesOfOneCacheTheirOwnKeys) {
  const auto made = parsed(
      "troupe: 1\ncaches: {c: {}}\nflow:\n"
      "  - {step: a, uses: value, with: {value: 1}, policies: [cache: {in: c, key: input.x}]}\n"
      "  - {step: b, uses: value, with: {value: 2}, policies: [cache: {in: c, key: input}]}\n");

  EXPECT_EQ(result_of(made, value::map({{"x", 1}})).output, value(2));
}

TEST(WorkflowFile, KeepsEntriesForEverWithoutATimeToLive) {
  const auto made =
      parsed("troupe: 1\ncaches: {c: {}}\nsteps:\n"
             "  s: {uses: test.script, with: {script: [{ok: 1}]}, policies: [cache: c]}\n"
             "flow: [{step: s}, {step: w, uses: sleep, with: {for: 1000h}}, "
             "{step: n, uses: value, with: {value: null}}, {step: s}]\n");

  EXPECT_EQ(result_of(made).output, value(1));
}

TEST(WorkflowFile, UsesStepsAndPipelinesOfTheRegistry) {
  step_registry registry;
  registry.add("shout", [](const std::string& text) { return text + "!"; });
  registry.add_pipeline("twice", step("double", [](int number) { return 2 * number; }));
  const auto shout = parsed("troupe: 1\nflow: {step: s, uses: shout}\n", registry);
  const auto twice = parsed("troupe: 1\nflow: {pipeline: twice}\n", registry);

  EXPECT_EQ(result_of(shout, "hi").output, value("hi!"));
  EXPECT_EQ(result_of(twice, 21).output, value(42));
}

TEST(WorkflowFile, ShowsAPipelineUnderTheNameItIsGiven) {
  const auto made = parsed("troupe: 1\n"
                           "pipelines: {p: [{step: a, uses: value, with: {value: 1}}, "
                           "{step: b, uses: value, with: {value: 2}}]}\n"
                           "flow: [{pipeline: p}, {pipeline: p, name: again}]\n");
  const auto result = result_of(made);

  ASSERT_EQ(result.step_history.size(), 2U);
  EXPECT_EQ(result.step_history[0].name, "p");
  EXPECT_EQ(result.step_history[1].name, "again");
  EXPECT_EQ(result.step_history[1].step_history.size(), 2U);
}

TEST(WorkflowFile, FailsTheStepWhoseExpressionFails) {
  const auto made = parsed("troupe: 1\nflow:\n  map: {step: s, uses: value, with: {value: 1}}\n"
                           "  over: input.list\n");
  const auto result = result_of(made, value::map({{"other", 1}}));

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_THAT(result.why->message, HasSubstr("input.list"));
}

} // namespace
} // namespace troupe
