#pragma once

#include <troupe/protocol/step_result.hpp>
#include <troupe/protocol/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace troupe::actors {

/// A call whose handler is running, of a stage that does one thing after the other: what it gets
/// and says meanwhile. A call that has answered by the time the handler returns needs no place in
/// the table of open calls, where it has none yet.
struct call_trial {
  struct timer {
    std::uint32_t which;
    instant due;
  };
  static constexpr std::size_t most_timers = 4;

  explicit call_trial(step_result& place) : out(place) {}

  /// Where the next child puts its result: never where one lies that a handler is looking at.
  [[nodiscard]] step_result& place_for_child();

  step_result& out; ///< where the answer goes; children use it too, so it need not be moved
  bool out_was_used = false;
  std::optional<step_result> beside{};
  step_result* arrived = nullptr; ///< what the child had at once
  std::uint64_t tag = 0;
  const step_result* looked_at = nullptr; ///< by the handler that runs
  bool answered = false;
  bool as_it_was = false;
  std::array<timer, most_timers> timers; ///< for when it becomes an open call
  std::size_t timers_set = 0;
};

} // namespace troupe::actors
