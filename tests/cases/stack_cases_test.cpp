#include "support/case_fixture.hpp"

namespace troupe::testing {
namespace {

/// The layers of a complete service, with a scaled clock.
class StackCases : public CaseFixture {
protected:
  static auto stack(const scripted_step& p, const scripted_step& q, const scripted_step& z) {
    auto primary = p() | breaker{.failure_threshold = 5, .success_threshold = 2, .wait = 600ms}
                   | timeout{.after = 300ms}
                   | retry{.max_retries = 3, .initial_delay = 10ms, .max_delay = 100ms};
    auto second = q() | timeout{.after = 100ms}
                  | retry{.max_retries = 2, .initial_delay = 10ms, .max_delay = 100ms};
    return primary | fallback(second, z()) | timeout{.after = 1200ms}
           | cache{.ttl = 1h, .max_size = 10'000, .key = [](const value& input, const context&) {
                     return input.at("query");
                   }};
  }

  static value query(const char* text) { return value::map({{"query", text}}); }

  static run_result run_of(const any_deployment& live, value input) {
    return live.start_value(std::move(input)).result();
  }
};
TROUPE_CASES(StackCases);

TEST_P(StackCases, C260AllWell) {
  auto p = mock_step("p", ok("P").costing(0.10, 5));
  auto q = mock_step("q", ok("Q"));
  auto z = mock_step("z", ok("sorry"));
  auto live = rt.deploy(stack(p, q, z));

  const auto first = run_of(live, query("x"));
  EXPECT_EQ(first.output, value("P"));
  EXPECT_EQ(first.total_cost_usd, 0.10);
  EXPECT_FALSE(first.metrics.cache_hit);
  EXPECT_EQ(p.call_count(), 1u);

  const auto second = run_of(live, query("x"));
  EXPECT_EQ(second.output, value("P"));
  EXPECT_TRUE(second.step_history.at(0).metadata().cache_hit);
  EXPECT_EQ(second.total_cost_usd, 0);
  EXPECT_EQ(second.total_tokens, 0);
  EXPECT_EQ(p.call_count(), 1u);
  EXPECT_EQ(q.call_count(), 0u);
  EXPECT_EQ(z.call_count(), 0u);
}

TEST_P(StackCases, C261PrimaryDown) {
  auto p = mock_step("p", transient("down"));
  auto q = mock_step("q", ok("Q"));
  auto z = mock_step("z", ok("sorry"));
  auto live = rt.deploy(stack(p, q, z));
  const std::vector<std::size_t> calls{4, 5, 5};
  const std::vector<duration> ends{70ms, 80ms, 80ms};
  const std::vector<const char*> queries{"a", "b", "c"};

  for (std::size_t turn = 0; turn < queries.size(); ++turn) {
    const auto result = run_of(live, query(queries[turn]));
    EXPECT_EQ(result.output, value("Q"));
    EXPECT_TRUE(result.step_history.at(0).metadata().fallback_triggered);
    EXPECT_EQ(p.call_count(), calls[turn]);
    EXPECT_EQ(elapsed(), ends[turn]);
  }
  EXPECT_EQ(live.breaker("p").value().state(), breaker_phase::open);
  EXPECT_EQ(z.call_count(), 0u);
}

TEST_P(StackCases, C262EverythingDownButTheLast) {
  auto p = mock_step("p", transient("p down"));
  auto q = mock_step("q", transient("q down"));
  auto z = mock_step("z", ok("sorry"));

  const auto result = run_once(stack(p, q, z), query("x"));

  EXPECT_EQ(result.output, value("sorry"));
  EXPECT_EQ(p.call_count(), 4u);
  EXPECT_EQ(q.call_count(), 3u);
  EXPECT_EQ(z.call_count(), 1u);
  EXPECT_EQ(result.step_history.at(0).attempts, 8u);
  EXPECT_EQ(elapsed(), 100ms);
}

TEST_P(StackCases, C263EverythingDown) {
  auto p = mock_step("p", transient("p down"));
  auto q = mock_step("q", transient("q down"));
  auto z = mock_step("z", permanent("z"));
  auto live = rt.deploy(stack(p, q, z));

  const auto result = run_of(live, query("x"));

  EXPECT_FALSE(result.success());
  EXPECT_TRUE(result.output.is_null());
  EXPECT_EQ(result.feedback(), "p down; q down; z");
  EXPECT_EQ(live.cache("p").value().statistics().size, 0u);
  EXPECT_FALSE(run_of(live, query("x")).metrics.cache_hit);
  EXPECT_EQ(z.call_count(), 2u);
}

TEST_P(StackCases, C270AnyOrderOfLayers) {
  const retry again{.max_retries = 3, .initial_delay = 1ms};
  const timeout limit{.after = 1h};
  const breaker guard{.failure_threshold = 10};
  const auto x = [](auto&&... layers) {
    scripted_step a("a", {transient("once"), ok("x")});
    return (a() | ... | layers);
  };

  EXPECT_EQ(run_once(x(again, limit, guard)).output, value("x"));
  EXPECT_EQ(run_once(x(again, guard, limit)).output, value("x"));
  EXPECT_EQ(run_once(x(limit, again, guard)).output, value("x"));
  EXPECT_EQ(run_once(x(limit, guard, again)).output, value("x"));
  EXPECT_EQ(run_once(x(guard, again, limit)).output, value("x"));
  EXPECT_EQ(run_once(x(guard, limit, again)).output, value("x"));
  EXPECT_EQ(elapsed(), 6ms);
}

} // namespace
} // namespace troupe::testing
