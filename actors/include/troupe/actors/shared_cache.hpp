#pragma once

#include <troupe/actors/message.hpp>
#include <troupe/policies/cache.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// One cache, for all replicas and places that use it: where entries live, what was counted, and
/// which keys are being computed right now. Thread-safe.
class shared_cache {
public:
  explicit shared_cache(cache options);

  [[nodiscard]] const cache& options() const noexcept { return options_; }
  [[nodiscard]] cache_backend& backend() const noexcept { return *backend_; }
  [[nodiscard]] cache_statistics statistics() const;

  enum class role : std::uint8_t { leader, waiter, look_again };
  static constexpr std::uint32_t shared_signal =
      1; ///< payload: shared_ptr<const cache_entry>; the leader is done
  static constexpr std::uint32_t lead_signal =
      2; ///< the leader gave up, the receiver takes its place

  /// How many computations have ended; read before a look into the backend, and handed to `join`.
  [[nodiscard]] std::uint64_t ended() const noexcept { return ended_; }
  /// Makes the caller the one who computes `key`, or one who waits for it. `look_again` when a
  /// computation has ended since `seen`, so that the entry may be there by now.
  role join(const digest& key, const call_address& who, std::uint64_t seen);
  /// The leader is done: everybody who waits gets `result`.
  void share(const digest& key, const std::shared_ptr<const cache_entry>& result);
  /// Somebody goes without a result; when it was the leader, the first who waits takes over.
  void leave(const digest& key, const call_address& who);

  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> misses{0};
  std::atomic<std::uint64_t> expirations{0};
  std::atomic<std::uint64_t> errors{0};

private:
  struct flight {
    call_address leader;
    std::vector<call_address> waiters;
  };
  struct digest_hash {
    std::size_t operator()(const digest& key) const noexcept;
  };

  cache options_;
  std::shared_ptr<cache_backend> backend_;
  std::mutex mutex_;
  std::unordered_map<digest, flight, digest_hash> flights_;
  std::atomic<std::uint64_t> ended_{0};
};

} // namespace troupe::actors
