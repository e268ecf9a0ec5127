#pragma once

#include "source_text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

struct text_place {
  std::size_t offset = 0;
  text_position at{};
};

/// The position of a byte, found by walking there from a place before it.
[[nodiscard]] text_position position_after(std::string_view text, text_place from,
                                           std::size_t offset);

/// The lines of a text, for finding places in it. Lines end with `\n`, `\r\n` or `\r`; a byte order
/// mark at the start counts as nothing. The text outlives the index.
class text_index {
public:
  explicit text_index(std::string_view text);

  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// Any offset; one beyond the end is taken as the end.
  [[nodiscard]] text_position position_of(std::size_t offset) const;
  /// Any position; one beyond its line is taken as the end of the line.
  [[nodiscard]] std::size_t offset_of(text_position at) const;
  /// Where that line ends, before its line break.
  [[nodiscard]] std::size_t end_of_line(std::uint32_t line) const;

private:
  void read_lines();

  std::string_view text_;
  std::vector<std::size_t> line_starts_;
  // Every few hundred bytes, so that long lines cost no more than short ones.
  std::vector<text_place> milestones_;
};

} // namespace troupe::detail
