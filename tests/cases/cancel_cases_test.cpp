#include "support/case_fixture.hpp"

namespace troupe::testing {
namespace {

using CancelCases = CaseFixture;
TROUPE_CASES(CancelCases);

TEST_P(CancelCases, C280EndsARunningStep) {
  scripted_step a("a", {ok("a").costing(0.10, 3)});
  scripted_step b("b", {hang()});
  scripted_step c("c", {ok("c")});
  auto live = rt.deploy(a() >> b() >> c());
  auto run = live.start_value("in");
  rt.advance(50ms);
  ASSERT_EQ(b.running(), 1u);

  EXPECT_TRUE(run.cancel());
  const auto result = run.result();

  EXPECT_EQ(result.status, run_status::cancelled);
  EXPECT_EQ(result.why->kind, failure_kind::cancelled);
  EXPECT_EQ(elapsed(), 50ms);
  EXPECT_TRUE(result.output.is_null());
  EXPECT_EQ(b.stopped(), 1u);
  EXPECT_EQ(b.running(), 0u);
  EXPECT_EQ(c.call_count(), 0u);
  ASSERT_EQ(names_of(result.step_history), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(result.step_history[0].success());
  EXPECT_EQ(result.step_history[0].output, value("a"));
  EXPECT_EQ(result.step_history[0].cost_usd(), 0.10);
  EXPECT_TRUE(result.step_history[1].failed_with(failure_kind::cancelled));
  EXPECT_EQ(result.total_cost_usd, 0.10);
  EXPECT_EQ(result.total_tokens, 3);
}

// So many that cancels and results travel in several batches.
TEST_P(CancelCases, ACancelReachesEachOfManyBranches) {
  constexpr std::size_t many = 1'500;
  auto a = mock_step("a", hang());
  const auto each = (a.as<int, int>() | retry{.max_retries = 2}) | timeout{.after = 1h};
  auto live = rt.deploy(map_over(each, {.max_in_flight = many}));
  auto run = live.start(std::vector<int>(many, 1));
  rt.advance(50ms);
  ASSERT_EQ(a.running(), many);

  run.cancel();
  const auto& result = run.result();

  EXPECT_EQ(result.status, run_status::cancelled);
  EXPECT_EQ(elapsed(), 50ms);
  EXPECT_EQ(a.running(), 0u);
  EXPECT_EQ(a.stopped(), many);
  const auto& branches = result.step_history.at(0).step_history;
  ASSERT_EQ(branches.size(), many);
  for (const auto& branch : branches) {
    EXPECT_TRUE(branch.failed_with(failure_kind::cancelled));
    EXPECT_EQ(branch.attempts, 1u);
  }
  rt.settle();
  EXPECT_EQ(rt.metrics().late_answers, 0u);
}

TEST_P(CancelCases, C280AbandonsAStepThatIgnoresIt) {
  scripted_step a("a", {stuck(1h, "late")});
  auto live = rt.deploy(a());
  auto run = live.start_value({});
  rt.advance(50ms);

  run.cancel();

  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_EQ(elapsed(), 1050ms);
}

TEST_P(CancelCases, C281RepeatedAndLateCancelsHaveNoEffect) {
  scripted_step a("a", {hang()});
  auto live = rt.deploy(a());
  auto run = live.start_value({});
  rt.advance(10ms);

  EXPECT_TRUE(run.cancel());
  EXPECT_FALSE(run.cancel());
  const auto before = to_value(run.result());
  rt.advance(10ms);
  EXPECT_FALSE(run.cancel());
  rt.settle();

  EXPECT_EQ(to_value(run.result()), before);
  EXPECT_EQ(a.stopped(), 1u);
  EXPECT_EQ(live.metrics().cancelled, 1u);
}

TEST_P(CancelCases, C281ACancelAfterSuccessChangesNothing) {
  scripted_step a("a", {ok("x")});
  auto live = rt.deploy(a());
  auto run = live.start_value({});
  run.result();

  EXPECT_FALSE(run.cancel());
  rt.settle();

  EXPECT_EQ(run.result().status, run_status::completed);
  EXPECT_EQ(run.result().output, value("x"));
}

TEST_P(CancelCases, C284IsNoFailureForOthers) {
  scripted_step p("p", {transient("down"), hang(), hang()});
  scripted_step f = mock_step("f", ok("from f"));
  auto live = rt.deploy(p() | breaker{.failure_threshold = 2} | fallback(f()));
  live.start_value({}).result();
  const auto handle = live.breaker("p").value();
  ASSERT_EQ(handle.failure_count(), 1);
  ASSERT_EQ(live.metrics().fallback_rate, 1.0);

  for (int call = 0; call < 2; ++call) {
    auto run = live.start_value({});
    rt.advance(10ms);
    run.cancel();
    EXPECT_EQ(run.result().status, run_status::cancelled);
  }

  EXPECT_EQ(handle.state(), breaker_phase::closed);
  EXPECT_EQ(handle.failure_count(), 1);
  EXPECT_EQ(f.call_count(), 1u);
  EXPECT_EQ(live.metrics().fallback_rate, 1.0);
  EXPECT_EQ(live.metrics().error_rate, 0.0);
  EXPECT_EQ(live.metrics().cancelled, 2u);
}

} // namespace
} // namespace troupe::testing
