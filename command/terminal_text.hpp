#pragma once

#include <troupe/protocol/time.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

/// The text in valid UTF-8 and without anything that a terminal would obey. Line ends stay, or
/// become spaces in the `one_line` form.
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] std::string one_line(std::string_view text);

/// How many columns a printable text takes.
[[nodiscard]] std::size_t columns_of(std::string_view text);
/// The text, cut to that many columns with `…` where it is longer.
[[nodiscard]] std::string cut_to(std::string_view text, std::size_t columns);

/// A length of time for people: `12 ms`, `3.2 s`, `2 m 05 s`.
[[nodiscard]] std::string readable(duration length);

enum class tone : std::uint8_t { plain, dim, bold, good, bad, notable };

/// A piece of a line in one tone.
struct colored {
  std::string text;
  tone look = tone::plain;
};
using colored_line = std::vector<colored>;

[[nodiscard]] std::string paint(std::string_view text, tone look, bool in_color);
/// The line for a terminal of so many columns.
[[nodiscard]] std::string compose(const colored_line& line, std::size_t columns, bool in_color);

} // namespace troupe::detail
