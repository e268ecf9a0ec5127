#include "support/case_fixture.hpp"
#include "support/case_values.hpp"

namespace troupe::testing {
namespace {

using CacheCases = CaseFixture;
TROUPE_CASES(CacheCases);

template <class Deployment>
step_result entry_of(const Deployment& live, value input, run_options how = {}) {
  return live.start_value(std::move(input), std::move(how)).result().step_history.at(0);
}

template <class Deployment>
std::vector<bool> hits_of(const Deployment& live, const std::vector<value>& inputs) {
  std::vector<bool> hits;
  for (const auto& each : inputs) hits.push_back(entry_of(live, each).metadata().cache_hit);
  return hits;
}

TEST_P(CacheCases, C090MissesThenHits) {
  scripted_step a("s", {ok("v").costing(0.10, 5)});
  const auto live = rt.deploy(a() | cache{});

  const auto first = live.start_value("a");
  const auto second = live.start_value("a", {.correlation_id = "second"});

  EXPECT_EQ(first.result().output, value("v"));
  EXPECT_EQ(second.result().output, value("v"));
  EXPECT_FALSE(first.result().step_history.at(0).metadata().cache_hit);
  EXPECT_TRUE(second.result().step_history.at(0).metadata().cache_hit);
  EXPECT_EQ(names_of(first.result().step_history), std::vector<std::string>{"s"});
  EXPECT_EQ(names_of(second.result().step_history), std::vector<std::string>{"s"});
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_FALSE(first.result().metrics.cache_hit);
  EXPECT_TRUE(second.result().metrics.cache_hit);
}

TEST_P(CacheCases, C091DoesNotStoreFailures) {
  scripted_step a("s", {permanent("x"), ok("v"), ok("w")});
  const auto live = rt.deploy(a() | cache{});

  const auto first = entry_of(live, "a");
  const auto second = entry_of(live, "a");
  const auto third = entry_of(live, "a");

  EXPECT_FALSE(first.success());
  EXPECT_EQ(second.output, value("v"));
  EXPECT_FALSE(second.metadata().cache_hit);
  EXPECT_EQ(third.output, value("v"));
  EXPECT_TRUE(third.metadata().cache_hit);
  EXPECT_EQ(a.call_count(), 2u);
}

TEST_P(CacheCases, C092TellsInputsApart) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{});
  EXPECT_EQ(hits_of(live, {"a", "b", "a"}), (std::vector<bool>{false, false, true}));
  EXPECT_EQ(a.call_count(), 2u);
}

TEST_P(CacheCases, C093ChargesNothingForAHit) {
  scripted_step a("s", {ok("v").costing(0.10, 5).taking(20ms)});
  const auto live = rt.deploy(a() | cache{});

  const auto miss = live.start_value("a");
  EXPECT_EQ(miss.result().latency, 20ms);
  const auto hit = live.start_value("a");

  EXPECT_DOUBLE_EQ(miss.result().total_cost_usd, 0.10);
  EXPECT_EQ(miss.result().total_tokens, 5);
  EXPECT_EQ(miss.result().step_history.at(0).spent, (usage{0.10, 5}));
  EXPECT_EQ(hit.result().total_cost_usd, 0.0);
  EXPECT_EQ(hit.result().total_tokens, 0);
  EXPECT_EQ(hit.result().step_history.at(0).spent, usage{});
  EXPECT_EQ(hit.result().latency, 0ms);
}

TEST_P(CacheCases, C094StoresASuccessfulFallback) {
  scripted_step p("p", {permanent("boom")});
  scripted_step f("f", {ok("b")});
  const auto live = rt.deploy(p() | fallback(f()) | cache{});

  entry_of(live, "a");
  const auto second = entry_of(live, "a");

  EXPECT_EQ(second.output, value("b"));
  EXPECT_TRUE(second.metadata().cache_hit);
  EXPECT_TRUE(second.metadata().fallback_triggered);
  EXPECT_EQ(p.call_count(), 1u);
  EXPECT_EQ(f.call_count(), 1u);
}

TEST_P(CacheCases, C095DoesNotStoreAFailedFallback) {
  scripted_step p = mock_step("p", permanent("one"));
  scripted_step f = mock_step("f", permanent("two"));
  const auto live = rt.deploy(p() | fallback(f()) | cache{});

  for (int round = 1; round <= 2; ++round) {
    const auto result = entry_of(live, "a");
    EXPECT_FALSE(result.success());
    EXPECT_FALSE(result.metadata().cache_hit);
  }
  EXPECT_EQ(p.call_count(), 2u);
  EXPECT_EQ(f.call_count(), 2u);
}

TEST_P(CacheCases, C096ForgetsAtTheTimeToLive) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{.ttl = 100ms});

  EXPECT_FALSE(entry_of(live, "a").metadata().cache_hit);
  rt.advance(60ms);
  EXPECT_TRUE(entry_of(live, "a").metadata().cache_hit);
  EXPECT_EQ(live.cache("s")->statistics().expirations, 0u);
  rt.advance(60ms);
  EXPECT_FALSE(entry_of(live, "a").metadata().cache_hit);
  EXPECT_EQ(live.cache("s")->statistics().expirations, 1u);
  EXPECT_EQ(a.call_count(), 2u);
}

TEST_P(CacheCases, C096AnEntryOfExactlyThatAgeHasExpired) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{.ttl = 100ms});

  entry_of(live, "a");
  rt.advance(100ms - duration(1));
  EXPECT_TRUE(entry_of(live, "a").metadata().cache_hit);
  rt.advance(duration(1));
  EXPECT_FALSE(entry_of(live, "a").metadata().cache_hit);
}

TEST_P(CacheCases, C096NeverExpiresWithoutATimeToLive) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{.ttl = std::nullopt});
  entry_of(live, "a");
  rt.advance(24h * 3650);
  EXPECT_TRUE(entry_of(live, "a").metadata().cache_hit);
}

TEST_P(CacheCases, C097EvictsTheLeastRecentlyUsed) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{.max_size = 2});

  EXPECT_EQ(hits_of(live, {"a", "b", "a", "c", "a", "b"}),
            (std::vector<bool>{false, false, true, false, true, false}));
  EXPECT_EQ(live.cache("s")->statistics().evictions, 2u);
  EXPECT_EQ(live.cache("s")->statistics().size, 2u);
}

TEST_P(CacheCases, C110StoresNull) {
  scripted_step a("s", {ok(nullptr)});
  const auto live = rt.deploy(a() | cache{});

  EXPECT_FALSE(entry_of(live, "a").metadata().cache_hit);
  const auto second = entry_of(live, "a");

  EXPECT_TRUE(second.success());
  EXPECT_TRUE(second.output.is_null());
  EXPECT_TRUE(second.metadata().cache_hit);
  EXPECT_EQ(a.call_count(), 1u);
}

TEST_P(CacheCases, C112ClearsAndRemovesSingleKeys) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{});
  const auto handle = live.cache("s");
  ASSERT_TRUE(handle);
  EXPECT_EQ(handle->statistics().size, 0u);

  hits_of(live, {"a", "b", "c"});
  EXPECT_EQ(handle->statistics().size, 3u);
  handle->clear();
  EXPECT_EQ(handle->statistics().size, 0u);
  EXPECT_EQ(hits_of(live, {"a", "b", "c"}), (std::vector<bool>{false, false, false}));

  EXPECT_TRUE(handle->invalidate("b", context()));
  EXPECT_EQ(handle->statistics().size, 2u);
  EXPECT_EQ(hits_of(live, {"a", "b", "c"}), (std::vector<bool>{true, false, true}));
  EXPECT_FALSE(handle->invalidate("never asked", context()));
  EXPECT_EQ(handle->statistics().size, 3u);
}

TEST_P(CacheCases, C112RemovesByTheKeyThatTheKeyFunctionGave) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live =
      rt.deploy(a() | cache{.key = [](const value& input) { return input.at("id"); }});
  const auto request = [](int id) { return value::map({{"id", id}}); };

  hits_of(live, {request(1), request(2)});
  EXPECT_TRUE(live.cache("s")->invalidate(1));
  EXPECT_FALSE(live.cache("s")->invalidate(3));
  EXPECT_EQ(hits_of(live, {request(1), request(2)}), (std::vector<bool>{false, true}));
}

TEST_P(CacheCases, C114CountsHitsMissesAndExpirations) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{.ttl = 100ms});
  EXPECT_EQ(live.cache("s")->statistics().hit_rate(), 0.0);

  hits_of(live, {"a", "a", "a", "a"});
  rt.advance(100ms);
  entry_of(live, "a");

  const auto counted = live.cache("s")->statistics();
  EXPECT_EQ(counted.hits, 3u);
  EXPECT_EQ(counted.misses, 2u);
  EXPECT_DOUBLE_EQ(counted.hit_rate(), 0.6);
  EXPECT_EQ(counted.expirations, 1u);
  EXPECT_EQ(counted.errors, 0u);
}

/// Keeps every time it is told.
class watched_backend final : public cache_backend {
public:
  std::shared_ptr<const cache_entry> get(const digest& key, instant now) override {
    times.push_back(now);
    return inner_.get(key, now);
  }
  void put(const digest& key, cache_entry entry, std::optional<duration> keep,
           instant now) override {
    times.push_back(now);
    times.push_back(entry.stored);
    inner_.put(key, std::move(entry), keep, now);
  }
  bool erase(const digest& key) override { return inner_.erase(key); }
  void clear() override { inner_.clear(); }
  [[nodiscard]] std::size_t size() const override { return inner_.size(); }
  [[nodiscard]] std::size_t bytes() const override { return inner_.bytes(); }
  [[nodiscard]] std::uint64_t evictions() const override { return inner_.evictions(); }

  std::vector<instant> times;

private:
  in_memory_cache inner_;
};

// No wall clock can jump: the clock of the runtime is the only one that the cache ever sees.
TEST_P(CacheCases, C116KnowsNoClockButTheRuntimes) {
  scripted_step a("s", {ok("v").taking(7ms), ok("w")});
  const auto backend = std::make_shared<watched_backend>();
  const auto live = rt.deploy(a() | cache{.ttl = 1h, .backend = backend});

  entry_of(live, "a");
  const auto start = instant();
  EXPECT_EQ(backend->times, (std::vector<instant>{start, start + 7ms, start + 7ms}));
  rt.advance(1h - duration(1));
  EXPECT_TRUE(entry_of(live, "a").metadata().cache_hit);
  EXPECT_EQ(backend->times.back(), rt.now());
  rt.advance(duration(1));
  EXPECT_FALSE(entry_of(live, "a").metadata().cache_hit);
  EXPECT_EQ(backend->times.back(), start + 1h + 7ms);
}

TEST_P(CacheCases, C117HitsInEveryTurnOfASecondLoop) {
  scripted_step a = number_step("s", [](std::int64_t x) { return x + 1; });
  const auto live =
      rt.deploy(loop(a() | cache{}, [](const value& output) { return *output.if_integer() >= 3; }));

  const auto turns = [&] { return entry_of(live, 0); };
  const auto first = turns();
  EXPECT_EQ(first.output, value(3));
  EXPECT_EQ(a.call_count(), 3u);
  const auto second = turns();

  EXPECT_EQ(second.output, value(3));
  EXPECT_EQ(a.call_count(), 3u);
  ASSERT_EQ(first.step_history.size(), 3u);
  ASSERT_EQ(second.step_history.size(), 3u);
  for (std::size_t index = 0; index < 3; ++index) {
    EXPECT_EQ(first.step_history[index].output, value(index + 1));
    EXPECT_EQ(second.step_history[index].output, value(index + 1));
    EXPECT_FALSE(first.step_history[index].metadata().cache_hit);
    EXPECT_TRUE(second.step_history[index].metadata().cache_hit);
  }
}

} // namespace
} // namespace troupe::testing
