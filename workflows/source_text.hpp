#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// A place in a file, as people count: from 1. Columns count characters, not bytes.
struct text_position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  friend auto operator<=>(const text_position&, const text_position&) = default;
};

/// One thing that is wrong, or odd, in a file.
struct diagnostic {
  text_position at{};
  std::string message;
  bool is_warning = false;
};

/// A file and its text, for messages.
struct source_text {
  std::string name; ///< as the user wrote it
  std::string text;
};

/// Returns `FILE:LINE:COLUMN: error: MESSAGE`, the line, and a caret below the place. Long lines
/// are shown around the place only; control characters are made visible; tabs keep the caret where
/// it belongs.
[[nodiscard]] std::string render(const diagnostic& what, const source_text& source);

/// All of them in the order of the file, a line each at least, with a newline after each.
[[nodiscard]] std::string render(std::vector<diagnostic> found, const source_text& source);

/// Returns ` (did you mean NAME?)` for the nearest of the known names, or nothing when none is
/// near: Damerau-Levenshtein distance of at most a third of the length.
[[nodiscard]] std::string near_miss(std::string_view given, const std::vector<std::string>& known);

} // namespace troupe
