#include "support/case_fixture.hpp"
#include "support/case_values.hpp"

#include <optional>

namespace troupe::testing {
namespace {

using CompositionCases = CaseFixture;
TROUPE_CASES(CompositionCases);

using ::testing::HasSubstr;
using values = std::vector<value>;
using stage_of_values = step<value, value>;
using keyed = std::vector<std::pair<std::string, stage_of_values>>;

scripted_step doubling() {
  return number_step("body", [](std::int64_t x) { return 2 * x; });
}

scripted_step counting() {
  return number_step("body", [](std::int64_t x) { return x + 1; });
}

std::function<bool(const value&)> at_least(std::int64_t limit) {
  return [limit](const value& output) { return *output.if_integer() >= limit; };
}

run_options numbers(value list) {
  return with_entries({{"nums", std::move(list)}});
}

TEST_P(CompositionCases, C170Maps) {
  scripted_step body = doubling();
  const auto result = run_once(map_context("nums", body()), {}, numbers(value::list({1, 2, 3})));
  EXPECT_EQ(result.output, value::list({2, 4, 6}));
  EXPECT_EQ(body.call_count(), 3u);
}

TEST_P(CompositionCases, C171MapsOverNothing) {
  scripted_step body = doubling();
  const auto live = rt.deploy(map_context("nums", body()));

  const auto nothing = live.start_value({}, numbers(value::list()));
  EXPECT_TRUE(nothing.result().success());
  EXPECT_EQ(nothing.result().output, value::list());
  EXPECT_EQ(body.call_count(), 0u);
  const auto something = live.start_value({}, numbers(value::list({3, 4})));
  EXPECT_EQ(something.result().output, value::list({6, 8}));
}

TEST_P(CompositionCases, C172RefusesToMapOverWhatIsNoList) {
  scripted_step body = doubling();
  const auto live = rt.deploy(map_context("nums", body()));

  for (const auto& wrong : {value(42), value("abc"), value()}) {
    const auto run = live.start_value({}, numbers(wrong));
    EXPECT_FALSE(run.result().success());
    EXPECT_THAT(run.result().feedback(), HasSubstr("needs a list"));
  }
  EXPECT_EQ(body.call_count(), 0u);
}

TEST_P(CompositionCases, C173TwoMapsAtOnceDoNotMix) {
  scripted_step body("body");
  body.answering([](const value& input, const context&) {
    return ok(2 * *input.if_integer()).taking(std::chrono::milliseconds(*input.if_integer()));
  });
  const auto live = rt.deploy(map_value(body(), map_options(1)));

  const auto first = live.start_value(value::list({1, 2}));
  const auto second = live.start_value(value::list({5, 6}));

  EXPECT_EQ(first.result().output, value::list({2, 4}));
  EXPECT_EQ(second.result().output, value::list({10, 12}));
  EXPECT_EQ(elapsed(), 11ms);
}

TEST_P(CompositionCases, C174AnItemFails) {
  scripted_step body("body", {ok("x").costing(0.10), permanent("bad").costing(0.10), ok("z")});

  const auto result = run_once(map_value(body(), map_options(1)), value::list({1, 2, 3}));

  EXPECT_FALSE(result.success());
  EXPECT_THAT(result.feedback(), HasSubstr("item 1 of 3"));
  EXPECT_THAT(result.feedback(), HasSubstr("bad"));
  EXPECT_EQ(body.inputs(), (values{1, 2}));
  EXPECT_NEAR(result.total_cost_usd, 0.20, 1e-9);
}

TEST_P(CompositionCases, C174CollectOverGoesOn) {
  scripted_step body("body", {ok("x"), permanent("bad"), ok("z")});
  const auto result = run_once(collect_over(body(), map_options(1)), value::list({1, 2, 3}));
  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value::list({"x", nullptr, "z"}));
  EXPECT_EQ(result.step_history.at(0).step_history.at(1).feedback(), "bad");
}

TEST_P(CompositionCases, C175MapsOverACachedBody) {
  scripted_step body("body");
  body.answering([](const value& input, const context&) { return ok(input).taking(5ms); });
  const auto result = run_once(map_value(body() | cache{}), value::list({1, 1, 2, 1}));
  EXPECT_EQ(result.output, value::list({1, 1, 2, 1}));
  EXPECT_EQ(body.call_count(), 2u);
  EXPECT_EQ(elapsed(), 5ms);
}

TEST_P(CompositionCases, C175MapsOverACachedBodyOneByOne) {
  scripted_step body = doubling();
  const auto result =
      run_once(map_value(body() | cache{}, map_options(1)), value::list({1, 1, 2, 1}));
  EXPECT_EQ(result.output, value::list({2, 2, 4, 2}));
  EXPECT_EQ(body.call_count(), 2u);
}

TEST_P(CompositionCases, C176TakesTheMatchingBranch) {
  scripted_step a = mock_step("a", ok("A"));
  scripted_step b = mock_step("b", ok("B"));
  scripted_step d = mock_step("d", ok("D"));
  const auto key = [](const value& input) { return *input.if_text(); };
  const auto live =
      rt.deploy(branch<value, value>(key, keyed{{"a", a()}, {"b", b()}}, std::optional(d())));

  const auto known = live.start_value("b");
  EXPECT_EQ(known.result().output, value("B"));
  EXPECT_EQ(known.result().step_history.at(0).metadata().executed_branch, value("b"));
  EXPECT_EQ(a.call_count() + d.call_count(), 0u);
  const auto unknown = live.start_value("z");
  EXPECT_EQ(unknown.result().output, value("D"));
  EXPECT_EQ(unknown.result().step_history.at(0).metadata().executed_branch, value("default"));
  EXPECT_EQ(a.call_count(), 0u);
  EXPECT_EQ(b.call_count(), 1u);
}

TEST_P(CompositionCases, C176NoBranchMatches) {
  scripted_step a = mock_step("a", ok("A"));
  const auto key = [](const value& input) { return *input.if_text(); };
  const auto result = run_once(branch<value, value>(key, keyed{{"a", a()}}), "z");
  EXPECT_FALSE(result.success());
  EXPECT_THAT(result.feedback(), HasSubstr("no branch matches z"));
  EXPECT_EQ(a.call_count(), 0u);
}

TEST_P(CompositionCases, C177TheConditionThrows) {
  scripted_step a = mock_step("a", ok("A"));
  scripted_step next = mock_step("next", ok("next"));
  const auto key = [](const value&) -> std::string { throw std::runtime_error("no idea"); };

  const auto result =
      run_once(branch<value, value>(key, keyed{{"a", a()}}, std::optional(a())) >> next(), "a");

  EXPECT_FALSE(result.success());
  EXPECT_THAT(result.feedback(), HasSubstr("no idea"));
  EXPECT_EQ(a.call_count(), 0u);
  EXPECT_EQ(next.call_count(), 0u);
  EXPECT_EQ(result.step_history.size(), 1u);
}

TEST_P(CompositionCases, C178LoopsUntilTheConditionHolds) {
  scripted_step body = counting();
  const auto result = run_once(loop(body(), at_least(3), {.max_iterations = 5}), 0);
  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value(3));
  EXPECT_EQ(body.inputs(), (values{0, 1, 2}));
  const auto& entry = result.step_history.at(0);
  EXPECT_EQ(entry.attempts, 3u);
  EXPECT_EQ(entry.metadata().exit_reason, "condition");
}

TEST_P(CompositionCases, C178GivesUpAtTheLimit) {
  scripted_step body = counting();
  int mapped = 0;
  const auto next = [&mapped](const value& output) {
    ++mapped;
    return value(*output.if_integer() + 2);
  };

  const auto result = run_once(loop(body(), at_least(11), {.max_iterations = 2}, next), 0);

  EXPECT_FALSE(result.success());
  const auto& entry = result.step_history.at(0);
  EXPECT_TRUE(entry.failed_with(failure_kind::permanent));
  EXPECT_EQ(entry.attempts, 2u);
  EXPECT_EQ(entry.metadata().exit_reason, "max_iterations");
  EXPECT_EQ(mapped, 1);
  EXPECT_EQ(body.inputs(), (values{0, 3}));
}

std::vector<std::string> route_of_input(const value& input) {
  return {*input.if_text()};
}

TEST_P(CompositionCases, C180Routes) {
  scripted_step x = mock_step("x", ok("X"));
  scripted_step y = mock_step("y", ok("Y"));
  const keyed routes{{"x", x()}, {"y", y()}};
  const auto live = rt.deploy(router<value, value>(route_of_input, routes, std::optional(y())));

  const auto known = live.start_value("x");
  EXPECT_EQ(outputs_in(known.result().output), values{"X"});
  EXPECT_EQ(known.result().step_history.at(0).metadata().executed_branch, value::list({"x"}));
  EXPECT_EQ(y.call_count(), 0u);
  const auto unknown = live.start_value("z");
  EXPECT_EQ(outputs_in(unknown.result().output), values{"Y"});
  EXPECT_EQ(unknown.result().step_history.at(0).metadata().executed_branch,
            value::list({"default"}));
  EXPECT_EQ(x.call_count(), 1u);
  EXPECT_EQ(y.call_count(), 1u);
}

TEST_P(CompositionCases, C180AnUnknownRouteListsTheKnownOnes) {
  scripted_step x = mock_step("x", ok("X"));
  scripted_step y = mock_step("y", ok("Y"));
  const auto result =
      run_once(router<value, value>(route_of_input, keyed{{"x", x()}, {"y", y()}}), "z");
  EXPECT_FALSE(result.success());
  EXPECT_THAT(result.feedback(), HasSubstr("z"));
  EXPECT_THAT(result.feedback(), HasSubstr("x, y"));
  EXPECT_EQ(x.call_count() + y.call_count(), 0u);
}

std::vector<std::string> routes_of_input(const value& input) {
  std::vector<std::string> keys;
  for (const auto& key : *input.if_list()) keys.push_back(*key.if_text());
  return keys;
}

TEST_P(CompositionCases, C181RoutesToAnUnknownBranchOrToNone) {
  scripted_step a = mock_step("a", ok("A"));
  scripted_step b = mock_step("b", ok("B"));
  const auto live = rt.deploy(router<value, value>(routes_of_input, keyed{{"a", a()}, {"b", b()}}));

  const auto unknown = live.start_value(value::list({"a", "nope"}));
  EXPECT_FALSE(unknown.result().success());
  EXPECT_THAT(unknown.result().feedback(), HasSubstr("nope"));
  EXPECT_EQ(a.call_count(), 0u);

  const auto none = live.start_value(value::list());
  EXPECT_TRUE(none.result().success());
  EXPECT_EQ(none.result().output, value::list());
  EXPECT_EQ(none.result().step_history.at(0).metadata().executed_branch, value::list());
  EXPECT_TRUE(none.result().step_history.at(0).step_history.empty());

  const auto both = live.start_value(value::list({"b", "a"}));
  EXPECT_EQ(outputs_in(both.result().output), (values{"B", "A"}));
}

} // namespace
} // namespace troupe::testing
