#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

struct code_point {
  char32_t scalar;
  std::uint8_t length; ///< in bytes
  bool valid;
};

/// The first code point of a text. A byte that begins none counts as one of its own: U+FFFD, not
/// valid. REQUIRES: the text is not empty.
[[nodiscard]] code_point first_code_point(std::string_view text);
/// The last code point of a text, in the same way.
[[nodiscard]] code_point last_code_point(std::string_view text);

[[nodiscard]] std::size_t count_code_points(std::string_view text);
[[nodiscard]] bool is_ascii(std::string_view text);
/// The offset of the first byte that belongs to no code point, or `npos`.
[[nodiscard]] std::size_t find_invalid(std::string_view text);

/// How many bytes the first `count` code points have, or `npos` when there are fewer.
[[nodiscard]] std::size_t bytes_of(std::string_view text, std::size_t count);

/// REQUIRES: a code point, no surrogate.
void append_code_point(char32_t scalar, std::string& out);
/// Returns the text with U+FFFD for every byte that belongs to no code point.
[[nodiscard]] std::string with_replacements(std::string_view text);

/// True for what a terminal would obey instead of show: controls, line separators, and what turns
/// the direction of writing.
[[nodiscard]] bool is_control(char32_t scalar);
/// How many cells of a terminal it takes: 0, 1 or 2.
[[nodiscard]] std::size_t cells_of(char32_t scalar);

} // namespace troupe
