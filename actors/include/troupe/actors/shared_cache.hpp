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
  /// `place` names a cache without a name towards a backend that many share.
  explicit shared_cache(cache options, const std::string& place = {});

  [[nodiscard]] const cache& options() const noexcept { return options_; }
  [[nodiscard]] cache_backend& backend() const noexcept { return *backend_; }
  /// The same backend when it has to be waited for, otherwise null.
  [[nodiscard]] waiting_cache_backend* waiting_backend() const noexcept { return waiting_; }
  [[nodiscard]] cache_statistics statistics() const;

  enum class role : std::uint8_t { leader, waiter, look_again };
  static constexpr std::uint32_t shared_signal =
      1; ///< payload: shared_ptr<const cache_entry>; the leader is done
  static constexpr std::uint32_t lead_signal =
      2; ///< the leader gave up, the receiver takes its place
  static constexpr std::uint32_t found_signal =
      3; ///< payload: waiting_cache_backend::found; what was asked for is there

  /// How many computations have ended; read before a look into the backend, and handed to `join`.
  [[nodiscard]] std::uint64_t ended() const noexcept { return ended_; }
  /// Makes the caller the one who computes `key`, or one who waits for it. `look_again` when a
  /// computation has ended since `seen`, so that the entry may be there by now.
  role join(const digest& key, const call_address& who, std::uint64_t seen);
  /// The same around a look that takes time: which computations of `key` end meanwhile is watched.
  /// Each `begin_look` is followed by `join_after_look` or `end_look`.
  std::uint64_t begin_look(const digest& key);
  role join_after_look(const digest& key, const call_address& who, std::uint64_t seen);
  void end_look(const digest& key);
  /// The leader is done: who waits for what `make` returns gets it. Nothing is made for nobody.
  template <class Make>
  void share(const digest& key, Make&& make) {
    const auto waiters = end_flight(key);
    if (!waiters.empty()) hand_out(waiters, make());
  }
  /// Somebody goes without a result; when it was the leader, the first who waits takes over.
  void leave(const digest& key, const call_address& who);

  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> misses{0};
  std::atomic<std::uint64_t> expirations{0};
  /// Held by what is under way too, which must not hold the cache: the end of a backend waits for
  /// what it has been given.
  const std::shared_ptr<std::atomic<std::uint64_t>> errors =
      std::make_shared<std::atomic<std::uint64_t>>(0);

private:
  struct flight {
    call_address leader;
    std::vector<call_address> waiters;
  };
  /// Those who are looking a key up, and the computations of it that have ended meanwhile.
  struct watch {
    std::size_t lookers = 0;
    std::uint64_t ended = 0;
  };
  struct digest_hash {
    std::size_t operator()(const digest& key) const noexcept;
  };

  std::vector<call_address> end_flight(const digest& key);
  static void hand_out(const std::vector<call_address>& waiters,
                       std::shared_ptr<const cache_entry> result);
  role take_part(const digest& key, const call_address& who, bool outdated);
  void note_end(const digest& key);
  /// Returns true when nobody looks the key up any more.
  bool leave_look(const digest& key);
  /// After `note_end` or the last look: with a lock, what the backend has to know is noted;
  /// without one, it is passed on.
  void note_settled(const digest& key);
  void pass_on() const;

  cache options_;
  std::shared_ptr<cache_backend> backend_;
  waiting_cache_backend* waiting_;
  std::mutex mutex_;
  std::unordered_map<digest, flight, digest_hash> flights_;
  std::unordered_map<digest, watch, digest_hash> watched_; // empty without a waiting backend
  std::atomic<std::uint64_t> ended_{0};
};

} // namespace troupe::actors
