#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

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

/// Reads what `to_string` writes, and what people write: numbers with a unit (`ns`, `us`, `ms`,
/// `s`, `m`, `h`), several from large to small: `250ms`, `1.5s`, `1h30m`; a `-` in front. Nothing
/// for any other text, for a fraction of a nanosecond, and beyond 292 years.
[[nodiscard]] std::optional<duration> parse_duration(std::string_view text);

} // namespace troupe
