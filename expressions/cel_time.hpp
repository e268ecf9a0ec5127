#pragma once

#include "cel_value.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::detail {

/// The first and the last second of the years 1 to 9999.
inline constexpr std::int64_t first_second = -62'135'596'800;
inline constexpr std::int64_t last_second = 253'402'300'799;

enum class time_fate : std::uint8_t { fine, no_overload, out_of_range };

struct time_result {
  time_fate fate = time_fate::no_overload;
  cel_value content{};
};

/// Timestamp + duration, duration + timestamp, duration + duration.
[[nodiscard]] time_result sum_of_times(const cel_value& left, const cel_value& right);
/// Timestamp - duration, timestamp - timestamp, duration - duration.
[[nodiscard]] time_result difference_of_times(const cel_value& left, const cel_value& right);

/// Reads RFC 3339; digits beyond nanoseconds do not count. Nothing for any other text, and outside
/// the years 1 to 9999.
[[nodiscard]] std::optional<cel_timestamp> read_timestamp(std::string_view text);
/// Writes RFC 3339 in UTC, as short as exact: `2009-02-13T23:31:30.5Z`.
[[nodiscard]] std::string write_timestamp(cel_timestamp time);

/// Reads numbers with units (`h`, `m`, `s`, `ms`, `us`, `ns`), one after the other: `1h30m`,
/// `-1.5s`. Digits beyond nanoseconds do not count. Nothing for any other text, and beyond 292
/// years.
[[nodiscard]] std::optional<duration> read_duration(std::string_view text);
/// Writes seconds, as short as exact: `1.5s`.
[[nodiscard]] std::string write_duration(duration length);

/// A point in time as a calendar and a clock on the wall show it.
struct wall_time {
  std::chrono::year_month_day date;
  std::int64_t days = 0; ///< since 1970
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
};

[[nodiscard]] wall_time wall_time_of(std::int64_t seconds_since_1970);

/// How far ahead of UTC the clocks of a time zone were, in seconds: `Europe/Berlin`, `+02:00`,
/// `02:00`, `-05:30`, or nothing for UTC. Nothing for an unknown zone. Names are looked up in the
/// time zone database of the system, and kept. May be called by several threads at a time.
[[nodiscard]] std::optional<std::int64_t> zone_offset(std::string_view zone, std::int64_t seconds);

} // namespace troupe::detail
