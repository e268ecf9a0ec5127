#include "cache_cluster.hpp"

#include <gtest/gtest.h>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;

/// Three coordinators, and a key whose home is the first.
class CacheExchange : public ::testing::Test {
protected:
  CacheExchange() {
    for (const auto& [name, node] : cluster.nodes) (void)node->memories->of("c", room);
  }

  struct answer {
    bool came = false;
    cache_exchange::found entry{};
    [[nodiscard]] bool computes() const { return came && !entry; }
    [[nodiscard]] value output() const { return entry ? entry->result->output : value("nothing"); }
  };

  std::shared_ptr<answer> find(const std::string& node, std::optional<duration> ttl = 1h) {
    auto made = std::make_shared<answer>();
    cluster.at(node).exchange.find(key, ttl, cluster.now, [made](cache_exchange::found entry) {
      EXPECT_FALSE(made->came);
      *made = {true, std::move(entry)};
    });
    cluster.deliver_all();
    return made;
  }

  void store(const std::string& node, const value& output, std::optional<duration> keep = 1h) {
    const auto entry = entry_of(output, cluster.now);
    cluster.at(node).memories->of("c", room)->put(key.key, entry, keep, cluster.now);
    kept_entry content{std::make_shared<const cache_entry>(entry), {}};
    if (keep) content.drop_at = cluster.now + *keep;
    cluster.at(node).exchange.store(key, content, room, cluster.now);
    cluster.deliver_all();
  }

  void settle(const std::string& node, bool awaited = false) {
    cluster.at(node).exchange.settled(key, awaited, cluster.now);
    cluster.deliver_all();
  }

  bool erase(const std::string& node, std::optional<digest> which) {
    std::optional<bool> any;
    cluster.at(node).exchange.erase("c", which, cluster.now, [&](bool found) { any = found; });
    cluster.deliver_all();
    EXPECT_TRUE(any);
    return any.value_or(false);
  }

  void expect_nothing_open() {
    for (const auto& [name, node] : cluster.nodes) {
      EXPECT_EQ(node->exchange.asking(), 0u) << name;
      EXPECT_EQ(node->exchange.computed(), 0u) << name;
    }
  }

  cache_cluster cluster{{"a", "b", "c"}};
  cached_key key = cluster.key_at_home("a");
  cache_room room{100, 1u << 20};
};

TEST_F(CacheExchange, OneNodeComputesAndTheOthersGetItsEntry) {
  const auto b = find("b");
  const auto c = find("c");
  const auto a = find("a");
  EXPECT_TRUE(b->computes());
  EXPECT_FALSE(c->came);
  EXPECT_FALSE(a->came);

  store("b", "v");

  EXPECT_EQ(a->output(), value("v"));
  EXPECT_EQ(c->output(), value("v"));
  settle("b");
  expect_nothing_open();
}

TEST_F(CacheExchange, AnEntryIsFoundFromEveryNodeAndKeptThere) {
  store("b", "v");
  EXPECT_EQ(find("c")->output(), value("v"));

  const auto before = cluster.frames;
  EXPECT_EQ(find("c")->output(), value("v"));
  EXPECT_EQ(find("a")->output(), value("v"));
  EXPECT_EQ(cluster.frames, before);
  expect_nothing_open();
}

TEST_F(CacheExchange, AnEntryKeepsItsAgeAndItsEnd) {
  store("b", "v", 10min);
  cluster.now += 4min;
  EXPECT_EQ(find("c")->entry->stored, cluster.now - 4min);

  const auto kept = cluster.at("c").memories->find("c")->look(key.key, cluster.now);
  EXPECT_EQ(kept.drop_at, cluster.now + 6min);
}

TEST_F(CacheExchange, OneNodeAsksOnceForAllItsCalls) {
  const auto before = cluster.frames;
  const auto first = find("b");
  const auto second = find("b");
  EXPECT_TRUE(first->computes());
  EXPECT_TRUE(second->computes());
  EXPECT_EQ(cluster.frames, before + 2);
}

TEST_F(CacheExchange, WhoWaitsComputesWhenAnotherHasNothing) {
  (void)find("b");
  const auto c = find("c");
  const auto a = find("a");

  settle("b");

  EXPECT_TRUE(c->computes());
  EXPECT_FALSE(a->came);
  settle("c");
  EXPECT_TRUE(a->computes());
  settle("a");
  expect_nothing_open();
}

TEST_F(CacheExchange, AQuestionThatNobodyAwaitsIsTakenBack) {
  (void)find("b");
  const auto c = find("c");
  settle("c", true);
  EXPECT_FALSE(c->came);
  settle("c");
  EXPECT_TRUE(c->came);

  const auto a = find("a");
  settle("b");
  EXPECT_TRUE(a->computes());
}

TEST_F(CacheExchange, AComputationThatEndedIsOverThoughCallsStillLook) {
  (void)find("b");
  const auto c = find("c");
  settle("b", true);
  EXPECT_TRUE(c->computes());
}

TEST_F(CacheExchange, AnExpiredEntryComesAlongForWhoComputes) {
  store("b", "old", 3h);
  cluster.now += 2h;

  const auto c = find("c");

  EXPECT_EQ(c->output(), value("old"));
  EXPECT_EQ(cluster.at("c").exchange.asking(), 1u);
  const auto b = find("b");
  EXPECT_FALSE(b->came);
  store("c", "new");
  EXPECT_EQ(b->output(), value("new"));
}

TEST_F(CacheExchange, TheNextComputesWhenANodeIsLost) {
  (void)find("b");
  const auto c = find("c");
  cluster.cut("a", "b");
  cluster.deliver_all();
  EXPECT_TRUE(c->computes());
}

TEST_F(CacheExchange, AnotherNodeIsAskedWhenTheHomeIsLost) {
  (void)find("b");
  const auto c = find("c");
  cluster.cut("a", "b");
  cluster.cut("a", "c");
  cluster.deliver_all();
  EXPECT_FALSE(c->came);

  store("b", "v");
  EXPECT_EQ(c->output(), value("v"));
  settle("b");
  expect_nothing_open();
}

TEST_F(CacheExchange, AHomeThatComesBackTakesOver) {
  cluster.cut("a", "b");
  cluster.cut("a", "c");
  cluster.deliver_all();
  (void)find("b");
  const auto c = find("c");
  cluster.connect("a", "b");
  cluster.connect("a", "c");
  cluster.deliver_all();
  const auto a = find("a");
  EXPECT_FALSE(c->came);
  EXPECT_FALSE(a->came);

  store("b", "v");
  EXPECT_EQ(c->output(), value("v"));
  EXPECT_EQ(a->output(), value("v"));
  settle("b");
  expect_nothing_open();
}

TEST_F(CacheExchange, WhatHasNoPlainFormStaysWhereItIs) {
  struct socket {};
  static const native_type type{&typeid(socket), nullptr};
  (void)find("b");
  const auto c = find("c");
  const auto again = find("b");
  store("b", value::native(std::make_shared<const socket>(), type));

  EXPECT_TRUE(again->came);
  EXPECT_TRUE(c->computes());
  EXPECT_TRUE(find("b")->came);
  settle("c");
  expect_nothing_open();
}

TEST_F(CacheExchange, ANativeValueOfTheHomeMakesOthersCompute) {
  struct socket {};
  static const native_type type{&typeid(socket), nullptr};
  (void)find("a");
  const auto b = find("b");
  const auto c = find("c");
  store("a", value::native(std::make_shared<const socket>(), type));
  EXPECT_TRUE(b->computes());
  EXPECT_FALSE(c->came);
  store("b", "plain");
  EXPECT_EQ(c->output(), value("plain"));
}

TEST_F(CacheExchange, WhatIsErasedIsGoneEverywhere) {
  store("b", "v");
  (void)find("c");
  EXPECT_TRUE(erase("c", key.key));
  EXPECT_FALSE(erase("b", key.key));
  for (const auto* node : {"a", "b", "c"}) {
    EXPECT_TRUE(find(node)->computes()) << node;
    settle(node);
  }

  store("c", "w");
  EXPECT_TRUE(erase("a", std::nullopt));
  EXPECT_TRUE(find("b")->computes());
}

TEST_F(CacheExchange, AnEntryThatIsUnderWayWhenAllIsErasedGoesToo) {
  const kept_entry content{std::make_shared<const cache_entry>(entry_of("v", cluster.now)), {}};
  cluster.at("c").exchange.store(key, content, room, cluster.now);
  cluster.at("b").exchange.erase("c", {}, cluster.now, [](bool) {});
  (void)cluster.deliver("b", "a"); // before what is stored
  cluster.deliver_all();
  EXPECT_TRUE(find("a")->computes());
}

TEST_F(CacheExchange, AnEraseDoesNotWaitForANodeThatIsLost) {
  std::optional<bool> any;
  cluster.at("b").exchange.erase("c", {}, cluster.now, [&](bool found) { any = found; });
  EXPECT_FALSE(any);
  cluster.cut("b", "c");
  cluster.cut("b", "a");
  cluster.deliver_all();
  EXPECT_EQ(any, false);
}

TEST_F(CacheExchange, AnAnswerThatWasUnderWayWhenAllWasErasedIsNotKept) {
  store("b", "v");
  std::optional<value> output;
  cluster.at("c").exchange.find(key, 1h, cluster.now, [&](const cache_exchange::found& entry) {
    output = entry->result->output;
  });
  (void)cluster.deliver("c", "a");
  cluster.at("b").exchange.erase("c", {}, cluster.now, [](bool) {});
  (void)cluster.deliver("b", "c");
  cluster.deliver_all();

  EXPECT_EQ(output, value("v"));
  EXPECT_TRUE(find("c")->computes());
}

TEST_F(CacheExchange, SaysNothingWhenItIsAlone) {
  cache_cluster alone({"x"});
  auto& only = alone.at("x").exchange;
  auto computes = false;
  only.find(key, 1h, alone.now, [&](const cache_exchange::found& entry) { computes = !entry; });
  EXPECT_TRUE(computes);
  only.settled(key, false, alone.now);
  EXPECT_EQ(alone.frames, 0u);
  EXPECT_EQ(only.asking() + only.computed(), 0u);
}

TEST_F(CacheExchange, RefusesWhatDoesNotRead) {
  auto& a = cluster.at("a").exchange;
  const auto take = [&](const std::string& from, message_kind kind, value::list_type items) {
    items.insert(items.begin(), value(static_cast<std::int64_t>(kind)));
    return a.take(from, {kind, value::list(std::move(items))}, cluster.now).has_value();
  };
  const auto sum = value::binary({key.key.begin(), key.key.end()});
  EXPECT_TRUE(take("stranger", message_kind::cache_ask, {"c", sum, 1}));
  EXPECT_TRUE(take("b", message_kind::cache_ask, {"c", "no sum", 1}));
  EXPECT_TRUE(take("b", message_kind::cache_answer, {"c", sum, 1, false}));
  EXPECT_TRUE(take("b", message_kind::cache_store, {"c", sum, 1, 1, 1, value::binary({1})}));
  EXPECT_TRUE(take("b", message_kind::cache_store, {"c", sum, 1, 1, 1}));
  EXPECT_TRUE(take("b", message_kind::cache_erase, {1, "c", "no sum"}));
  EXPECT_TRUE(take("b", message_kind::results, {"c", sum}));
  EXPECT_FALSE(take("b", message_kind::cache_answer, {"c", sum, 99, true}));
  EXPECT_FALSE(take("b", message_kind::cache_release, {"c", sum, 99}));
  EXPECT_FALSE(take("b", message_kind::cache_erased, {99, true}));
  EXPECT_FALSE(take("b", message_kind::cache_ask, {"c", sum, 1}));
}

} // namespace
} // namespace troupe::nodes
