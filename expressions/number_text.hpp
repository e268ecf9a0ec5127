#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::detail {

// Each reads the whole text or nothing. Integers may be hexadecimal where `0x` is in front.
[[nodiscard]] std::optional<std::int64_t> read_integer(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> read_unsigned(std::string_view text);
/// Also reads `NaN` and `Infinity`. What is too small is 0, what is too large is nothing.
[[nodiscard]] std::optional<double> read_double(std::string_view text);

/// Returns the shortest text that is read as the same number: `1.5`, `1`, `NaN`, `-Infinity`.
[[nodiscard]] std::string write_double(double number);

} // namespace troupe::detail
