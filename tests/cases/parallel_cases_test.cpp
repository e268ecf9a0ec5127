#include "support/case_fixture.hpp"
#include "support/case_values.hpp"

#include <algorithm>

namespace troupe::testing {
namespace {

using ParallelCases = CaseFixture;
TROUPE_CASES(ParallelCases);

using JoinCases = CaseFixture;
TROUPE_CASES(JoinCases);

using ::testing::HasSubstr;
using texts = std::vector<std::string>;
using values = std::vector<value>;

bool succeeded(const step_result& result) {
  return result.success();
}

TEST_P(ParallelCases, C130BroadcastsAndCollects) {
  scripted_step a = number_step("a", [](std::int64_t x) { return x + 1; });
  scripted_step b = number_step("b", [](std::int64_t x) { return x * 2; });
  scripted_step c = number_step("c", [](std::int64_t x) { return x - 1; });

  const auto result = run_once(parallel(a(), b(), c()), 10);

  EXPECT_TRUE(result.success());
  for (const auto& branch : {a, b, c}) EXPECT_EQ(branch.inputs(), values{10});
  EXPECT_EQ(outputs_in(result.output), (values{11, 20, 9}));
  ASSERT_EQ(result.step_history.size(), 1u);
  const auto& block = result.step_history[0];
  EXPECT_TRUE(block.success());
  EXPECT_EQ(block.name, "parallel");
  EXPECT_EQ(names_of(block.step_history), (texts{"a", "b", "c"}));
  EXPECT_TRUE(std::ranges::all_of(block.step_history, succeeded));
  EXPECT_EQ(result.output.size(), 3u);
  EXPECT_EQ(result.output.at(std::size_t{1}).at("name"), value("b"));
  EXPECT_EQ(result.output.at(std::size_t{1}).at("success"), value(true));
}

TEST_P(ParallelCases, C131RunsBranchesAtTheSameTime) {
  scripted_step a("a", {ok().taking(100ms)});
  scripted_step b("b", {ok().taking(100ms)});
  scripted_step c("c", {ok().taking(100ms)});

  const auto result = run_once(parallel(a(), b(), c()));

  EXPECT_EQ(elapsed(), 100ms);
  EXPECT_EQ(result.step_history.at(0).latency, 100ms);
  EXPECT_EQ(result.latency, 100ms);
}

TEST_P(ParallelCases, C132KeepsTheDeclaredOrder) {
  scripted_step a("a", {ok("a").taking(90ms)});
  scripted_step b("b", {ok("b").taking(60ms)});
  scripted_step c("c", {ok("c").taking(30ms)});

  const auto result = run_once(parallel(a(), b(), c()));

  EXPECT_EQ(outputs_in(result.output), (values{"a", "b", "c"}));
  EXPECT_EQ(elapsed(), 90ms);
}

TEST_P(ParallelCases, C133TheNextStepGetsTheList) {
  scripted_step a("a", {ok("first")});
  scripted_step b("b", {ok("second")});
  scripted_step pick("pick");
  pick.answering([](const value& list, const context&) { return ok(outputs_in(list).at(1)); });

  const auto result = run_once(parallel(a(), b()) >> pick());

  EXPECT_EQ(result.output, value("second"));
  EXPECT_EQ(names_of(result.step_history), (texts{"parallel", "pick"}));
}

TEST_P(ParallelCases, C133ATypedStepGetsATuple) {
  const auto twice = inline_step("twice", [](int x) { return 2 * x; });
  const auto text = inline_step("text", [](int x) { return std::to_string(x); });
  const auto join_them = inline_step("join", [](const std::tuple<int, std::string>& both) {
    return std::to_string(std::get<0>(both)) + "/" + std::get<1>(both);
  });

  const auto live = rt.deploy(parallel(twice, text) >> join_them);

  EXPECT_EQ(live.run(7).value(), "14/7");
}

TEST_P(ParallelCases, N15WaitsForResultsThatArriveTogether) {
  const auto good = inline_step("good", [](const value&) { return value("fine"); });
  const step<value, value> bad = inline_step(
      "bad", [](const value&) -> value { throw step_error(failure_kind::permanent, "boom"); });

  EXPECT_EQ(outputs_in(run_once(parallel(good, good, good)).output),
            (values{"fine", "fine", "fine"}));
  EXPECT_THAT(run_once(parallel(good, good, bad)).feedback(), HasSubstr("branch bad"));
  EXPECT_THAT(run_once(parallel(bad, good, bad)).feedback(), HasSubstr("boom"));
  const auto collected = run_once(collect(bad, good));
  EXPECT_EQ(outputs_in(collected.output), (values{nullptr, "fine"}));
}

TEST_P(ParallelCases, N15CancelsABranchWhoseStepHasJustEnded) {
  const auto good = inline_step("good", [](const value&) { return value("fine"); });
  const step<value, value> bad = inline_step(
      "bad", [](const value&) -> value { throw step_error(failure_kind::permanent, "boom"); });

  const auto result = run_once(
      parallel(bad, good | retry{.max_retries = 1}, good | timeout{.after = 1s} | retry{}));

  EXPECT_FALSE(result.success());
  EXPECT_THAT(result.feedback(), HasSubstr("boom"));
  EXPECT_EQ(result.step_history.at(0).output.size(), 3u);
}

TEST_P(ParallelCases, C134SumsUsage) {
  scripted_step a("a", {ok().costing(0.10, 5)});
  scripted_step b("b", {ok().costing(0.20, 7)});
  scripted_step c("c", {ok().costing(0.05, 1)});

  const auto result = run_once(parallel(a(), b(), c()));

  EXPECT_NEAR(result.step_history.at(0).cost_usd(), 0.35, 1e-9);
  EXPECT_EQ(result.step_history.at(0).token_counts(), 13);
  EXPECT_NEAR(result.total_cost_usd, 0.35, 1e-9);
  EXPECT_EQ(result.total_tokens, 13);
}

class OneBranchFails : public CaseFixture {
protected:
  // Everything that C-135 expects, whatever way b fails.
  run_result expect_failure_of_b(const step<value, value>& b) {
    scripted_step a("a", {ok("a").taking(10ms).setting("a", 1)});
    scripted_step c("c", {hang()});
    auto result = run_once(parallel(a(), b, c()), "in", with_entries({{"kept", 1}}));

    EXPECT_EQ(result.status, run_status::failed);
    EXPECT_EQ(elapsed(), 30ms);
    EXPECT_THAT(result.feedback(), HasSubstr("branch b"));
    EXPECT_THAT(result.feedback(), HasSubstr("boom"));
    expect_three_entries(result.step_history.at(0));
    EXPECT_EQ(c.stopped(), 1u);
    EXPECT_EQ(c.running(), 0u);
    rt.advance(1h);
    EXPECT_EQ(c.call_count(), 1u);
    EXPECT_EQ(result.final_context.to_value(), value::map({{"kept", 1}}));
    return result;
  }

private:
  static void expect_three_entries(const step_result& block) {
    EXPECT_FALSE(block.success());
    ASSERT_EQ(names_of(block.step_history), (texts{"a", "b", "c"}));
    ASSERT_EQ(block.output.size(), 3u);
    EXPECT_EQ(outputs_in(block.output), (values{"a", nullptr, nullptr}));
    EXPECT_TRUE(block.step_history[0].success());
    EXPECT_TRUE(block.step_history[1].failed_with(failure_kind::permanent));
    EXPECT_THAT(block.step_history[1].feedback(), HasSubstr("boom"));
    EXPECT_TRUE(block.step_history[2].failed_with(failure_kind::cancelled));
  }
};
TROUPE_CASES(OneBranchFails);

TEST_P(OneBranchFails, C135CancelsTheOthersAndC136MergesNothing) {
  scripted_step b("b", {permanent("boom").taking(30ms)});
  expect_failure_of_b(b());
}

TEST_P(OneBranchFails, C137AReturnedFailureCounts) {
  const step<value, value> b("b", [](const value&, step_context& ctx) -> outcome<value> {
    ctx.sleep_for(30ms);
    return failure{failure_kind::permanent, "boom"};
  });
  expect_failure_of_b(b);
}

TEST_P(OneBranchFails, C137AFailureThatIsMerelyDeclaredCounts) {
  scripted_step inner("inner", {permanent("boom").taking(30ms)});
  expect_failure_of_b(as_step("b", inner()));
}

TEST_P(ParallelCases, N15ABranchThatIgnoresTheCancelHoldsTheBlockForAGracePeriod) {
  scripted_step b("b", {permanent("boom").taking(30ms)});
  scripted_step c("c", {stuck(1h, "late")});

  const auto result = run_once(parallel(b(), c()));

  EXPECT_EQ(elapsed(), 1030ms);
  const auto& block = result.step_history.at(0);
  EXPECT_THAT(block.feedback(), HasSubstr("boom"));
  EXPECT_TRUE(block.step_history.at(1).failed_with(failure_kind::cancelled));
  EXPECT_EQ(seen->of(event_kind::step_abandoned).size(), 1u);
}

TEST_P(ParallelCases, N15NoNewCallStartsAfterAFailure) {
  scripted_step a("a", {permanent("boom").taking(30ms)});
  scripted_step b("b", {ok("b").taking(30ms)});
  scripted_step c = mock_step("c", ok("c"));
  block_options options;
  options.max_in_flight = 1;

  const auto result = run_once(parallel(options, a(), b(), c()));

  EXPECT_FALSE(result.success());
  EXPECT_EQ(elapsed(), 30ms);
  EXPECT_EQ(b.call_count() + c.call_count(), 0u);
  const auto& block = result.step_history.at(0);
  EXPECT_EQ(names_of(block.step_history), (texts{"a", "b", "c"}));
  EXPECT_EQ(block.output.size(), 3u);
  EXPECT_TRUE(block.step_history[2].failed_with(failure_kind::cancelled));
}

TEST_P(ParallelCases, C150AHealedBranchCancelsNobody) {
  scripted_step p("a", {permanent("boom")});
  scripted_step f("f", {ok("a2")});
  scripted_step b("b", {ok("b").taking(80ms)});

  const auto result = run_once(parallel(p() | fallback(f()), b()));

  EXPECT_TRUE(result.success());
  EXPECT_EQ(outputs_in(result.output), (values{"a2", "b"}));
  EXPECT_TRUE(result.step_history.at(0).step_history.at(0).metadata().fallback_triggered);
  EXPECT_EQ(b.stopped(), 0u);
}

TEST_P(ParallelCases, C152FinishedSiblingsKeepTheirResults) {
  scripted_step a("a", {ok("a").taking(10ms).costing(0.10, 5)});
  scripted_step b("b", {permanent("boom").taking(50ms)});

  const auto result = run_once(parallel(a(), b()));

  EXPECT_FALSE(result.success());
  const auto& first = result.step_history.at(0).step_history.at(0);
  EXPECT_TRUE(first.success());
  EXPECT_EQ(first.name, "a");
  EXPECT_EQ(first.output, value("a"));
  EXPECT_EQ(first.spent, (usage{0.10, 5}));
  EXPECT_EQ(first.latency, 10ms);
  EXPECT_DOUBLE_EQ(result.total_cost_usd, 0.10);
}

TEST_P(JoinCases, C155CollectIgnoresFailures) {
  scripted_step a("a", {ok("a").setting("x", 1)});
  scripted_step b("b", {permanent("boom")});
  scripted_step c("c", {ok("c").taking(50ms).setting("y", 2)});

  const auto result = run_once(collect(a(), b(), c()));

  EXPECT_TRUE(result.success());
  EXPECT_EQ(elapsed(), 50ms);
  EXPECT_EQ(c.stopped(), 0u);
  EXPECT_EQ(outputs_in(result.output), (values{"a", nullptr, "c"}));
  const auto& branches = result.step_history.at(0).step_history;
  EXPECT_TRUE(branches.at(1).failed_with(failure_kind::permanent));
  EXPECT_THAT(branches.at(1).feedback(), HasSubstr("boom"));
  EXPECT_EQ(result.final_context.to_value(), value::map({{"x", 1}, {"y", 2}}));
}

TEST_P(JoinCases, C155CollectFailsWhenAllFail) {
  scripted_step a("a", {permanent("one")});
  scripted_step b("b", {permanent("two").taking(20ms)});

  const auto result = run_once(collect(a(), b()));

  EXPECT_FALSE(result.success());
  EXPECT_EQ(elapsed(), 20ms);
  EXPECT_THAT(result.feedback(), HasSubstr("one"));
  EXPECT_THAT(result.feedback(), HasSubstr("two"));
  EXPECT_EQ(result.step_history.at(0).output.size(), 2u);
}

TEST_P(JoinCases, QuorumEndsWithEnoughSuccesses) {
  scripted_step a("a", {ok("a").taking(10ms).setting("x", 1)});
  scripted_step b("b", {permanent("boom").taking(5ms)});
  scripted_step c("c", {ok("c").taking(30ms).setting("y", 2)});
  scripted_step d("d", {hang()});

  const auto result = run_once(quorum(2, a(), b(), c(), d()));

  EXPECT_TRUE(result.success());
  EXPECT_EQ(elapsed(), 30ms);
  EXPECT_EQ(d.stopped(), 1u);
  EXPECT_EQ(outputs_in(result.output), (values{"a", nullptr, "c", nullptr}));
  const auto& branches = result.step_history.at(0).step_history;
  EXPECT_TRUE(branches.at(1).failed_with(failure_kind::permanent));
  EXPECT_TRUE(branches.at(3).failed_with(failure_kind::cancelled));
  EXPECT_EQ(result.final_context.to_value(), value::map({{"x", 1}, {"y", 2}}));
}

TEST_P(JoinCases, QuorumEndsWhenItCannotBeReachedAnyMore) {
  scripted_step a("a", {ok("a").taking(1ms).setting("x", 1)});
  scripted_step b("b", {permanent("one").taking(10ms)});
  scripted_step c("c", {permanent("two").taking(20ms)});
  scripted_step d("d", {hang()});

  const auto result = run_once(quorum(3, a(), b(), c(), d()));

  EXPECT_FALSE(result.success());
  EXPECT_EQ(elapsed(), 20ms);
  EXPECT_EQ(d.stopped(), 1u);
  EXPECT_THAT(result.feedback(), HasSubstr("only 1 of the needed 3"));
  EXPECT_THAT(result.feedback(), HasSubstr("one"));
  EXPECT_THAT(result.feedback(), HasSubstr("two"));
  EXPECT_EQ(result.step_history.at(0).output.size(), 4u);
  EXPECT_EQ(result.final_context.size(), 0u);
}

TEST_P(JoinCases, QuorumLargerThanTheBlockIsRefused) {
  scripted_step a = mock_step("a", ok("a"));
  EXPECT_THROW((void)rt.deploy(quorum(3, a(), a())), plan_error);
  EXPECT_THROW((void)rt.deploy(quorum(0, a(), a())), plan_error);
  EXPECT_EQ(a.call_count(), 0u);
}

TEST_P(JoinCases, TheFirstSuccessWinsARace) {
  scripted_step a("a", {permanent("boom").taking(5ms)});
  scripted_step b("b", {ok("b").taking(20ms).setting("who", "b").costing(0.10)});
  scripted_step c("c", {hang().costing(0.20)});

  const auto result = run_once(race(a(), b(), c()));

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("b"));
  EXPECT_EQ(elapsed(), 20ms);
  EXPECT_EQ(c.stopped(), 1u);
  EXPECT_EQ(result.final_context.to_value(), value::map({{"who", "b"}}));
  EXPECT_NEAR(result.total_cost_usd, 0.30, 1e-9);
  const auto& branches = result.step_history.at(0).step_history;
  EXPECT_EQ(names_of(branches), (texts{"a", "b", "c"}));
  EXPECT_TRUE(branches.at(2).failed_with(failure_kind::cancelled));
}

TEST_P(JoinCases, ARaceThatNobodyWinsFails) {
  scripted_step a("a", {permanent("one").taking(5ms)});
  scripted_step b("b", {permanent("two").taking(20ms)});

  const auto result = run_once(race(a(), b()));

  EXPECT_FALSE(result.success());
  EXPECT_EQ(elapsed(), 20ms);
  EXPECT_THAT(result.feedback(), HasSubstr("one"));
  EXPECT_THAT(result.feedback(), HasSubstr("two"));
}

TEST_P(ParallelCases, C156RunsTwoHundredBranchesEightAtATime) {
  scripted_step shared("many");
  shared.answering([](const value& input, const context&) { return ok(input).taking(10ms); });
  std::vector<step<value, value>> branches;
  for (int index = 0; index < 200; ++index) {
    const auto number = inline_step("number", [index](const value&) { return value(index); });
    branches.push_back(as_step("b" + std::to_string(index), number >> shared()));
  }
  block_options options;
  options.max_in_flight = 8;

  const auto result = run_once(parallel(branches, options), "in");

  EXPECT_TRUE(result.success());
  const auto outputs = outputs_in(result.output);
  ASSERT_EQ(outputs.size(), 200u);
  for (int index = 0; index < 200; ++index) {
    EXPECT_EQ(outputs[static_cast<std::size_t>(index)], value(index));
  }
  EXPECT_EQ(shared.most_running(), 8u);
  EXPECT_EQ(elapsed(), 250ms);
}

} // namespace
} // namespace troupe::testing
