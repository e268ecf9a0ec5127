#pragma once

#include "cache_exchange.hpp"

#include <troupe/policies/cache.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace troupe::nodes {

/// How threads get at the exchange of a node: in its turn. What is posted when the node has gone
/// is dropped.
struct exchange_turn {
  using job = std::function<void(cache_exchange& exchange, instant now)>;
  std::function<void(job)> post;
  std::function<void(job)> post_now; ///< the same, for who waits until it is done
  /// How long an operator waits until every coordinator has erased an entry.
  duration erase_limit = std::chrono::seconds(2);
};

/// A cache that the coordinators of a cluster have together. Entries found near are served at once;
/// others the exchange asks for. Thread-safe.
class cluster_cache_backend final : public waiting_cache_backend,
                                    public std::enable_shared_from_this<cluster_cache_backend> {
public:
  cluster_cache_backend(const cache& options, std::shared_ptr<cache_memories> memories,
                        exchange_turn turn);

  std::shared_ptr<const cache_entry> get_near(const digest& key, instant now) override;
  void start_get(const digest& key, instant now, std::function<void(found)> done) override;
  std::optional<failure> start_put(const digest& key, const cache_entry& entry,
                                   std::optional<duration> keep,
                                   std::function<void()> failed) override;
  void settled(const digest& key, bool awaited) override;
  void pass_on() override;

  /// What is here, without asking anybody.
  std::shared_ptr<const cache_entry> get(const digest& key, instant now) override;
  void put(const digest& key, cache_entry entry, std::optional<duration> keep,
           instant now) override;
  /// On every coordinator: wait for their answers, and throw `step_error` when one does not come.
  bool erase(const digest& key) override;
  void clear() override;
  /// Of this process.
  [[nodiscard]] std::size_t size() const override;
  [[nodiscard]] std::size_t bytes() const override;
  [[nodiscard]] std::uint64_t evictions() const override;

private:
  void carry_out(cache_exchange& exchange, instant now);
  bool erase_everywhere(const std::optional<digest>& key);

  const std::string name_;
  const std::optional<duration> ttl_;
  const cache_room room_;
  const std::shared_ptr<cache_memories> memories_;
  const std::shared_ptr<in_memory_cache> memory_;
  const exchange_turn turn_;
  std::mutex mutex_;
  /// What the exchange is to be told, in order: what is noted under the lock of a cache may not run
  /// there.
  std::vector<exchange_turn::job> notes_;
  bool posted_ = false;
  std::set<digest> asked_; // and not settled since
};

} // namespace troupe::nodes
