#include "support/case_fixture.hpp"

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

using UsageCases = CaseFixture;
TROUPE_CASES(UsageCases);

run_options limited_to(double cost_usd) {
  return {.limits = {.cost_usd = cost_usd}};
}

TEST_P(UsageCases, C240EndsTheRunAtTheCostLimit) {
  auto a = mock_step("a", ok("a").costing(0.10));
  auto b = mock_step("b", ok("b").costing(0.10));
  auto c = mock_step("c", ok("c"));

  const auto result = run_once(a() >> b() >> c(), {}, limited_to(0.15));

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_EQ(result.why->kind, failure_kind::usage_limit);
  EXPECT_THAT(result.feedback(), HasSubstr("cost"));
  EXPECT_THAT(result.feedback(), HasSubstr("0.15"));
  EXPECT_THAT(result.feedback(), HasSubstr("0.2"));
  EXPECT_TRUE(result.output.is_null());
  EXPECT_EQ(names_of(result.step_history), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(result.step_history.at(0).success());
  EXPECT_EQ(result.step_history.at(1).cost_usd(), 0.10);
  EXPECT_DOUBLE_EQ(result.total_cost_usd, 0.20);
  EXPECT_EQ(c.call_count(), 0u);
}

TEST_P(UsageCases, C241AllowsWhatEqualsTheLimit) {
  auto a = mock_step("a", ok("a").costing(0.10));

  const auto result = run_once(a() >> a(), {}, limited_to(0.20));

  EXPECT_TRUE(result.success());
  EXPECT_DOUBLE_EQ(result.total_cost_usd, 0.20);
}

TEST_P(UsageCases, C241ManySmallCostsMayEqualTheLimit) {
  auto a = mock_step("a", ok(value::list({})).costing(0.1));
  auto live = rt.deploy(a() >> a() >> a() >> a() >> a() >> a() >> a());
  EXPECT_TRUE(live.start_value({}, limited_to(0.7)).result().success());
}

TEST_P(UsageCases, C242BreaksATokenLimit) {
  auto a = mock_step("a", ok("a").costing(0, 100));

  const auto result = run_once(a() >> a() >> a(), {}, {.limits = {.tokens = 150}});

  EXPECT_EQ(result.why->kind, failure_kind::usage_limit);
  EXPECT_THAT(result.feedback(), HasSubstr("token"));
  EXPECT_THAT(result.feedback(), HasSubstr("200"));
  EXPECT_THAT(result.feedback(), HasSubstr("150"));
  EXPECT_EQ(result.step_history.size(), 2u);
  EXPECT_EQ(result.total_tokens, 200);
}

TEST_P(UsageCases, C242AZeroLimitAllowsWhatIsFree) {
  auto paid = mock_step("paid", ok("x").costing(0.01));
  auto free_of_charge = mock_step("free", ok("x").costing(0));

  EXPECT_EQ(run_once(paid(), {}, limited_to(0)).why->kind, failure_kind::usage_limit);
  EXPECT_TRUE(run_once(free_of_charge(), {}, limited_to(0)).success());
}

TEST_P(UsageCases, C245EndsALoop) {
  auto body = mock_step("body", ok("x").costing(0.10));

  const auto result =
      run_once(loop(body(), [](const value&) { return false; }, {10}), {}, limited_to(0.25));

  EXPECT_EQ(result.why->kind, failure_kind::usage_limit);
  EXPECT_EQ(body.call_count(), 3u);
  EXPECT_DOUBLE_EQ(result.total_cost_usd, 0.30);
  ASSERT_EQ(result.step_history.size(), 1u);
  EXPECT_EQ(result.step_history[0].attempts, 3u);
  EXPECT_EQ(result.step_history[0].step_history.size(), 3u);
}

TEST_P(UsageCases, C249AFailedRunHasCostToo) {
  scripted_step first("first", {ok("x").costing(0.1)});
  auto p = mock_step("p", transient("down").costing(0.2));
  auto f = mock_step("f", permanent("also down").costing(0.3));

  const auto result =
      run_once(first() >> (p() | retry{.max_retries = 2, .initial_delay = 1ms} | fallback(f())));

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_DOUBLE_EQ(result.total_cost_usd, 1.00);
  EXPECT_DOUBLE_EQ(result.step_history.at(1).cost_usd(), 0.90);
}

TEST_P(UsageCases, OneBudgetIsSharedByAllBranches) {
  auto a = mock_step("a", ok("a").costing(0.10).taking(10ms));
  auto b = mock_step("b", ok("b").costing(0.10).taking(20ms));
  auto c = mock_step("c", hang());

  const auto result = run_once(parallel(a(), b(), c()), {}, limited_to(0.15));

  EXPECT_EQ(result.why->kind, failure_kind::usage_limit);
  EXPECT_EQ(elapsed(), 20ms);
  EXPECT_EQ(c.stopped(), 1u);
  EXPECT_DOUBLE_EQ(result.total_cost_usd, 0.20);
}

TEST_P(UsageCases, ABrokenLimitIsNotRetried) {
  auto a = mock_step("a", transient("down").costing(0.10));
  auto live = rt.deploy(a() | retry{.max_retries = 9, .initial_delay = 1ms});

  const auto result = live.start_value({}, limited_to(0.25)).result();

  EXPECT_EQ(result.why->kind, failure_kind::usage_limit);
  EXPECT_EQ(a.call_count(), 3u);
  EXPECT_DOUBLE_EQ(result.total_cost_usd, 0.30);
}

} // namespace
} // namespace troupe::testing
