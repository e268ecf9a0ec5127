#pragma once

#include <troupe/policies/state_scope.hpp>
#include <troupe/protocol/behavior.hpp>
#include <troupe/protocol/context.hpp>
#include <troupe/protocol/digest.hpp>
#include <troupe/protocol/plan.hpp>
#include <troupe/protocol/step_result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {

class cache_backend;

/// Answers a repeated request from memory instead of running the step again.
///
/// The key is a sum over everything inside the cache (steps, policies, options), the input and the
/// context. Only successful results are stored.
struct cache {
  /// Caches of one name are one cache, for every deployment of a runtime: they share room and time
  /// to live. Without a name it belongs to its place.
  std::string name{};
  state_scope scope = state_scope::local; ///< `cluster` needs a name
  std::optional<duration> ttl =
      std::chrono::hours(1);     ///< age at which an entry has expired; none: never
  std::size_t max_size = 10'000; ///< entries; the least recently used one goes first
  std::size_t max_bytes = std::size_t{256} << 20; ///< of all entries together, estimated
  /// Replaces input and context in the key. When it throws, the step runs uncached and a warning is
  /// logged.
  behavior<value(const value& input, const context&)> key{};
  /// An entry older than this is still served, and renewed in the background meanwhile. Below
  /// `ttl`.
  std::optional<duration> refresh_after{};
  /// How long past its ttl an entry may stand in when the step fails.
  std::optional<duration> stale_if_error{};
  /// How long failures are stored. Without it they never are.
  std::optional<duration> negative_ttl{};
  bool store_fallbacks = true; ///< false keeps the answers of fallbacks out
  std::shared_ptr<cache_backend>
      backend{}; ///< where entries live; in memory by default, see `redis_cache`
  /// Set by the typed layer: false when the input has no plain form, so that only `key` can name
  /// it.
  bool input_has_plain_form = true;
};

value troupe_describe(const cache& options);
/// What the places of one shared cache must agree on: `name`, `ttl`, `max_size` and `max_bytes`.
value troupe_describe_shared(const cache& options);
void troupe_check(const cache& options, option_check& report);

/// Returns the key of one call: SHA-256 over a version, the definition, and the input and context
/// or what stands for them. `malformed` when something in it has no plain form.
outcome<digest> cache_key(const digest& definition, const value& input, const context& ctx);
outcome<digest> cache_key(const digest& definition, const value& chosen_key);

/// One stored result, and what it did to the context.
struct cache_entry {
  std::shared_ptr<const step_result> result;
  std::vector<std::pair<std::string, std::optional<value>>>
      changes{}; ///< no value: the key was erased
  instant stored{};
};

struct cache_statistics {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;   ///< for want of room
  std::uint64_t expirations = 0; ///< found too old
  std::uint64_t errors = 0;      ///< key functions and backends that failed
  std::size_t size = 0;
  std::size_t bytes = 0;
  /// Hits as a share of hits and misses; 0 when never used.
  [[nodiscard]] double hit_rate() const noexcept;
};

/// Where a cache keeps its entries. Called from several threads at a time; may throw, then the step
/// runs uncached. Must answer quickly: calls hold an actor.
class cache_backend {
public:
  virtual ~cache_backend() = default;
  /// Returns the entry, expired or not, or null; `now` lets it drop what nobody may use any more.
  /// What it drops because it is too old it may return one last time, so that it can be counted.
  virtual std::shared_ptr<const cache_entry> get(const digest& key, instant now) = 0;
  /// Stores an entry that may be dropped once `keep` has passed; no limit without it.
  virtual void put(const digest& key, cache_entry entry, std::optional<duration> keep,
                   instant now) = 0;
  virtual bool erase(const digest& key) = 0;
  virtual void clear() = 0;
  /// The part of it that belongs to the cache of that name; null when all caches of it share
  /// everything.
  [[nodiscard]] virtual std::shared_ptr<cache_backend> part_of(const std::string& name);
  /// Where the entries are, without secrets, for descriptions; empty for the memory of the process.
  [[nodiscard]] virtual std::string shown_as() const;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual std::size_t bytes() const = 0;
  [[nodiscard]] virtual std::uint64_t evictions() const = 0;
};

/// A backend that has to wait for others, such as a server. Calls start their questions and go on
/// when the answers come; what `cache_backend` declares is for operators here: it waits.
class waiting_cache_backend : public cache_backend {
public:
  struct found {
    std::shared_ptr<const cache_entry> entry{}; ///< null when there is none
    bool failed = false;   ///< nobody knows whether there is one: the step runs uncached
    std::string warning{}; ///< what users have to be told; empty when they know
  };
  /// Returns an entry that can be served without asking anybody; null when `start_get` has to.
  virtual std::shared_ptr<const cache_entry> get_near(const digest& key, instant now);
  /// Calls `done` once, from any thread: within a bounded time, or when another process has
  /// computed what is asked for.
  virtual void start_get(const digest& key, instant now, std::function<void(found)> done) = 0;
  /// Returns why the entry cannot be stored at all, if so; calls `failed`, from any thread, when it
  /// turns out later that it was not.
  virtual std::optional<failure> start_put(const digest& key, const cache_entry& entry,
                                           std::optional<duration> keep,
                                           std::function<void()> failed) = 0;
  /// What `start_get` has answered for that key counts no more: no call of this process computes
  /// it, nor will one because of such an answer. `awaited`: calls still wait for another answer.
  /// Called under a lock, in the order in which looks begin and end: only takes a note.
  virtual void settled(const digest& key, bool awaited);
  /// Follows `settled`, without the lock.
  virtual void pass_on();
};

/// Keeps entries in memory: bounded, least recently used goes first. Thread-safe, so several caches
/// may share one.
class in_memory_cache final : public cache_backend {
public:
  explicit in_memory_cache(std::size_t max_size = 10'000,
                           std::size_t max_bytes = std::size_t{256} << 20);

  /// An entry, and when it is to be dropped.
  struct kept {
    std::shared_ptr<const cache_entry> entry{}; ///< null when there is none
    std::optional<instant> drop_at{};
  };
  /// Like `get`, and says how long the entry may be kept.
  kept look(const digest& key, instant now);

  std::shared_ptr<const cache_entry> get(const digest& key, instant now) override;
  void put(const digest& key, cache_entry entry, std::optional<duration> keep,
           instant now) override;
  bool erase(const digest& key) override;
  void clear() override;
  [[nodiscard]] std::size_t size() const override;
  [[nodiscard]] std::size_t bytes() const override;
  [[nodiscard]] std::uint64_t evictions() const override;

private:
  struct slot {
    digest key;
    std::shared_ptr<const cache_entry> entry;
    std::size_t bytes;
    std::optional<instant> drop_at;
  };
  struct digest_hash {
    std::size_t operator()(const digest& key) const noexcept;
  };
  void drop(std::list<slot>::iterator position, std::list<slot>& dropped);

  mutable std::mutex mutex_;
  std::list<slot> by_use_; // most recent first
  std::unordered_map<digest, std::list<slot>::iterator, digest_hash> by_key_;
  std::size_t max_size_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t evictions_ = 0;
};

/// How usable an entry is. Pure.
enum class freshness : std::uint8_t {
  fresh,      ///< serve it
  refreshing, ///< serve it, and renew it
  expired,    ///< run the step; serve it only if that fails and `stale_if_error` allows
  gone,       ///< of no use any more
};

[[nodiscard]] freshness freshness_of(const cache& options, const cache_entry& entry, instant now);

} // namespace troupe
