#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace troupe {

using wall_time = std::chrono::system_clock::time_point;

/// Reads a date in one of the three forms of RFC 9110: `Sun, 06 Nov 1994 08:49:37 GMT`,
/// `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. `now` tells the century of a
/// year with two digits.
[[nodiscard]] std::optional<wall_time> parse_http_date(std::string_view text, wall_time now);

} // namespace troupe
