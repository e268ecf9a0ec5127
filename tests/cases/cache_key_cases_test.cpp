#include "support/case_fixture.hpp"
#include "support/case_values.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>

namespace troupe::testing {
namespace {

using CacheKeyCases = CaseFixture;
TROUPE_CASES(CacheKeyCases);

template <class Deployment>
bool hits(const Deployment& live, value input, run_options how = {}) {
  const auto run = live.start_value(std::move(input), std::move(how));
  EXPECT_TRUE(run.result().success()) << run.result().feedback();
  return run.result().step_history.at(0).metadata().cache_hit;
}

value asking(const char* query) {
  return value::map({{"query", query}});
}

value normalized(const value& input) {
  const auto query = input.at("query");
  std::string words;
  bool gap = false;
  for (const unsigned char letter : *query.if_text()) {
    if (std::isspace(letter)) gap = !words.empty();
    if (!std::isalnum(letter)) continue;
    if (std::exchange(gap, false)) words += ' ';
    words += static_cast<char>(std::tolower(letter));
  }
  return words;
}

TEST_P(CacheKeyCases, C099AsksTheKeyFunction) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{.key = normalized});

  EXPECT_FALSE(hits(live, asking("What is  X?")));
  EXPECT_TRUE(hits(live, asking(" what is x ")));
  EXPECT_FALSE(hits(live, asking("what is y")));
  EXPECT_EQ(a.call_count(), 2u);
}

TEST_P(CacheKeyCases, C100ShowsTheContextToTheKeyFunction) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{.key = [](const value& input, const context& ctx) {
                                return value::list({input.at("query"), ctx.get("tenant")});
                              }});

  EXPECT_FALSE(hits(live, asking("q"), with_entries({{"tenant", "t1"}})));
  EXPECT_FALSE(hits(live, asking("q"), with_entries({{"tenant", "t2"}})));
  EXPECT_TRUE(hits(live, asking("q"), with_entries({{"tenant", "t1"}, {"locale", "de"}})));
}

struct definition {
  duration limit = 1s;
  int retries = 2;
  std::string target = "f";
  int parameter = 1;
};

auto protect(const definition& with, std::atomic<int>& calls) {
  auto agent = inline_step("a",
                           [&calls](const value& input) {
                             ++calls;
                             return input;
                           },
                           {.parameters = with.parameter});
  auto other = inline_step(with.target, [](const value& input) { return input; });
  return agent | timeout{.after = with.limit} | retry{.max_retries = with.retries}
         | fallback(other);
}

TEST_P(CacheKeyCases, C102CountsTheDefinitionNotTheObject) {
  std::atomic<int> calls{0};
  const auto backend = std::make_shared<in_memory_cache>();
  const auto hit = [&](const definition& with) {
    return hits(rt.deploy(protect(with, calls) | cache{.backend = backend}), "in");
  };

  EXPECT_FALSE(hit({}));
  EXPECT_FALSE(hit({.limit = 2s}));
  EXPECT_FALSE(hit({.retries = 3}));
  EXPECT_FALSE(hit({.target = "g"}));
  EXPECT_FALSE(hit({.parameter = 2}));
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(backend->size(), 5u);
  EXPECT_TRUE(hit({}));
  EXPECT_TRUE(hit({.parameter = 2}));
  EXPECT_EQ(calls, 5);
}

TEST_P(CacheKeyCases, C102ANamedCacheIsSharedByEqualDefinitionsOnly) {
  std::atomic<int> calls{0};
  const auto deploy = [&](const definition& with) {
    return rt.deploy(protect(with, calls) | cache{.name = "answers"});
  };

  EXPECT_FALSE(hits(deploy({}), "in"));
  EXPECT_FALSE(hits(deploy({.retries = 3}), "in"));
  EXPECT_TRUE(hits(deploy({}), "in"));
  ASSERT_TRUE(rt.cache("answers"));
  EXPECT_EQ(rt.cache("answers")->statistics().size, 2u);
  EXPECT_EQ(calls, 2);
}

TEST_P(CacheKeyCases, C104CountsTheContextButNotTheRun) {
  scripted_step a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | cache{});
  const auto hit = [&](const char* locale, const char* correlation_id) {
    auto how = with_entries({{"locale", locale}});
    how.correlation_id = correlation_id;
    how.context.set_tag("tenant", correlation_id);
    how.context.set_metadata("trace", correlation_id);
    return hits(live, "in", std::move(how));
  };

  EXPECT_FALSE(hit("en", "first"));
  EXPECT_FALSE(hit("de", "second"));
  EXPECT_TRUE(hit("en", "third"));
}

/// Fails wherever it is told to.
class broken_backend final : public cache_backend {
public:
  std::shared_ptr<const cache_entry> get(const digest& key, instant now) override {
    if (get_fails) throw std::runtime_error("get is broken");
    return inner_.get(key, now);
  }
  void put(const digest& key, cache_entry entry, std::optional<duration> keep,
           instant now) override {
    if (put_fails) throw std::runtime_error("put is broken");
    inner_.put(key, std::move(entry), keep, now);
  }
  bool erase(const digest& key) override { return inner_.erase(key); }
  void clear() override { inner_.clear(); }
  [[nodiscard]] std::size_t size() const override { return inner_.size(); }
  [[nodiscard]] std::size_t bytes() const override { return inner_.bytes(); }
  [[nodiscard]] std::uint64_t evictions() const override { return inner_.evictions(); }

  bool get_fails = false;
  bool put_fails = false;

private:
  in_memory_cache inner_;
};

class BrokenHelperCases : public CaseFixture {
protected:
  void expect_uncached(cache options, const std::string& complaint) {
    scripted_step a = mock_step("s", ok("v"));
    const auto live = rt.deploy(a() | std::move(options));
    for (std::size_t round = 1; round <= 3; ++round) {
      EXPECT_FALSE(hits(live, "in"));
      EXPECT_EQ(a.call_count(), round);
      EXPECT_EQ(live.cache("s")->statistics().errors, round);
      const auto warnings = seen->of(event_kind::warning);
      ASSERT_EQ(warnings.size(), round);
      EXPECT_THAT(warnings.back().detail, ::testing::HasSubstr(complaint));
    }
  }
};
TROUPE_CASES(BrokenHelperCases);

TEST_P(BrokenHelperCases, C111KeyFunctionThrows) {
  expect_uncached(
      cache{.key = [](const value&) -> value { throw std::runtime_error("key is broken"); }},
      "key is broken");
}

TEST_P(BrokenHelperCases, C111BackendGetThrows) {
  const auto backend = std::make_shared<broken_backend>();
  backend->get_fails = true;
  expect_uncached(cache{.backend = backend}, "get is broken");
}

TEST_P(BrokenHelperCases, C111BackendPutThrows) {
  const auto backend = std::make_shared<broken_backend>();
  backend->put_fails = true;
  expect_uncached(cache{.backend = backend}, "put is broken");
}

TEST_P(CacheKeyCases, C115ARebuiltDefinitionHasTheSameKeys) {
  std::atomic<int> calls{0};
  const auto once = protect({}, calls).tree().hash();
  const auto again = protect({}, calls).tree().hash();
  EXPECT_EQ(once, again);

  const auto input = asking("q");
  const auto entries = value::map({{"locale", "en"}});
  EXPECT_EQ(*cache_key(once, input, context("one", entries)),
            *cache_key(again, asking("q"), context("another", entries)));
  EXPECT_EQ(*cache_key(once, value("chosen")), *cache_key(again, value("chosen")));
  EXPECT_NE(*cache_key(once, input, context()), *cache_key(once, input));
}

// The second runtime stands for the second process: nothing but the backend is shared.
TEST_P(CacheKeyCases, C115AnotherRuntimeHitsInASharedBackend) {
  std::atomic<int> calls{0};
  const auto backend = std::make_shared<in_memory_cache>();
  EXPECT_FALSE(hits(rt.deploy(protect({}, calls) | cache{.backend = backend}), asking("q")));

  virtual_runtime second(
      {.log = false, .random_seed = 2, .fuse_stages = GetParam() == hosting::unfused});
  EXPECT_TRUE(hits(second.deploy(protect({}, calls) | cache{.backend = backend}), asking("q")));
  EXPECT_EQ(calls, 1);
}

} // namespace
} // namespace troupe::testing
