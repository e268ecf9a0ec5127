#include "terminal_text.hpp"

#include <troupe/protocol/unicode.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace troupe::detail {

namespace {

std::string cleaned(std::string_view text, bool keeps_lines) {
  std::string clean;
  while (!text.empty()) {
    const auto [point, length, valid] = first_code_point(text);
    if (point == '\n' && keeps_lines) clean += '\n';
    else if (point == '\n' || point == '\t' || point == '\r') clean += ' ';
    else if (!valid || is_control(point)) clean += "\xEF\xBF\xBD";
    else clean += text.substr(0, length);
    text.remove_prefix(length);
  }
  return clean;
}

std::string_view code_of(tone look) {
  switch (look) {
  case tone::plain: return "";
  case tone::dim: return "\x1b[2m";
  case tone::bold: return "\x1b[1m";
  case tone::good: return "\x1b[32m";
  case tone::bad: return "\x1b[31m";
  case tone::notable: return "\x1b[33m";
  }
  return "";
}

} // namespace

std::string printable(std::string_view text) {
  return cleaned(text, true);
}

std::string one_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return cleaned(text, false);
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto [point, length, valid] = first_code_point(text);
    columns += cells_of(point);
    text.remove_prefix(length);
  }
  return columns;
}

std::string cut_to(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string kept;
  std::size_t used = 0;
  while (!text.empty()) {
    const auto [point, length, valid] = first_code_point(text);
    if (used + cells_of(point) > columns - 1) break;
    used += cells_of(point);
    kept += text.substr(0, length);
    text.remove_prefix(length);
  }
  return kept + "…";
}

std::string readable(duration length) {
  using namespace std::chrono;
  std::array<char, 48> text{};
  const auto shown = std::max(length, duration::zero());
  const auto in_seconds = duration_cast<std::chrono::duration<double>>(shown).count();
  if (shown < microseconds(9'950)) {
    std::snprintf(text.data(), text.size(), "%.1f ms", in_seconds * 1000);
  } else if (shown < milliseconds(1'000)) {
    std::snprintf(text.data(), text.size(), "%.0f ms", std::min(in_seconds * 1000, 999.0));
  } else if (shown < milliseconds(59'950)) {
    std::snprintf(text.data(), text.size(), "%.1f s", in_seconds);
  } else {
    const auto whole = round<seconds>(shown).count();
    if (whole < 3600) {
      std::snprintf(text.data(), text.size(), "%ld m %02ld s", whole / 60, whole % 60);
    } else {
      std::snprintf(text.data(), text.size(), "%ld h %02ld m", whole / 3600, whole % 3600 / 60);
    }
  }
  return text.data();
}

std::string paint(std::string_view text, tone look, bool in_color) {
  const auto code = code_of(look);
  if (!in_color || code.empty()) return std::string(text);
  return std::string(code) + std::string(text) + "\x1b[0m";
}

std::string compose(const colored_line& line, std::size_t columns, bool in_color) {
  std::size_t all = 0;
  for (const auto& piece : line) all += columns_of(piece.text);
  std::string text;
  std::size_t used = 0;
  for (const auto& piece : line) {
    const auto width = columns_of(piece.text);
    // The last column is kept for the `…` as long as there is more to come.
    const auto fits = all <= columns || used + width < columns;
    const auto shown = fits ? piece.text : cut_to(piece.text + "…", columns - used);
    if (!shown.empty()) text += paint(shown, piece.look, in_color);
    if (!fits) break;
    used += width;
  }
  return text;
}

} // namespace troupe::detail
