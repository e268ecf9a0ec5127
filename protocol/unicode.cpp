#include <troupe/protocol/unicode.hpp>

#include <algorithm>
#include <array>

namespace troupe {

namespace {

constexpr code_point broken{0xfffd, 1, false};

bool continues(std::string_view text, std::size_t index) {
  return index < text.size() && (static_cast<std::uint8_t>(text[index]) & 0xc0) == 0x80;
}

char32_t bits(std::string_view text, std::size_t index) {
  return static_cast<std::uint8_t>(text[index]) & 0x3fU;
}

bool is_scalar(char32_t scalar) {
  return scalar <= 0x10ffff && (scalar < 0xd800 || scalar > 0xdfff);
}

struct code_range {
  char32_t first;
  char32_t last;
};

// East Asian wide and emoji blocks, as most terminals draw them.
constexpr std::array<code_range, 17> wide{{{0x1100, 0x115F},
                                           {0x26A1, 0x26A1},
                                           {0x2E80, 0x303E},
                                           {0x3041, 0x33FF},
                                           {0x3400, 0x4DBF},
                                           {0x4E00, 0x9FFF},
                                           {0xA000, 0xA4CF},
                                           {0xA960, 0xA97F},
                                           {0xAC00, 0xD7A3},
                                           {0xF900, 0xFAFF},
                                           {0xFE30, 0xFE6F},
                                           {0xFF00, 0xFF60},
                                           {0xFFE0, 0xFFE6},
                                           {0x1F300, 0x1F64F},
                                           {0x1F680, 0x1F6FF},
                                           {0x1F900, 0x1F9FF},
                                           {0x20000, 0x3FFFD}}};

// Marks that are drawn upon the character before them.
constexpr std::array<code_range, 8> combining{{{0x0300, 0x036F},
                                               {0x0483, 0x0489},
                                               {0x1AB0, 0x1AFF},
                                               {0x1DC0, 0x1DFF},
                                               {0x200B, 0x200D},
                                               {0x20D0, 0x20FF},
                                               {0xFE00, 0xFE0F},
                                               {0xFE20, 0xFE2F}}};

// Controls, line separators, and what turns the direction of writing.
constexpr std::array<code_range, 6> controls{{{0x00, 0x1F},
                                              {0x7F, 0x9F},
                                              {0x200E, 0x200F},
                                              {0x2028, 0x202E},
                                              {0x2066, 0x2069},
                                              {0xFEFF, 0xFEFF}}};

template <std::size_t Count>
bool is_in(const std::array<code_range, Count>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const code_range& one) { return one.first <= code && code <= one.last; });
}

} // namespace

code_point first_code_point(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text[0]);
  if (first < 0x80) return {first, 1, true};
  if (first >= 0xc2 && first <= 0xdf && continues(text, 1)) {
    return {(first & 0x1fU) << 6 | bits(text, 1), 2, true};
  }
  if (first >= 0xe0 && first <= 0xef && continues(text, 1) && continues(text, 2)) {
    const char32_t scalar = (first & 0x0fU) << 12 | bits(text, 1) << 6 | bits(text, 2);
    return scalar >= 0x800 && is_scalar(scalar) ? code_point{scalar, 3, true} : broken;
  }
  if (first >= 0xf0 && first <= 0xf4 && continues(text, 1) && continues(text, 2)
      && continues(text, 3)) {
    const char32_t scalar =
        (first & 0x07U) << 18 | bits(text, 1) << 12 | bits(text, 2) << 6 | bits(text, 3);
    return scalar >= 0x10000 && is_scalar(scalar) ? code_point{scalar, 4, true} : broken;
  }
  return broken;
}

code_point last_code_point(std::string_view text) {
  const auto longest = std::min<std::size_t>(4, text.size());
  for (std::size_t length = longest; length > 1; --length) {
    const auto found = first_code_point(text.substr(text.size() - length));
    if (found.valid && found.length == length) return found;
  }
  return first_code_point(text.substr(text.size() - 1));
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(first_code_point(text).length);
    ++count;
  }
  return count;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

std::size_t find_invalid(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto found = first_code_point(text.substr(at));
    if (!found.valid) return at;
    at += found.length;
  }
  return std::string_view::npos;
}

std::size_t bytes_of(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) {
    if (at == text.size()) return std::string_view::npos;
    at += first_code_point(text.substr(at)).length;
  }
  return at;
}

void append_code_point(char32_t scalar, std::string& out) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (scalar < 0x80) return put(scalar);
  if (scalar < 0x800) {
    put(0xc0 | scalar >> 6);
  } else {
    if (scalar < 0x10000) {
      put(0xe0 | scalar >> 12);
    } else {
      put(0xf0 | scalar >> 18);
      put(0x80 | (scalar >> 12 & 0x3f));
    }
    put(0x80 | (scalar >> 6 & 0x3f));
  }
  put(0x80 | (scalar & 0x3f));
}

std::string with_replacements(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto next = first_code_point(text);
    if (next.valid) out += text.substr(0, next.length);
    else append_code_point(next.scalar, out);
    text.remove_prefix(next.length);
  }
  return out;
}

bool is_control(char32_t scalar) {
  return is_in(controls, scalar);
}

std::size_t cells_of(char32_t scalar) {
  if (is_in(combining, scalar)) return 0;
  return is_in(wide, scalar) ? 2 : 1;
}

} // namespace troupe
