#include "terminal_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace troupe::detail {

namespace {

constexpr char32_t replacement = 0xFFFD;

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// The next code point, and how many bytes it takes; bytes that are no UTF-8 count one by one.
std::pair<char32_t, std::size_t> next_of(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first > 0xF4 || text.size() < length) return {replacement, 1};
  char32_t point = first & (0x7FU >> length);
  for (std::size_t at = 1; at < length; ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (!is_continuation(byte)) return {replacement, 1};
    point = point << 6 | (byte & 0x3FU);
  }
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (point < smallest[length] || point > 0x10FFFF) return {replacement, 1};
  if (point >= 0xD800 && point <= 0xDFFF) return {replacement, 1};
  return {point, length};
}

bool within(char32_t point, char32_t first, char32_t last) {
  return point >= first && point <= last;
}

// Besides the classic control characters: what reorders or hides text.
bool is_obeyed(char32_t point) {
  return point < 0x20 || within(point, 0x7F, 0x9F) || within(point, 0x200E, 0x200F)
         || within(point, 0x2028, 0x202E) || within(point, 0x2066, 0x2069) || point == 0xFEFF;
}

bool takes_no_column(char32_t point) {
  return within(point, 0x300, 0x36F) || within(point, 0x200B, 0x200D)
         || within(point, 0xFE00, 0xFE0F) || within(point, 0x20D0, 0x20FF);
}

bool takes_two_columns(char32_t point) {
  return within(point, 0x1100, 0x115F) || within(point, 0x2E80, 0x303E)
         || within(point, 0x3041, 0xA4CF) || within(point, 0xAC00, 0xD7A3)
         || within(point, 0xF900, 0xFAFF) || within(point, 0xFE30, 0xFE6F)
         || within(point, 0xFF00, 0xFF60) || within(point, 0xFFE0, 0xFFE6)
         || within(point, 0x1F300, 0x1F64F) || within(point, 0x1F900, 0x1F9FF)
         || within(point, 0x20000, 0x3FFFD) || point == 0x26A1;
}

std::size_t width_of(char32_t point) {
  if (takes_no_column(point)) return 0;
  return takes_two_columns(point) ? 2 : 1;
}

std::string cleaned(std::string_view text, bool keeps_lines) {
  std::string clean;
  while (!text.empty()) {
    const auto [point, length] = next_of(text);
    if (point == '\n' && keeps_lines) clean += '\n';
    else if (point == '\n' || point == '\t' || point == '\r') clean += ' ';
    else if (point == replacement || is_obeyed(point)) clean += "\xEF\xBF\xBD";
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
    const auto [point, length] = next_of(text);
    columns += width_of(point);
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
    const auto [point, length] = next_of(text);
    if (used + width_of(point) > columns - 1) break;
    used += width_of(point);
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
