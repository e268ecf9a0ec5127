#pragma once

#include "link.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

namespace troupe::nodes {

/// What waits to be written to one link, as the bytes that go over the wire. Whoever sends copies
/// the bytes in, the loop swaps the whole of it out; so many small sends become one write. Who is
/// in haste writes while nothing waits, so that no other thread has to wake up for it. Thread-safe.
///
/// The loop is woken for the first frame only. Until it has looked, everything else is found by the
/// same look.
class outbox {
public:
  explicit outbox(std::size_t max_unsent_bytes) : max_unsent_bytes_(max_unsent_bytes) {}

  enum class effect {
    none,
    wakes,     ///< the loop has to be told to look
    overflows, ///< more waits than is allowed; nothing is taken from now on
  };

  /// Writes as much as the system takes, and returns how much that was.
  using writer = std::function<std::size_t(const char* from, std::size_t size)>;
  /// From now on who is in haste may write. Before, and after `shut`, only the loop does.
  void let_senders_write(writer write);

  enum class haste { none, great };

  /// REQUIRES: no frame is longer than `max_frame_bytes`.
  effect add(const std::vector<frame>& frames, haste how = haste::none);
  /// Moves what waits behind what is in `out`. Until `all_written`, senders leave it to the loop.
  void take(std::vector<char>& out);
  /// The loop has written whatever it took.
  void all_written();
  /// Promises that `take` follows soon, so that nobody has to wake the loop.
  void expect_look();
  /// Counts bytes that left.
  void written(std::size_t bytes) noexcept;
  /// Takes nothing from now on. True the first time.
  bool shut();
  /// Forgets what waits and takes nothing from now on.
  void abandon();

  [[nodiscard]] std::size_t unsent_bytes() const noexcept;

private:
  effect write_some();

  const std::size_t max_unsent_bytes_;
  std::mutex mutex_;
  writer write_;
  std::vector<char> bytes_;
  bool loop_writes_ = false; // it has bytes that come before these
  bool look_expected_ = false;
  bool shut_ = false;
  std::atomic<std::size_t> unsent_bytes_{0};
};

} // namespace troupe::nodes
