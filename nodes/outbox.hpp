#pragma once

#include "link.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

namespace troupe::nodes {

/// What waits to be written to one link, as the bytes that go over the wire. Whoever sends copies
/// the bytes in, the loop swaps the whole of it out; so senders do the work in parallel, and many
/// small sends become one write. Thread-safe.
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

  /// REQUIRES: no frame is longer than `max_frame_bytes`.
  effect add(const std::vector<frame>& frames);
  /// Moves what waits behind what is in `out`.
  void take(std::vector<char>& out);
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
  const std::size_t max_unsent_bytes_;
  std::mutex mutex_;
  std::vector<char> bytes_;
  bool look_expected_ = false;
  bool shut_ = false;
  std::atomic<std::size_t> unsent_bytes_{0};
};

} // namespace troupe::nodes
