#include "cache_cluster.hpp"
#include "cluster_cache.hpp"
#include "support/signal_box.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;
using actors::shared_cache;

/// A coordinator with a cache, and what its turn has still to do.
struct cache_host {
  cache_host(exchange_node& of, const instant& clock, cache options)
      : node(of), backend(make(options, clock)), shared([&] {
          options.backend = backend;
          return options;
        }()) {}

  std::shared_ptr<cluster_cache_backend> make(const cache& options, const instant& clock) {
    auto post = [this](exchange_turn::job what) { turns.push_back(std::move(what)); };
    auto post_now = [this, &clock](const exchange_turn::job& what) {
      turn(clock);
      what(node.exchange, clock);
    };
    return std::make_shared<cluster_cache_backend>(options, node.memories,
                                                   exchange_turn{post, post_now, {}});
  }
  bool turn(instant now) {
    if (turns.empty()) return false;
    for (const auto& each : std::exchange(turns, {})) each(node.exchange, now);
    return true;
  }

  exchange_node& node;
  std::vector<exchange_turn::job> turns;
  std::shared_ptr<cluster_cache_backend> backend;
  shared_cache shared;
  std::shared_ptr<testing::signal_box> box = std::make_shared<testing::signal_box>();
};

/// Calls of three coordinators that want the same keys, as a cache keeper makes them; a seed
/// chooses what happens next.
class cache_trouble {
public:
  explicit cache_trouble(std::uint64_t seed) : random_(seed) {
    for (const auto& [name, node] : cluster_.nodes) {
      hosts_.push_back(std::make_unique<cache_host>(*node, cluster_.now, options()));
      names_.push_back(name);
    }
    for (std::uint8_t each = 0; each < 4; ++each)
      keys_.push_back(sha256(std::vector<std::uint8_t>{each}));
  }

  void run(int steps, bool links_break) {
    for (int each = 0; each < steps; ++each) step(links_break);
  }

  /// Puts the links right and lets everything end; nothing may be left.
  void end() {
    for (const auto& one : names_)
      for (const auto& other : names_)
        if (one < other) cluster_.connect(one, other);
    for (int round = 0; round < 1'000 && !(calm() && calls_.empty()); ++round) {
      calm();
      const auto computing = std::find_if(calls_.begin(), calls_.end(), [](const auto& each) {
        return each.second.at == state::computing;
      });
      if (computing != calls_.end()) finish(computing);
    }
    EXPECT_EQ(calls_.size(), 0u) << "somebody waits and nobody computes";
    for (const auto& host : hosts_) {
      EXPECT_EQ(host->node.exchange.asking(), 0u) << host->node.name;
      EXPECT_EQ(host->node.exchange.computed(), 0u) << host->node.name;
    }
  }

  /// From now on one call at a time may compute a key.
  void be_strict() { strict_ = true; }
  [[nodiscard]] int computed() const { return computed_; }
  [[nodiscard]] int hits() const { return hits_; }

private:
  enum class state { looking, computing, waiting };
  struct call {
    std::size_t host;
    digest key;
    state at = state::looking;
    bool looking = false;
    std::uint64_t seen = 0;
  };
  using place = std::map<std::uint32_t, call>::iterator;

  static cache options() {
    return {.name = "c",
            .scope = state_scope::cluster,
            .ttl = 1min,
            .max_size = 3,
            .stale_if_error = 1min};
  }
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(random_() % count); }
  actors::call_address address(std::uint32_t number, const call& of) {
    return {hosts_[of.host]->box, {number, 1}};
  }

  void step(bool links_break) {
    const auto dice = below(100);
    if (dice < 25) return deliver();
    if (dice < 45) return hear(below(3));
    if (dice < 60) return void(hosts_[below(3)]->turn(cluster_.now));
    if (dice < 75) return begin();
    if (dice < 87) return end_any(true);
    if (dice < 94) return end_any(false);
    if (dice < 96) pass_time();
    else if (dice < 97) hosts_[below(3)]->node.exchange.erase("c", {}, cluster_.now, [](bool) {});
    else if (links_break) change_links();
  }

  void pass_time() {
    // An entry that expires on its way is computed without leave.
    if (strict_) calm();
    cluster_.now += std::chrono::seconds(below(40));
  }

  void deliver() { (void)cluster_.deliver(names_[below(3)], names_[below(3)]); }

  void change_links() {
    const auto& one = names_[below(3)];
    const auto& other = names_[below(3)];
    if (one == other) return;
    if (below(2) == 0) cluster_.cut(one, other);
    else cluster_.connect(one, other);
  }

  bool calm() {
    auto any = true;
    while (std::exchange(any, false)) {
      any |= cluster_.deliver_any();
      for (std::size_t each = 0; each < 3; ++each) {
        any |= hosts_[each]->turn(cluster_.now);
        any |= !hosts_[each]->box->received.empty();
        hear(each);
      }
    }
    return true;
  }

  void begin() {
    const auto number = ++last_;
    const auto made = calls_.emplace(number, call{below(3), keys_[below(keys_.size())]}).first;
    ask(made);
  }

  void ask(place of) {
    auto& [number, what] = *of;
    auto& host = *hosts_[what.host];
    if (host.backend->get_near(what.key, cluster_.now)) return hit(of);
    what.seen = host.shared.begin_look(what.key);
    what.looking = true;
    host.backend->start_get(
        what.key, cluster_.now,
        [where = address(number, what)](waiting_cache_backend::found answer) {
          where.send({shared_cache::found_signal,
                      std::make_shared<waiting_cache_backend::found>(std::move(answer))});
        });
  }

  void hear(std::size_t at) {
    auto& box = hosts_[at]->box->received;
    if (box.empty()) return;
    const auto next = box.front();
    box.erase(box.begin());
    const auto of = calls_.find(next.call.index);
    if (of == calls_.end()) return;
    if (next.content.what == shared_cache::lead_signal) return lead(of);
    if (next.content.what == shared_cache::shared_signal) {
      of->second.at = state::looking; // no part of the computation any more
      return hit(of);
    }
    const auto answer =
        std::static_pointer_cast<waiting_cache_backend::found>(next.content.payload);
    if (answer->entry && freshness_of(options(), *answer->entry, cluster_.now) == freshness::fresh)
      return hit(of);
    auto& [number, what] = *of;
    what.looking = false;
    const auto role =
        hosts_[at]->shared.join_after_look(what.key, address(number, what), what.seen);
    if (role == shared_cache::role::look_again) return ask(of);
    if (role == shared_cache::role::leader) return lead(of);
    what.at = state::waiting;
  }

  void lead(place of) {
    const auto same = [&](const auto& each) {
      return each.second.at == state::computing && each.second.key == of->second.key;
    };
    EXPECT_TRUE(!strict_ || std::none_of(calls_.begin(), calls_.end(), same)) << "two compute";
    ++computed_;
    of->second.at = state::computing;
  }

  void hit(place of) {
    ++hits_;
    leave(of);
  }

  // What the destructor of a call does.
  void leave(place of) {
    auto& [number, what] = *of;
    auto& shared = hosts_[what.host]->shared;
    if (what.looking) shared.end_look(what.key);
    if (what.at != state::looking) shared.leave(what.key, address(number, what));
    calls_.erase(of);
  }

  // Ends one that computes with a result, or cancels any.
  void end_any(bool with_result) {
    if (calls_.empty()) return;
    const auto of = std::next(calls_.begin(), static_cast<std::ptrdiff_t>(below(calls_.size())));
    if (!with_result) return leave(of);
    if (of->second.at == state::computing) finish(of);
  }

  void finish(place of) {
    const auto what = of->second;
    auto& host = *hosts_[what.host];
    const auto entry = entry_of("v", cluster_.now);
    if (below(3) > 0) (void)host.backend->start_put(what.key, entry, 2min, [] {});
    calls_.erase(of);
    host.shared.share(what.key, [&] { return std::make_shared<const cache_entry>(entry); });
  }

  std::mt19937_64 random_;
  cache_cluster cluster_{{"a", "b", "c"}};
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<cache_host>> hosts_;
  std::vector<digest> keys_;
  std::map<std::uint32_t, call> calls_;
  std::uint32_t last_ = 0;
  bool strict_ = false;
  int computed_ = 0;
  int hits_ = 0;
};

/// Two coordinators with one cache; everything is delivered at once.
class ClusterCacheBackend : public ::testing::Test {
protected:
  static cache options() { return {.name = "c", .scope = state_scope::cluster, .ttl = 1h}; }
  void settle() {
    while (a.turn(cluster.now) || b.turn(cluster.now) || cluster.deliver_any()) {
    }
  }
  void put(cache_host& to, const value& output) {
    to.backend->put(key, entry_of(output, cluster.now), 1h, cluster.now);
    settle();
  }
  std::optional<waiting_cache_backend::found> get(cache_host& from) {
    std::optional<waiting_cache_backend::found> made;
    from.backend->start_get(key, cluster.now, [&](auto answer) { made = std::move(answer); });
    settle();
    return made;
  }

  cache_cluster cluster{{"a", "b"}};
  cache_host a{cluster.at("a"), cluster.now, options()};
  cache_host b{cluster.at("b"), cluster.now, options()};
  digest key{};
};

TEST_F(ClusterCacheBackend, ServesWhatIsNearWithoutATurn) {
  a.backend->put(key, entry_of("v", cluster.now), 1h, cluster.now);
  ASSERT_TRUE(a.backend->get_near(key, cluster.now));
  EXPECT_EQ(a.backend->get_near(key, cluster.now)->result->output, value("v"));
  EXPECT_FALSE(b.backend->get_near(key, cluster.now));
  EXPECT_EQ(a.backend->size(), 1u);
  EXPECT_GT(a.backend->bytes(), 0u);
}

TEST_F(ClusterCacheBackend, AsksForWhatAnotherHas) {
  put(a, "v");
  const auto found = get(b);
  ASSERT_TRUE(found && found->entry);
  EXPECT_EQ(found->entry->result->output, value("v"));
  EXPECT_FALSE(found->failed);
  EXPECT_TRUE(b.backend->get_near(key, cluster.now));
}

TEST_F(ClusterCacheBackend, WhatIsTooOldIsShownOneLastTime) {
  put(a, "v");
  cluster.now += 2h;
  EXPECT_FALSE(a.backend->get_near(key, cluster.now));
  const auto found = get(a);
  ASSERT_TRUE(found && found->entry);
  EXPECT_EQ(found->entry->result->output, value("v"));
}

TEST_F(ClusterCacheBackend, TellsNothingOfKeysThatItDidNotAskFor) {
  a.backend->settled(key, false);
  a.backend->pass_on();
  EXPECT_TRUE(a.turns.empty());

  (void)get(a);
  a.backend->settled(key, true);
  a.backend->settled(key, false);
  a.backend->pass_on();
  EXPECT_EQ(a.turns.size(), 1u);
}

TEST_F(ClusterCacheBackend, AnEraseThatNobodyConfirmsThrows) {
  put(a, "v");
  EXPECT_THROW((void)a.backend->erase(key), step_error);
  EXPECT_FALSE(a.backend->get_near(key, cluster.now));
}

TEST_F(ClusterCacheBackend, ErasesItsOwnWhenTheNodeHasGone) {
  const auto orphan = std::make_shared<cluster_cache_backend>(
      options(), cluster.at("a").memories,
      exchange_turn{[](const exchange_turn::job&) {}, [](const exchange_turn::job&) {}});
  orphan->put(key, entry_of("v", cluster.now), 1h, cluster.now);
  EXPECT_TRUE(orphan->erase(key));
  EXPECT_FALSE(orphan->erase(key));
}

TEST_F(ClusterCacheBackend, AloneItErasesAtOnce) {
  put(a, "v");
  cluster.cut("a", "b");
  settle();
  EXPECT_TRUE(a.backend->erase(key));
  EXPECT_FALSE(a.backend->erase(key));
  put(a, "v");
  a.backend->clear();
  EXPECT_EQ(a.backend->size(), 0u);
}

TEST(ClusterCache, EveryCallIsAnsweredWhateverLinksDo) {
  auto computed = 0;
  auto hits = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    cache_trouble all(seed);
    all.run(800, true);
    all.end();
    computed += all.computed();
    hits += all.hits();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(computed, 1'000);
  EXPECT_GT(hits, 1'000);
}

TEST(ClusterCache, OneCallAtATimeComputesAKeyWhileLinksHold) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    cache_trouble all(seed);
    all.run(300, true);
    all.end();
    all.be_strict();
    all.run(800, false);
    all.end();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

} // namespace
} // namespace troupe::nodes
