#include "redis_fixture.hpp"

#include <gmock/gmock.h>

namespace troupe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What a cache in Redis keeps and gives back.
class RedisCache : public RedisFixture {
protected:
  value ask_once(const any_deployment& live, const value& input = "in") const {
    return live.start_value(input).result().output;
  }
  runtime rt{watched()};
};

TEST_F(RedisCache, ConnectsToNothingBeforeItIsUsed) {
  server.kill();
  const auto live = rt.deploy(scripted_step("s")() | named("c"));
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(RedisCache, AnswersARequestOfAnotherRuntime) {
  scripted_step a("s", {ok("v1"), ok("v2")});
  EXPECT_EQ(ask_once(rt.deploy(a() | named("c"))), value("v1"));

  runtime other{watched()};
  const auto live = other.deploy(a() | named("c"));
  const auto second = live.start_value("in");
  EXPECT_EQ(second.result().output, value("v1"));
  EXPECT_TRUE(is_hit(second));
  EXPECT_EQ(a.call_count(), 1u);
  const auto counted = live.cache("c")->statistics();
  EXPECT_EQ(counted.hits, 1u);
  EXPECT_EQ(counted.misses, 0u);
  EXPECT_EQ(counted.errors, 0u);
  EXPECT_THAT(only_key(), ::testing::MatchesRegex("troupe:cache:c:[0-9a-f]+"));
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(RedisCache, AHitEqualsOneFromMemory) {
  const auto entry = ok(value::map({{"n", 1.5}, {"list", value::list({1, value(), "x"})}}))
                         .setting("tenant", value::map({{"id", 7}}))
                         .costing(0.25, 12);
  const auto second_result = [&](const cache& options) {
    scripted_step a("s", {entry});
    const auto live = rt.deploy(a() | options);
    (void)live.start_value("in").result();
    return live.start_value("in").result();
  };
  const auto from_redis = second_result(named("c"));
  const auto from_memory = second_result({.name = "m"});

  EXPECT_EQ(from_redis.output, from_memory.output);
  EXPECT_EQ(from_redis.final_context.data(), from_memory.final_context.data());
  auto redis_step = from_redis.step_history.at(0);
  auto memory_step = from_memory.step_history.at(0);
  EXPECT_TRUE(redis_step.metadata().cache_hit);
  redis_step.latency = memory_step.latency = {};
  EXPECT_EQ(to_value(redis_step), to_value(memory_step));
}

TEST_F(RedisCache, KeepsNull) {
  scripted_step a("s", {ok()});
  const auto live = rt.deploy(a() | named("c"));
  EXPECT_TRUE(ask_once(live).is_null());
  EXPECT_TRUE(ask_once(live).is_null());
  EXPECT_EQ(a.call_count(), 1u);
}

TEST_F(RedisCache, KeepsFourMegabytes) {
  const std::string large(std::size_t{4} << 20, 'x');
  scripted_step a("s", {ok(large)});
  const auto live = rt.deploy(a() | named("c"));
  EXPECT_EQ(ask_once(live), value(large));
  EXPECT_EQ(ask_once(live), value(large));
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(RedisCache, EntriesLiveAsLongAsTheyMayBeUsed) {
  const auto left = [&](cache options) {
    ask({"FLUSHDB"});
    (void)ask_once(rt.deploy(mock_step("s", ok("v"))() | std::move(options)));
    return std::chrono::milliseconds(ask({"PTTL", only_key()}).number);
  };
  EXPECT_GT(left(named("one", 10min)), 9min);
  EXPECT_LE(left(named("two", 10min)), 10min);
  EXPECT_EQ(left(named("three", std::nullopt)), -1ms);
  auto stale = named("four", 10min);
  stale.stale_if_error = 1h;
  EXPECT_GT(left(stale), 69min);
}

TEST_F(RedisCache, AnEntryThatIsTooOldIsComputedAgain) {
  scripted_step a("s", {ok("v1"), ok("v2")});
  const auto live = rt.deploy(a() | named("c", 1min));
  EXPECT_EQ(ask_once(live), value("v1"));
  age(59s);
  EXPECT_EQ(ask_once(live), value("v1"));
  age(2s);
  EXPECT_EQ(ask_once(live), value("v2"));
  EXPECT_EQ(live.cache("c")->statistics().expirations, 1u);
}

TEST_F(RedisCache, RefreshAfterServesTheOldValueAndRenewsIt) {
  scripted_step a("s", {ok("v1"), ok("v2")});
  auto options = named("c");
  options.refresh_after = 10min;
  const auto live = rt.deploy(a() | options);
  EXPECT_EQ(ask_once(live), value("v1"));
  age(11min);

  EXPECT_EQ(ask_once(live), value("v1"));
  const auto patience = std::chrono::steady_clock::now() + 20s;
  const auto is_renewed = [&] {
    return ask({"GET", only_key()}).text.find("v2") != std::string::npos;
  };
  while (!is_renewed() && std::chrono::steady_clock::now() < patience) {
  }
  EXPECT_EQ(ask_once(live), value("v2"));
  EXPECT_EQ(a.call_count(), 2u);
}

TEST_F(RedisCache, StaleIfErrorServesAnExpiredValue) {
  scripted_step a("s", {ok("v1"), permanent("down"), permanent("down")});
  auto options = named("c", 1min);
  options.stale_if_error = 1h;
  const auto live = rt.deploy(a() | options);
  EXPECT_EQ(ask_once(live), value("v1"));
  age(2min);
  EXPECT_EQ(ask_once(live), value("v1"));
  EXPECT_EQ(a.call_count(), 2u);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("an expired value stands in")));

  age(61min);
  EXPECT_EQ(live.start_value("in").result().status, run_status::failed);
}

TEST_F(RedisCache, FailuresAreNotKept) {
  scripted_step a("s", {permanent("no"), ok("v")});
  const auto live = rt.deploy(a() | named("c"));
  EXPECT_EQ(live.start_value("in").result().status, run_status::failed);
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_EQ(ask_once(live), value("v"));
}

TEST_F(RedisCache, FailuresAreKeptForTheirOwnTime) {
  scripted_step a("s", {permanent("no"), ok("v")});
  auto options = named("c");
  options.negative_ttl = 1min;
  const auto live = rt.deploy(a() | options);
  EXPECT_EQ(live.start_value("in").result().status, run_status::failed);
  EXPECT_LE(ask({"PTTL", only_key()}).number, 60'000);
  const auto second = live.start_value("in").result();
  EXPECT_EQ(second.step_history.at(0).feedback(), "no");
  EXPECT_EQ(a.call_count(), 1u);
}

TEST_F(RedisCache, ClearRemovesItsOwnEntriesOnly) {
  const auto a = mock_step("s", ok("v"));
  // Names that a pattern or a prefix could take for each other.
  const auto one = rt.deploy(a() | named("c*"));
  const auto two = rt.deploy(a() | named("c*:d"));
  const auto three = rt.deploy(a() | named("cc"));
  for (int input = 0; input < 30; ++input) {
    for (const auto* live : {&one, &two, &three}) (void)ask_once(*live, input);
  }
  EXPECT_EQ(keys().size(), 90u);

  one.cache("c*")->clear();
  EXPECT_EQ(keys().size(), 60u);
  EXPECT_EQ(a.call_count(), 90u);
  (void)ask_once(one, 1);
  (void)ask_once(two, 1);
  EXPECT_EQ(a.call_count(), 91u);
}

TEST_F(RedisCache, InvalidateRemovesOneEntry) {
  scripted_step a("s", {ok("v1"), ok("v2"), ok("v3")});
  const auto live = rt.deploy(a() | named("c"));
  (void)ask_once(live, "one");
  (void)ask_once(live, "two");
  EXPECT_TRUE(live.cache("c")->invalidate("one", context()));
  EXPECT_FALSE(live.cache("c")->invalidate("one", context()));
  EXPECT_EQ(ask_once(live, "two"), value("v2"));
  EXPECT_EQ(ask_once(live, "one"), value("v3"));
}

TEST_F(RedisCache, CachesWithoutANameDoNotMix) {
  const auto first = rt.deploy(mock_step("s", ok("a"))() | cache{.backend = backend()});
  const auto second = rt.deploy(mock_step("t", ok("b"))() | cache{.backend = backend()});
  EXPECT_EQ(ask_once(first), value("a"));
  EXPECT_EQ(ask_once(second), value("b"));
  EXPECT_EQ(keys().size(), 2u);
  first.cache("s")->clear();
  EXPECT_EQ(keys().size(), 1u);
}

TEST_F(RedisCache, DamagedValuesAreAMiss) {
  scripted_step a("s", {ok("v1"), ok("v2"), ok("v3"), ok("v4")});
  const auto live = rt.deploy(a() | named("c"));
  (void)ask_once(live);
  const auto key = only_key();
  ask({"SET", key, "no entry"});
  EXPECT_EQ(ask_once(live), value("v2"));
  EXPECT_EQ(ask_once(live), value("v2")); // put right
  ask({"UNLINK", key});
  ask({"LPUSH", key, "a list"});
  EXPECT_EQ(ask_once(live), value("v3"));
  EXPECT_EQ(ask_once(live), value("v3"));
  const auto text = ask({"GET", key}).text;
  ask({"SET", key, text.substr(0, text.size() - 1)});
  EXPECT_EQ(ask_once(live), value("v4"));

  EXPECT_EQ(warnings().size(), 3u);
  for (const auto& each : warnings()) EXPECT_THAT(each, HasSubstr("is not used"));
  EXPECT_EQ(live.cache("c")->statistics().errors, 0u);
}

TEST_F(RedisCache, ValuesWithoutAPlainFormAreNotKept) {
  struct socket {};
  static const native_type type{&typeid(socket), nullptr};
  scripted_step a("s");
  a.answering([](const value&, const context&) {
    return ok(value::native(std::make_shared<const socket>(), type));
  });
  const auto live = rt.deploy(a() | named("c"));
  EXPECT_EQ(live.start_value("in").result().status, run_status::completed);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("writing it failed")));
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(RedisCache, AThousandRequestsAtOnce) {
  const auto a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | named("c"));
  const auto round = [&] {
    std::vector<any_run> runs;
    for (int input = 0; input < 1000; ++input) runs.push_back(live.start_value(input));
    for (const auto& each : runs) EXPECT_EQ(each.result().output, value("v"));
  };
  round();
  EXPECT_EQ(a.call_count(), 1000u);
  round();
  EXPECT_EQ(a.call_count(), 1000u);
  const auto counted = live.cache("c")->statistics();
  EXPECT_EQ(counted.hits, 1000u);
  EXPECT_EQ(counted.errors, 0u);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(RedisCache, AThousandRequestsOfOneKeyRunTheStepOnce) {
  const auto a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | named("c"));
  std::vector<any_run> runs;
  for (int each = 0; each < 1000; ++each) runs.push_back(live.start_value("in"));
  for (const auto& each : runs) EXPECT_EQ(each.result().output, value("v"));
  EXPECT_EQ(a.call_count(), 1u);
}

TEST_F(RedisCache, VirtualTimeStandsStillWhileTheServerIsAsked) {
  virtual_runtime virtual_rt{watched()};
  scripted_step a("s", {ok("v").taking(1h)});
  const auto live = virtual_rt.deploy(a() | named("c", std::nullopt) | timeout{.after = 2h});
  const auto begun = virtual_rt.now();
  EXPECT_EQ(ask_once(live), value("v"));
  EXPECT_EQ(virtual_rt.now() - begun, 1h);
  EXPECT_EQ(ask_once(live), value("v"));
  EXPECT_EQ(virtual_rt.now() - begun, 1h);
  EXPECT_EQ(a.call_count(), 1u);
}

TEST_F(RedisCache, OneNameMeansOneBackend) {
  const auto a = mock_step("s", ok("v"));
  const auto live = rt.deploy(a() | named("c"));
  EXPECT_THROW((void)rt.deploy(a() | cache{.name = "c"}), plan_error);
}

} // namespace
} // namespace troupe::testing
