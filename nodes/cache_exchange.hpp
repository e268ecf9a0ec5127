#pragma once

#include "cache_words.hpp"
#include "shared_port.hpp"

#include <troupe/policies/cache.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::nodes {

/// What one process holds of the caches of a cluster, by their names: what it computed, copies of
/// what others did, and what it keeps as the home of a key. Thread-safe.
class cache_memories {
public:
  /// The cache of that name, made when there is none; entries are lost when its room was another.
  std::shared_ptr<in_memory_cache> of(const std::string& cache, cache_room room);
  /// Null when there is none.
  [[nodiscard]] std::shared_ptr<in_memory_cache> find(const std::string& cache) const;
  /// The one that there is, or a new one; null when these are too many.
  std::shared_ptr<in_memory_cache> find_or_make(const std::string& cache, cache_room room);
  /// How often something was erased: what was computed before is not to be told any more.
  [[nodiscard]] std::uint64_t erasures() const noexcept { return erasures_; }
  void count_erasure() noexcept { ++erasures_; }

private:
  struct held {
    cache_room room;
    std::shared_ptr<in_memory_cache> memory;
  };
  mutable std::mutex mutex_;
  std::map<std::string, held> all_;
  std::atomic<std::uint64_t> erasures_{0};
};

/// Whether an entry may be served to who asks for one younger than `ttl`. A failure may be served
/// for as long as it is kept.
[[nodiscard]] bool is_servable(const kept_entry& content, const std::optional<duration>& ttl,
                               instant now);

/// What the coordinators of a cluster know together about caches: each key has a home among them,
/// which keeps its entry and lets one of them at a time compute it. Pure, and in the node's turn.
///
/// As who asks, for each key:
///
///   | state   | event                        | next                                             |
///   |---------|------------------------------|--------------------------------------------------|
///   | none    | find, not in memory          | asking: the home is asked                        |
///   | asking  | find                         | asking: waits for the same answer                |
///   | asking  | answer with an entry, store  | none: all get the entry                          |
///   | asking  | answer to compute            | holding: all go and compute, one of them does    |
///   | asking  | settled, nobody awaits it    | none: the home is told                           |
///   | holding | find                         | holding: goes and computes                       |
///   | holding | store, settled               | none: the home is told                           |
///   | both    | another node becomes home    | same: the new one is asked, or told who computes |
///
/// As home, for each key: who computes, if anybody, and who waits. An entry answers all who wait.
/// When nobody computes, because of a store or release or because the node is gone, the first who
/// waits does. So somebody waits only while somebody computes.
///
/// What is said between two nodes arrives in order or not at all: when a link ends, both call
/// `set_members` without the other one before anything else comes of it.
class cache_exchange {
public:
  using found = std::shared_ptr<const cache_entry>;

  /// Alone, until others come.
  cache_exchange(shared_port& port, std::shared_ptr<cache_memories> memories, std::string own);

  /// Says who is linked to this node, itself included.
  void set_members(const std::string& own, std::vector<std::string> all, instant now);

  /// Calls `done` once: with an entry younger than `ttl`; or with none or an older one, then the
  /// key is to be computed here. Waits while it is computed elsewhere.
  void find(const cached_key& what, std::optional<duration> ttl, instant now,
            std::function<void(found)> done);
  /// Tells what was computed here. The memory of this node has it already.
  void store(const cached_key& what, kept_entry content, cache_room room, instant now);
  /// See `waiting_cache_backend::settled`.
  void settled(const cached_key& what, bool awaited, instant now);
  /// Drops an entry, or all of a cache, everywhere; `done` is told whether there was anything, once
  /// all have answered.
  void erase(const std::string& cache, std::optional<digest> key, instant now,
             std::function<void(bool)> done);

  /// Takes a message about caches from another member. A failure says why the link to it cannot be
  /// trusted any more: it has to be ended.
  [[nodiscard]] std::optional<failure> take(const std::string& from, const message& content,
                                            instant now);

  [[nodiscard]] static bool is_for_it(message_kind kind) noexcept;
  /// Questions and grants of this node.
  [[nodiscard]] std::size_t asking() const noexcept { return questions_.size(); }
  /// Keys that this node, as their home, lets somebody compute.
  [[nodiscard]] std::size_t computed() const noexcept { return desks_.size(); }

private:
  /// What this node wants of the home of a key.
  struct question {
    std::string home;
    std::uint64_t ticket = 0;
    std::optional<duration> ttl;
    bool holding = false;
    bool erased = false; ///< meanwhile: what comes is not kept
    found stale;
    std::vector<std::function<void(found)>> askers;
  };
  struct asker {
    std::string member;
    std::uint64_t ticket = 0;
    std::optional<duration> ttl;
  };
  /// What this node knows as the home of a key.
  struct desk {
    std::optional<asker> holder;
    std::deque<asker> waiters;
  };
  struct erasure {
    std::string cache;
    std::optional<digest> key;
    std::set<std::string> awaited;
    bool found = false;
    std::function<void(bool)> done;
  };

  [[nodiscard]] kept_entry look(const cached_key& what, instant now) const;
  [[nodiscard]] const std::string& home_of(const cached_key& what) const;
  void ask_home(const cached_key& what, question& asked, instant now);
  void answer_all(question& asked, const found& entry);
  bool drop(const std::string& cache, const std::optional<digest>& key);
  void spread(erasure what, bool first_hand, instant now);

  void take_word(const std::string& from, cache_ask word, instant now);
  void take_word(const std::string& from, cache_answer word, instant now);
  void take_word(const std::string& from, cache_store word, instant now);
  void take_word(const std::string& from, cache_release word, instant now);
  void take_word(const std::string& from, cache_erase word, instant now);
  void take_word(const std::string& from, cache_erased word, instant now);
  void serve(const cached_key& what, const kept_entry& content, instant now);
  void leave_desk(desk& at, const std::string& member, std::uint64_t ticket);
  bool give(const cached_key& what, const asker& to, const kept_entry& content, instant now);
  void grant(const cached_key& what, const asker& to, const kept_entry& content, instant now);
  void count_erased(std::map<std::uint64_t, erasure>::iterator place, const std::string& member);

  bool tell(const std::string& to, cache_word word, instant now);
  void run();

  shared_port& port_;
  std::shared_ptr<cache_memories> memories_;
  std::string own_;
  std::vector<std::string> members_;
  std::map<cached_key, question> questions_;
  std::map<cached_key, desk> desks_;
  std::map<std::uint64_t, erasure> erasures_;
  std::uint64_t last_ticket_ = 0;
  /// Answers, and what this node says to itself: after what is being handled.
  std::deque<std::function<void()>> soon_;
  bool running_ = false;
};

} // namespace troupe::nodes
