#include "unicode.hpp"

#include <algorithm>

namespace troupe::detail {

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

} // namespace troupe::detail
