#include "issues_of.hpp"

#include <troupe/policies/cache.hpp>
#include <troupe/protocol/codec.hpp>

#include <gmock/gmock.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const digest definition = sha256({});

struct opaque {};

value opaque_value() {
  static const native_type type{&typeid(opaque), [](const void*) { return value(); }};
  return value::native(std::make_shared<opaque>(), type);
}

cache_entry entry_at(instant stored, bool success = true) {
  auto result = std::make_shared<step_result>();
  if (!success) result->why = std::make_shared<failure>();
  return {.result = std::move(result), .stored = stored};
}

TEST(Cache, HasTheDocumentedDefaults) {
  const cache options;

  EXPECT_EQ(options.ttl, 1h);
  EXPECT_EQ(options.max_size, 10'000U);
  EXPECT_EQ(options.max_bytes, std::size_t{256} << 20);
  EXPECT_TRUE(options.store_fallbacks);
  EXPECT_THAT(issues_of(options), IsEmpty());
}

TEST(Cache, RefusesNumbersOutOfBounds) {
  EXPECT_THAT(issues_of(cache{.ttl = 0s}), ElementsAre(HasSubstr("ttl")));
  EXPECT_THAT(issues_of(cache{.max_size = 0}), ElementsAre(HasSubstr("max_size")));
  EXPECT_THAT(issues_of(cache{.max_bytes = 0}), ElementsAre(HasSubstr("max_bytes")));
  EXPECT_THAT(issues_of(cache{.ttl = 1s, .refresh_after = 1s}),
              ElementsAre(HasSubstr("refresh_after is 1s; it must be below ttl, 1s")));
  EXPECT_THAT(issues_of(cache{.refresh_after = 0s}), ElementsAre(HasSubstr("refresh_after")));
  EXPECT_THAT(issues_of(cache{.stale_if_error = -1s}), ElementsAre(HasSubstr("stale_if_error")));
  EXPECT_THAT(issues_of(cache{.negative_ttl = 0s}), ElementsAre(HasSubstr("negative_ttl")));
  EXPECT_THAT(issues_of(cache{.ttl = std::nullopt, .refresh_after = 1s}), IsEmpty());
}

TEST(Cache, NeedsAKeyWhenTheInputHasNoPlainForm) {
  EXPECT_THAT(issues_of(cache{.input_has_plain_form = false}),
              ElementsAre(HasSubstr(
                  "key is needed: the input type has no plain form (see TROUPE_FIELDS)")));
  const cache keyed{.key = {[](const value&, const context&) { return value(1); }, "one"},
                    .input_has_plain_form = false};
  EXPECT_THAT(issues_of(keyed), IsEmpty());
}

TEST(Cache, DescribesNeitherItsBackendNorTheFormOfItsInput) {
  const cache plain{.ttl = 2s};
  auto other = plain;
  other.backend = std::make_shared<in_memory_cache>();
  other.input_has_plain_form = false;

  EXPECT_EQ(troupe_describe(plain), troupe_describe(other));
  EXPECT_EQ(troupe_describe(plain).at("ttl"), value("2s"));
  EXPECT_FALSE(troupe_describe(cache{.ttl = std::nullopt}).contains("ttl"));
}

TEST(CacheKey, IsEqualForEqualCalls) {
  const context ctx("run-1", value::map({{"locale", "en"}}));
  const context later_run("run-2", value::map({{"locale", "en"}}));

  EXPECT_EQ(*cache_key(definition, "in", ctx), *cache_key(definition, "in", later_run));
}

TEST(CacheKey, DependsOnDefinitionInputAndContext) {
  const context english("run", value::map({{"locale", "en"}}));
  const context german("run", value::map({{"locale", "de"}}));
  const auto key = *cache_key(definition, "in", english);

  EXPECT_NE(key, *cache_key(definition, "in", german));
  EXPECT_NE(key, *cache_key(definition, "out", english));
  EXPECT_NE(key, *cache_key(sha256(definition), "in", english));
}

// The form is what processes of all versions agree on.
TEST(CacheKey, IsTheSumOfAListInItsCanonicalForm) {
  const context ctx("run", value::map({{"locale", "en"}}));
  const auto sum_of = [](value::list_type parts) {
    std::vector<std::uint8_t> bytes;
    EXPECT_TRUE(encode(value::list(std::move(parts)), bytes));
    return sha256(bytes);
  };
  const auto sum = value::binary({definition.begin(), definition.end()});

  EXPECT_EQ(*cache_key(definition, "in", ctx), sum_of({1, sum, "input", "in", ctx.to_value()}));
  EXPECT_EQ(*cache_key(definition, 5, context()), sum_of({1, sum, "input", 5, value::map({})}));
  EXPECT_EQ(*cache_key(definition, "chosen"), sum_of({1, sum, "key", "chosen"}));
}

TEST(CacheKey, KeepsTheDefinitionWhenTheKeyIsChosen) {
  EXPECT_EQ(*cache_key(definition, "x"), *cache_key(definition, "x"));
  EXPECT_NE(*cache_key(definition, "x"), *cache_key(sha256(definition), "x"));
  EXPECT_NE(*cache_key(definition, "x"), *cache_key(definition, "x", context()));
}

TEST(CacheKey, FailsForWhatHasNoPlainForm) {
  const auto key = cache_key(definition, opaque_value(), context());

  ASSERT_FALSE(key);
  EXPECT_EQ(key.why().kind, failure_kind::malformed);
}

TEST(CacheStatistics, TellTheShareOfHits) {
  EXPECT_EQ(cache_statistics{}.hit_rate(), 0.0);
  EXPECT_EQ((cache_statistics{.hits = 3, .misses = 2}.hit_rate()), 0.6);
}

TEST(Freshness, EndsWhenTheAgeReachesTheTtl) {
  const cache options{.ttl = 100ms};
  const auto entry = entry_at(instant{1h});

  EXPECT_EQ(freshness_of(options, entry, instant{1h}), freshness::fresh);
  EXPECT_EQ(freshness_of(options, entry, instant{1h} + 100ms - 1ns), freshness::fresh);
  EXPECT_EQ(freshness_of(options, entry, instant{1h} + 100ms), freshness::gone);
}

TEST(Freshness, NeverEndsWithoutATtl) {
  const cache options{.ttl = std::nullopt};
  EXPECT_EQ(freshness_of(options, entry_at(instant{}), instant{100'000h}), freshness::fresh);
}

TEST(Freshness, AsksForARenewalInTime) {
  const cache options{.ttl = 10s, .refresh_after = 6s};
  const auto entry = entry_at(instant{});

  EXPECT_EQ(freshness_of(options, entry, instant{6s - 1ns}), freshness::fresh);
  EXPECT_EQ(freshness_of(options, entry, instant{6s}), freshness::refreshing);
  EXPECT_EQ(freshness_of(options, entry, instant{10s}), freshness::gone);
}

TEST(Freshness, KeepsExpiredEntriesForErrorsAWhile) {
  const cache options{.ttl = 10s, .stale_if_error = 5s};
  const auto entry = entry_at(instant{});

  EXPECT_EQ(freshness_of(options, entry, instant{10s}), freshness::expired);
  EXPECT_EQ(freshness_of(options, entry, instant{15s - 1ns}), freshness::expired);
  EXPECT_EQ(freshness_of(options, entry, instant{15s}), freshness::gone);
}

TEST(Freshness, CountsFailuresByTheirOwnTtl) {
  const cache options{.ttl = 1h, .stale_if_error = 1h, .negative_ttl = 5s};
  const auto entry = entry_at(instant{}, false);

  EXPECT_EQ(freshness_of(options, entry, instant{5s - 1ns}), freshness::fresh);
  EXPECT_EQ(freshness_of(options, entry, instant{5s}), freshness::gone);
  EXPECT_EQ(freshness_of(cache{}, entry, instant{}), freshness::gone);
}

} // namespace
} // namespace troupe
