#pragma once

#include <chrono>
#include <string>

namespace troupe {

/// Lengths of time, in nanoseconds. Users write `std::chrono` literals.
using duration = std::chrono::nanoseconds;

/// A point on the runtime's clock: monotonic in production, moved by hand under virtual time. Never
/// the wall clock, so a jump of the system's time changes nothing.
using instant = std::chrono::time_point<std::chrono::steady_clock, duration>;

/// The deadline of a request that has none.
inline constexpr instant no_deadline = instant::max();

/// Returns `from + by`, or `no_deadline` where that would overflow.
[[nodiscard]] instant later(instant from, duration by);

/// Returns the shortest exact text of a duration, in the units people write: `250ms`, `1.5s`, `2m`.
[[nodiscard]] std::string to_string(duration length);

} // namespace troupe
