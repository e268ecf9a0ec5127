#include <troupe/actors/block_options.hpp>
#include <troupe/actors/context_saver.hpp>
#include <troupe/actors/pauser.hpp>
#include <troupe/actors/step_host.hpp>
#include <troupe/policies/breaker.hpp>
#include <troupe/policies/bulkhead.hpp>
#include <troupe/policies/cache.hpp>
#include <troupe/policies/hedge.hpp>
#include <troupe/policies/place.hpp>
#include <troupe/policies/rate_limit.hpp>
#include <troupe/policies/retry.hpp>
#include <troupe/policies/timeout.hpp>
#include <troupe/workflows/graph.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

plan step(std::string name, std::string type = "") {
  step_definition about;
  about.type = std::move(type);
  return plan::make(plan_kind::step, std::move(name), {}, std::move(about));
}

template <class Options>
plan around(plan_kind kind, const plan& inner, Options options) {
  return plan::make(kind, "", {{"", inner}}, std::move(options));
}

plan fallback(const std::vector<plan>& levels) {
  std::vector<plan::child> children;
  for (const auto& level : levels) children.push_back({"", level});
  return plan::make(plan_kind::fallback, "", std::move(children));
}

plan sequence(const std::vector<plan>& stages, const std::string& name = "") {
  std::vector<plan::child> children;
  for (const auto& stage : stages) children.push_back({"", stage});
  return plan::make(plan_kind::sequence, name, std::move(children));
}

plan parallel(std::vector<plan::child> branches, block_options options = {}) {
  return plan::make(plan_kind::parallel, "", std::move(branches), std::move(options));
}

plan branch(std::vector<plan::child> cases, const std::string& source) {
  branch_options options;
  options.key = {[](const value&) { return std::string(); }, "cel:" + source};
  return plan::make(plan_kind::branch, "", std::move(cases), std::move(options));
}

plan loop(const plan& body, const std::string& source, int turns = 5) {
  loop_options options;
  options.until = {[](const value&) { return true; }, "cel:" + source};
  options.max_iterations = turns;
  return plan::make(plan_kind::loop, "", {{"", body}}, std::move(options));
}

plan pause(const std::string& prompt_as_json) {
  pause_options options;
  options.prompt = {[](const value&) { return std::string(); }, prompt_as_json};
  return plan::make(plan_kind::pause, "", {}, std::move(options));
}

plan undone(const plan& stage, const plan& undo) {
  return plan::make(plan_kind::compensate, "", {{"", stage}, {"", undo}});
}

/// The answer of the language models, with everything around it.
plan answer() {
  auto first = around(plan_kind::breaker, step("gpt4", "llm.chat"), breaker{.name = "gpt4"});
  first = around(plan_kind::timeout, first, timeout{.after = 30s});
  first = around(plan_kind::retry, first, retry{.max_retries = 3});
  const auto all = fallback({first, step("gpt35", "llm.chat"), step("canned", "value")});
  return around(plan_kind::cache, around(plan_kind::timeout, all, timeout{.after = 2min}),
                cache{.name = "answers"});
}

/// One stage of every kind.
plan everything() {
  block_options few;
  few.joined = {.mode = join_mode::quorum, .quorum = 1};
  few.max_in_flight = 2;
  block_options each;
  each.over = {[](const value& input) { return input; }, "cel:input.items"};
  return sequence(
      {answer(), parallel({{"left", step("a")}, {"b", step("b")}}, few),
       plan::make(plan_kind::map, "", {{"", step("each", "exec")}}, each),
       branch({{"high", sequence({step("c"), step("d")})}, {"default", step("e")}}, "input.risk"),
       loop(step("draft"), "output.score > 0.8"), pause("\"Is it fine?\""), plan::use("billing"),
       undone(step("book"), step("cancel booking"))});
}

std::string labels(const plan& one) {
  const auto text = to_text(one);
  return text.substr(0, text.find('\n'));
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(GraphText, ShowsAStepWithItsTypeAndPolicies) {
  EXPECT_EQ(to_text(step("a")), "a\n");
  EXPECT_EQ(to_text(around(plan_kind::retry, step("a", "exec"), retry{.max_retries = 2})),
            "a (exec) · retry 2\n");
}

TEST(GraphText, ListsPoliciesFromTheOutsideIn) {
  EXPECT_EQ(to_text(answer()), "fallback · cache answers · timeout 2m\n"
                               "├─ gpt4 (llm.chat) · retry 3 · timeout 30s · breaker gpt4\n"
                               "├─ fallback: gpt35 (llm.chat)\n"
                               "└─ fallback: canned (value)\n");
}

TEST(GraphText, ShowsEveryKindOfStage) {
  EXPECT_EQ(to_text(everything()), "sequence\n"
                                   "├─ fallback · cache answers · timeout 2m\n"
                                   "│  ├─ gpt4 (llm.chat) · retry 3 · timeout 30s · breaker gpt4\n"
                                   "│  ├─ fallback: gpt35 (llm.chat)\n"
                                   "│  └─ fallback: canned (value)\n"
                                   "├─ parallel · join quorum 1 · at most 2 at once\n"
                                   "│  ├─ left: a\n"
                                   "│  └─ b\n"
                                   "├─ map over input.items\n"
                                   "│  └─ each (exec)\n"
                                   "├─ branch on input.risk\n"
                                   "│  ├─ high: sequence\n"
                                   "│  │  ├─ c\n"
                                   "│  │  └─ d\n"
                                   "│  └─ default: e\n"
                                   "├─ loop until output.score > 0.8 · at most 5 turns\n"
                                   "│  └─ draft\n"
                                   "├─ pause: Is it fine?\n"
                                   "├─ billing (pipeline)\n"
                                   "└─ book\n"
                                   "   └─ compensate: cancel booking\n");
}

TEST(GraphText, NamesEveryPolicy) {
  const auto one = step("a");

  EXPECT_EQ(labels(around(plan_kind::cache, one, cache{})), "a · cache 1h");
  EXPECT_EQ(labels(around(plan_kind::cache, one, cache{.ttl = std::nullopt})), "a · cache");
  EXPECT_EQ(labels(around(plan_kind::breaker, one, breaker{})), "a · breaker");
  EXPECT_EQ(labels(around(plan_kind::hedge, one, hedge{.delay = 100ms})), "a · hedge 100ms");
  EXPECT_EQ(labels(around(plan_kind::hedge, one, hedge{.quantile = 0.95})), "a · hedge p95");
  EXPECT_EQ(labels(around(plan_kind::bulkhead, one, bulkhead{.max_in_flight = 4})),
            "a · bulkhead 4");
  EXPECT_EQ(labels(around(plan_kind::rate_limit, one, rate_limit{.rate = 10})),
            "a · rate limit 10/s");
  EXPECT_EQ(labels(around(plan_kind::rate_limit, one, rate_limit{.rate = 0.5, .per = 1h})),
            "a · rate limit 0.5/h");
  EXPECT_EQ(labels(around(plan_kind::save_as, one, save_as{.key = "summary"})), "a · → summary");
  EXPECT_EQ(
      labels(around(plan_kind::place, one, place{.labels = {{"gpu", "true"}, {"zone", "b"}}})),
      "a · gpu=true, zone=b");
}

TEST(GraphText, CallsABlockWhoseFirstSuccessWinsARace) {
  block_options options;
  options.joined.mode = join_mode::first;

  EXPECT_EQ(to_text(parallel({{"a", step("a")}}, options)), "race\n└─ a\n");
}

TEST(GraphText, ShowsGivenNames) {
  EXPECT_EQ(labels(sequence({step("a")}, "prepare")), "sequence prepare");
  EXPECT_EQ(labels(parallel({{"a", step("a")}}).renamed("both")), "parallel both");
  EXPECT_EQ(labels(plan::use("billing").renamed("pay")), "pay (pipeline billing)");
  EXPECT_EQ(labels(around(plan_kind::retry, step("a"), retry{}).renamed("b")), "b · retry 3");
}

TEST(GraphText, SaysNothingAboutCodeThatHasNoSource) {
  loop_options options;
  options.until = [](const value&) { return true; };

  EXPECT_EQ(labels(plan::make(plan_kind::loop, "", {{"", step("a")}}, options)),
            "loop · at most 5 turns");
  EXPECT_EQ(labels(pause("code")), "pause");
}

TEST(GraphText, KeepsNamesOnOneShortLine) {
  EXPECT_EQ(to_text(step("a\n\t b\x1b[1m\xff")), "a b?[1m\uFFFD\n");
  const auto text = to_text(step(std::string(1000, 'x')));
  EXPECT_THAT(text, EndsWith("x…\n"));
  EXPECT_LT(text.size(), 100U);
}

TEST(GraphText, IsCutAfterFiveHundredStages) {
  const auto text = to_text(sequence(std::vector<plan>(600, step("a"))));

  EXPECT_EQ(count(text, "─ a\n"), 499U) << "the sequence is a stage too";
  EXPECT_THAT(text, EndsWith("└─ … the rest is left out: more than 500 stages\n"));
  EXPECT_THAT(to_text(sequence(std::vector<plan>(499, step("a")))), Not(HasSubstr("left out")));
}

TEST(GraphText, IsCutWhereItIsTooDeepOrShared) {
  auto deep = step("a");
  for (int level = 0; level < 5000; ++level) deep = sequence({deep}, "s");
  auto wide = step("a");
  for (int level = 0; level < 60; ++level) wide = sequence({wide, wide}, "s");
  auto many = step("a");
  for (int level = 0; level < 5000; ++level) many = around(plan_kind::retry, many, retry{});

  EXPECT_THAT(to_text(deep), HasSubstr("more than 100 levels"));
  EXPECT_THAT(to_text(wide), HasSubstr("left out"));
  EXPECT_THAT(labels(many), EndsWith("retry 3 · …"));
  EXPECT_LT(to_mermaid(wide).size(), 200'000U);
  EXPECT_LT(to_dot(deep).size(), 200'000U);
}

TEST(GraphMermaid, DrawsStepsAsBoxesAndSequencesAsArrows) {
  EXPECT_EQ(to_mermaid(sequence({step("a", "exec"), step("b")})),
            "flowchart TD\n"
            "  n1[\"a<br/><small>exec</small>\"]\n"
            "  n2[\"b\"]\n"
            "  n1 --> n2\n");
}

TEST(GraphMermaid, DrawsBlocksAsFramesWithForkAndJoin) {
  EXPECT_EQ(to_mermaid(parallel({{"left", step("a")}, {"b", step("b")}})),
            "flowchart TD\n"
            "  subgraph n1[\"parallel\"]\n"
            "    n2((\" \"))\n"
            "    n3[\"a\"]\n"
            "    n4[\"b\"]\n"
            "    n5((\" \"))\n"
            "  end\n"
            "  n2 -->|\"left\"| n3\n"
            "  n2 --> n4\n"
            "  n3 --> n5\n"
            "  n4 --> n5\n"
            "  classDef junction fill:#888,stroke:#888\n"
            "  class n2,n5 junction\n");
}

TEST(GraphMermaid, LabelsBranchesLoopsAndWhatRunsOnFailure) {
  const auto text = to_mermaid(everything());

  EXPECT_THAT(text, HasSubstr("{\"input.risk\"}"));
  EXPECT_THAT(text, HasSubstr("-->|\"high\"|"));
  EXPECT_THAT(text, HasSubstr("-->|\"default\"|"));
  EXPECT_THAT(text, HasSubstr("-->|\"until output.score #62; 0.8\"|"));
  EXPECT_EQ(count(text, "-.->|\"fallback\"|"), 2U);
  EXPECT_EQ(count(text, "-.->|\"compensate\"|"), 1U);
  EXPECT_THAT(text, HasSubstr("([\"pause<br/><small>Is it fine?</small>\"])"));
  EXPECT_THAT(text, HasSubstr("[[\"billing<br/><small>pipeline</small>\"]]"));
}

TEST(GraphMermaid, EscapesWhatMermaidWouldRead) {
  EXPECT_EQ(to_mermaid(step("a\"]; <b> #1 & `x` %%{y}")),
            "flowchart TD\n"
            "  n1[\"a#34;#93;#59; #60;b#62; #35;1 #38; #96;x#96; #37;#37;#123;y#125;\"]\n");
  EXPECT_THAT(to_mermaid(step("1. a_b-c _d_")), HasSubstr("[\"1#46; a_b-c #95;d#95;\"]"));
}

TEST(GraphDot, DrawsStepsFramesAndEdges) {
  const auto text = to_dot(answer());

  EXPECT_THAT(text, StartsWith("digraph workflow {\n"));
  EXPECT_THAT(text, HasSubstr("  subgraph cluster_n1 {\n"
                              "    label=<fallback<BR/><FONT POINT-SIZE=\"10\">"
                              "cache answers · timeout 2m</FONT>>\n"));
  EXPECT_THAT(text, HasSubstr("    n2 [label=<gpt4<BR/><FONT POINT-SIZE=\"10\">llm.chat</FONT><BR/>"
                              "<FONT POINT-SIZE=\"10\">retry 3 · timeout 30s · breaker gpt4</FONT>"
                              ">]\n"));
  EXPECT_THAT(text, HasSubstr("  n2 -> n3 [label=<fallback>, style=dashed]\n"));
}

TEST(GraphDot, DrawsTheWayBackOfALoop) {
  EXPECT_THAT(to_dot(loop(step("a"), "output > 1")),
              HasSubstr("  n3 -> n2 [label=<until output &gt; 1>, constraint=false]\n"));
}

/// What Graphviz makes of a graph, and what it has to say about it.
std::string drawn_by_graphviz(const std::string& graph, const std::string& name) {
  const auto file = std::filesystem::temp_directory_path() / ("troupe_graph_" + name + ".dot");
  std::ofstream(file, std::ios::binary) << graph;
  const auto command = "dot -Tsvg '" + file.string() + "' 2>&1";
  auto* pipe = popen(command.c_str(), "r");
  std::string result;
  for (int next = std::fgetc(pipe); next != EOF; next = std::fgetc(pipe)) {
    result += static_cast<char>(next);
  }
  EXPECT_EQ(pclose(pipe), 0) << result;
  std::filesystem::remove(file);
  return result;
}

TEST(GraphDot, IsDrawnByGraphvizWithoutComplaint) {
  const auto picture = drawn_by_graphviz(to_dot(everything()), "everything");

  EXPECT_THAT(picture, StartsWith("<?xml"));
  EXPECT_THAT(picture, HasSubstr(">gpt4</text>"));
  EXPECT_THAT(picture, Not(HasSubstr("Warning")));
}

TEST(GraphDot, EscapesWhatGraphvizWouldRead) {
  const auto odd = step("a\"b\\N <i>&amp; \x1b\xff é }");

  const auto picture = drawn_by_graphviz(to_dot(odd), "odd");

  EXPECT_THAT(picture, HasSubstr("a&quot;b\\N &lt;i&gt;&amp;amp; ?\uFFFD é }"));
}

TEST(GraphPictures, SurviveStagesWithoutContent) {
  for (const auto kind :
       {plan_kind::sequence, plan_kind::parallel, plan_kind::map, plan_kind::branch,
        plan_kind::loop, plan_kind::fallback, plan_kind::retry, plan_kind::compensate}) {
    const auto empty = plan::make(kind, "", {});
    EXPECT_THAT(to_mermaid(empty), HasSubstr("n1")) << to_string(kind);
    EXPECT_THAT(to_dot(empty), HasSubstr("n1")) << to_string(kind);
    EXPECT_THAT(to_text(empty), StartsWith(to_string(kind)));
  }
}

} // namespace
} // namespace troupe
