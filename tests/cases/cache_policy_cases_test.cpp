#include "support/case_fixture.hpp"
#include "support/case_values.hpp"

namespace troupe::testing {
namespace {

using CachePolicyCases = CaseFixture;
TROUPE_CASES(CachePolicyCases);

using SingleFlightCases = CaseFixture;
TROUPE_CASES(SingleFlightCases);

const step_result& entry_in(const any_run& run) {
  return run.result().step_history.at(0);
}

bool is_hit(const any_run& run) {
  return entry_in(run).metadata().cache_hit;
}

TEST_P(CachePolicyCases, RefreshAfterServesTheOldValueAndRenewsItOnce) {
  scripted_step a("s", {ok("v1"), ok("v2").taking(5ms), ok("v3")});
  const auto live = rt.deploy(a() | cache{.ttl = 1h, .refresh_after = 10ms});
  EXPECT_EQ(live.start_value("in").result().output, value("v1"));
  rt.advance(10ms);

  const auto first = live.start_value("in");
  const auto second = live.start_value("in");
  EXPECT_EQ(first.result().output, value("v1"));
  EXPECT_EQ(second.result().output, value("v1"));
  EXPECT_TRUE(is_hit(first));
  EXPECT_TRUE(is_hit(second));
  EXPECT_EQ(first.result().latency, 0ms);
  EXPECT_EQ(elapsed(), 10ms);
  EXPECT_EQ(a.call_count(), 2u);

  rt.advance(5ms);
  const auto third = live.start_value("in");
  EXPECT_EQ(third.result().output, value("v2"));
  EXPECT_TRUE(is_hit(third));
  EXPECT_EQ(a.call_count(), 2u);
  EXPECT_EQ(a.running(), 0u);
}

TEST_P(CachePolicyCases, ARenewalThatFailsLeavesTheOldValue) {
  scripted_step a("s", {ok("v1"), transient("down"), ok("v3")});
  const auto live = rt.deploy(a() | cache{.ttl = 1h, .refresh_after = 10ms});
  const auto ask = [&] {
    const auto run = live.start_value("in");
    auto output = run.result().output;
    rt.settle();
    return output;
  };

  EXPECT_EQ(ask(), value("v1"));
  rt.advance(10ms);
  EXPECT_EQ(ask(), value("v1"));
  EXPECT_EQ(a.call_count(), 2u);
  EXPECT_EQ(ask(), value("v1"));
  EXPECT_EQ(a.call_count(), 3u);
  EXPECT_EQ(ask(), value("v3"));
  EXPECT_EQ(a.call_count(), 3u);
}

TEST_P(CachePolicyCases, StaleIfErrorStandsInForAFailure) {
  scripted_step a("s", {ok("v").setting("k", 1), transient("down").costing(0.10, 5),
                        transient("down"), ok("w"), transient("down")});
  const auto live = rt.deploy(a() | cache{.ttl = 10ms, .stale_if_error = 10ms});
  EXPECT_EQ(live.start_value("in").result().output, value("v"));
  rt.advance(10ms);

  const auto stale = live.start_value("in");
  EXPECT_TRUE(stale.result().success());
  EXPECT_EQ(stale.result().output, value("v"));
  EXPECT_TRUE(is_hit(stale));
  EXPECT_EQ(stale.result().final_context.get("k"), value(1));
  EXPECT_DOUBLE_EQ(stale.result().total_cost_usd, 0.10);
  EXPECT_EQ(stale.result().total_tokens, 5);
  ASSERT_EQ(seen->of(event_kind::warning).size(), 1u);
  EXPECT_THAT(seen->of(event_kind::warning)[0].detail, ::testing::HasSubstr("down"));

  rt.advance(10ms);
  EXPECT_FALSE(live.start_value("in").result().success());
  EXPECT_EQ(live.start_value("in").result().output, value("w"));
  rt.advance(10ms);
  EXPECT_EQ(live.start_value("in").result().output, value("w"));
  EXPECT_EQ(a.call_count(), 5u);
}

TEST_P(CachePolicyCases, NegativeTtlStoresFailuresForAWhile) {
  scripted_step a("s", {permanent("no").costing(0.10, 5), ok("v")});
  const auto live = rt.deploy(a() | cache{.negative_ttl = 10ms});
  EXPECT_EQ(live.start_value("in").result().feedback(), "no");
  rt.advance(10ms - duration(1));

  const auto again = live.start_value("in");
  EXPECT_EQ(again.result().status, run_status::failed);
  EXPECT_EQ(again.result().feedback(), "no");
  EXPECT_TRUE(entry_in(again).failed_with(failure_kind::permanent));
  EXPECT_TRUE(is_hit(again));
  EXPECT_EQ(again.result().total_cost_usd, 0.0);
  EXPECT_EQ(a.call_count(), 1u);

  rt.advance(duration(1));
  const auto third = live.start_value("in");
  EXPECT_EQ(third.result().output, value("v"));
  EXPECT_FALSE(is_hit(third));
}

TEST_P(CachePolicyCases, StoreFallbacksOffKeepsTheirAnswersOut) {
  scripted_step p("p", {permanent("boom"), permanent("boom"), ok("a")});
  scripted_step f = mock_step("f", ok("b"));
  const auto live = rt.deploy(p() | fallback(f()) | cache{.store_fallbacks = false});

  for (int round = 1; round <= 2; ++round) {
    const auto run = live.start_value("in");
    EXPECT_EQ(run.result().output, value("b"));
    EXPECT_FALSE(is_hit(run));
  }
  EXPECT_EQ(live.start_value("in").result().output, value("a"));
  const auto last = live.start_value("in");
  EXPECT_EQ(last.result().output, value("a"));
  EXPECT_TRUE(is_hit(last));
  EXPECT_EQ(p.call_count(), 3u);
  EXPECT_EQ(f.call_count(), 2u);
}

TEST_P(CachePolicyCases, AHitReplaysTheChangesOfTheContext) {
  const auto change = inline_step("s", [](const value&, step_context& ctx) {
    ctx.set("made", "new");
    ctx.set("changed", "after");
    ctx.erase("gone");
    return value("v");
  });
  const auto live = rt.deploy(change | cache{.key = [](const value& input) { return input; }});
  const auto entries = [](int id) {
    return with_entries({{"changed", "before"}, {"gone", 1}, {"id", id}});
  };

  const auto miss = live.start_value("in", entries(1));
  const auto hit = live.start_value("in", entries(2));

  const auto expected = [](int id) {
    return value::map({{"changed", "after"}, {"id", id}, {"made", "new"}});
  };
  EXPECT_EQ(miss.result().final_context.to_value(), expected(1));
  EXPECT_TRUE(is_hit(hit));
  EXPECT_EQ(hit.result().final_context.to_value(), expected(2));
}

TEST_P(SingleFlightCases, N13ConcurrentMissesRunOnce) {
  scripted_step a("s", {ok("v").taking(20ms).costing(0.10, 5)});
  const auto live = rt.deploy(a() | cache{});
  std::vector<any_run> runs;
  for (int index = 0; index < 8; ++index) runs.push_back(live.start_value("in"));

  int hits = 0;
  double cost = 0;
  for (const auto& run : runs) {
    EXPECT_EQ(run.result().output, value("v"));
    EXPECT_EQ(run.result().latency, 20ms);
    if (is_hit(run)) {
      ++hits;
      EXPECT_EQ(run.result().total_tokens, 0);
    }
    cost += run.result().total_cost_usd;
  }
  EXPECT_EQ(hits, 7);
  EXPECT_DOUBLE_EQ(cost, 0.10);
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_EQ(live.cache("s")->statistics().misses, 1u);
  EXPECT_EQ(live.cache("s")->statistics().hits, 7u);
}

TEST_P(SingleFlightCases, N13AFailureIsSharedButNotStored) {
  scripted_step a("s", {transient("down").taking(20ms).costing(0.10, 5), ok("v")});
  const auto live = rt.deploy(a() | cache{});
  const std::vector<any_run> runs{live.start_value("in"), live.start_value("in"),
                                  live.start_value("in")};

  double cost = 0;
  for (const auto& run : runs) {
    EXPECT_EQ(run.result().feedback(), "down");
    EXPECT_FALSE(is_hit(run));
    cost += run.result().total_cost_usd;
  }
  EXPECT_DOUBLE_EQ(cost, 0.10);
  EXPECT_EQ(a.call_count(), 1u);
  const auto later = live.start_value("in");
  EXPECT_EQ(later.result().output, value("v"));
  EXPECT_FALSE(is_hit(later));
}

TEST_P(SingleFlightCases, N13ACancelledLeaderHandsOverToAWaiter) {
  scripted_step a("s", {hang(), ok("v").taking(20ms)});
  const auto live = rt.deploy(a() | cache{});
  const auto leader = live.start_value("in");
  rt.settle();
  const auto first = live.start_value("in");
  const auto second = live.start_value("in");
  rt.advance(5ms);
  EXPECT_TRUE(leader.cancel());

  EXPECT_EQ(leader.result().status, run_status::cancelled);
  EXPECT_EQ(first.result().output, value("v"));
  EXPECT_EQ(second.result().output, value("v"));
  EXPECT_NE(is_hit(first), is_hit(second));
  EXPECT_EQ(a.call_count(), 2u);
  EXPECT_EQ(elapsed(), 25ms);
}

TEST_P(SingleFlightCases, N13ACancelledWaiterLeavesTheOthersAlone) {
  scripted_step a("s", {ok("v").taking(20ms)});
  const auto live = rt.deploy(a() | cache{});
  const auto leader = live.start_value("in");
  rt.settle();
  const auto waiter = live.start_value("in");
  const auto other = live.start_value("in");
  rt.advance(5ms);
  EXPECT_TRUE(waiter.cancel());

  EXPECT_EQ(waiter.result().status, run_status::cancelled);
  EXPECT_EQ(elapsed(), 5ms);
  EXPECT_EQ(other.result().output, value("v"));
  EXPECT_TRUE(is_hit(other));
  EXPECT_FALSE(is_hit(leader));
  EXPECT_EQ(a.call_count(), 1u);
}

TEST_P(SingleFlightCases, N13AWaiterKeepsItsOwnContext) {
  scripted_step a("s", {ok("v").taking(20ms).setting("made", "new")});
  const auto live = rt.deploy(a() | cache{.key = [](const value& input) { return input; }});
  const auto start = [&](const char* who) {
    auto how = with_entries({{"who", who}});
    how.correlation_id = who;
    how.context.set_tag("tenant", who);
    return live.start_value("in", std::move(how));
  };
  const auto leader = start("leader");
  rt.settle();
  const auto waiter = start("waiter");

  EXPECT_TRUE(is_hit(waiter));
  EXPECT_EQ(leader.result().final_context.get("who"), value("leader"));
  const auto& after = waiter.result().final_context;
  EXPECT_EQ(after.to_value(), value::map({{"made", "new"}, {"who", "waiter"}}));
  EXPECT_EQ(after.correlation_id(), "waiter");
  EXPECT_EQ(after.tag("tenant"), value("waiter"));
}

TEST_P(SingleFlightCases, N13AWaiterOfAFailureThatHasAStaleValueServesIt) {
  scripted_step a("s", {ok("v").setting("made", "new"), transient("down").taking(20ms)});
  const auto live = rt.deploy(a() | cache{.ttl = 10ms, .stale_if_error = 1h});
  EXPECT_EQ(live.start_value("in").result().output, value("v"));
  rt.advance(10ms);

  const auto leader = live.start_value("in");
  const auto waiter = live.start_value("in");
  for (const auto& run : {leader, waiter}) {
    EXPECT_EQ(run.result().output, value("v"));
    EXPECT_EQ(run.result().final_context.get("made"), value("new"));
    EXPECT_TRUE(is_hit(run));
  }
  EXPECT_EQ(a.call_count(), 2u);
}

TEST_P(SingleFlightCases, N13ARenewalThatItsRunCannotPayForFailsNoOtherRun) {
  scripted_step a("s", {ok("v1"), ok("v2").taking(40ms).costing(0.10), ok("v3")});
  const auto live = rt.deploy(a() | cache{.ttl = 30ms, .refresh_after = 10ms});
  live.start_value("in").result();
  rt.advance(10ms);
  const auto old = live.start_value("in", {.limits = {.cost_usd = 0.05}});
  EXPECT_EQ(old.result().output, value("v1"));
  rt.advance(25ms);

  const auto waiter = live.start_value("in");
  EXPECT_TRUE(waiter.result().success()) << waiter.result().feedback();
  EXPECT_EQ(waiter.result().output, value("v3"));
}

} // namespace
} // namespace troupe::testing
