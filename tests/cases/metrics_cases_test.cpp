#include "support/case_fixture.hpp"

namespace troupe::testing {
namespace {

using MetricsCases = CaseFixture;
TROUPE_CASES(MetricsCases);

TEST_P(MetricsCases, C247AddsUpTenRequests) {
  scripted_step p("p");
  p.answering([](const value& input, const context&) {
    const auto number = *input.if_integer();
    if (number >= 4) return permanent("down").taking(number * 10ms);
    return ok("p").taking(number * 10ms).costing(0.25, 3);
  });
  scripted_step f("f");
  f.answering([](const value& input, const context&) {
    return *input.if_integer() == 6 ? permanent("also down") : ok("f");
  });
  auto live = rt.deploy(p() | fallback(f()) | cache{});

  for (const int input : {1, 2, 3, 4, 5, 6, 1, 2, 3, 1}) live.start_value(input).result();

  const auto all = live.metrics();
  EXPECT_EQ(all.total_requests, 10u);
  EXPECT_DOUBLE_EQ(all.cache_hit_rate, 0.4);
  EXPECT_DOUBLE_EQ(all.fallback_rate, 0.2);
  EXPECT_DOUBLE_EQ(all.error_rate, 0.1);
  EXPECT_EQ(all.failed, 1u);
  EXPECT_EQ(all.cancelled, 0u);
  EXPECT_EQ(all.retries, 0u);
  EXPECT_LE(all.p50, all.p95);
  EXPECT_LE(all.p95, all.p99);
  EXPECT_GT(all.p50, 0ms);
  EXPECT_NEAR(static_cast<double>(all.p99.count()), 60e6, 60e6 * 0.04);
  EXPECT_DOUBLE_EQ(all.total_cost_usd, 0.75);
  EXPECT_EQ(all.total_tokens, 9);
}

TEST_P(MetricsCases, C247TellsTheErrorRateOfEachLayer) {
  scripted_step p("p", {permanent("1"), ok(), permanent("2"), permanent("3")});
  auto f = mock_step("f", ok());
  auto live = rt.deploy(p() | fallback(f()));

  for (int turn = 0; turn < 4; ++turn) live.start_value({}).result();

  for (const auto& layer : live.metrics().layers) {
    const auto inner = layer.name == "p" && layer.kind == "step";
    EXPECT_EQ(layer.requests, layer.name == "f" ? 3u : 4u) << layer.name << layer.kind;
    EXPECT_DOUBLE_EQ(layer.error_rate, inner ? 0.75 : 0.0) << layer.name << layer.kind;
  }
  EXPECT_EQ(live.metrics().layers.size(), 3u);
}

TEST_P(MetricsCases, AreZeroBeforeTheFirstRun) {
  auto live = rt.deploy(mock_step("a", ok())());
  const auto all = live.metrics();
  EXPECT_EQ(all.total_requests, 0u);
  EXPECT_EQ(all.cache_hit_rate, 0.0);
  EXPECT_EQ(all.fallback_rate, 0.0);
  EXPECT_EQ(all.error_rate, 0.0);
  EXPECT_EQ(all.p99, 0ms);
}

} // namespace
} // namespace troupe::testing
