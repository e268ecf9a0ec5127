#include "json_text.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace troupe::detail {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

std::uint8_t byte_at(std::string_view text, std::size_t index) {
  return index < text.size() ? static_cast<std::uint8_t>(text[index]) : 0;
}

bool is_between(std::uint8_t byte, std::uint8_t low, std::uint8_t high) {
  return byte >= low && byte <= high;
}

struct sequence {
  std::size_t length; ///< bytes that belong together
  bool valid;
};

// Table 3-7 of the Unicode standard; what is broken is cut into the longest parts that could have
// begun a character.
sequence next_sequence(std::string_view text) {
  const auto first = byte_at(text, 0);
  if (first < 0x80) return {1, true};
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xbf;
  std::size_t length = 2;
  if (is_between(first, 0xc2, 0xdf)) length = 2;
  else if (is_between(first, 0xe0, 0xef)) length = 3;
  else if (is_between(first, 0xf0, 0xf4)) length = 4;
  else return {1, false};
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (!is_between(byte_at(text, 1), low, high)) return {1, false};
  for (std::size_t i = 2; i < length; ++i) {
    if (!is_between(byte_at(text, i), 0x80, 0xbf)) return {i, false};
  }
  return {length, true};
}

void append_ascii(char letter, std::string& out) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (letter) {
  case '"': out += "\\\""; return;
  case '\\': out += "\\\\"; return;
  case '\n': out += "\\n"; return;
  case '\r': out += "\\r"; return;
  case '\t': out += "\\t"; return;
  case '\b': out += "\\b"; return;
  case '\f': out += "\\f"; return;
  default: break;
  }
  const auto code = static_cast<std::uint8_t>(letter);
  if (code >= 0x20) {
    out += letter;
    return;
  }
  out += "\\u00";
  out += digits[code >> 4];
  out += digits[code & 15];
}

void append_double(double number, std::string& out) {
  if (std::isnan(number)) {
    out += "\"NaN\"";
    return;
  }
  if (std::isinf(number)) {
    out += number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out += text;
  // Without a fraction it would be read back as an integer.
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_base64(const value::binary_type& bytes, std::string& out) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4 + 2);
  out += '"';
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto left = bytes.size() - i;
    const auto second = left > 1 ? bytes[i + 1] : 0u;
    const auto third = left > 2 ? bytes[i + 2] : 0u;
    const auto bits = static_cast<std::uint32_t>(bytes[i]) << 16 | second << 8 | third;
    out += letters[bits >> 18];
    out += letters[bits >> 12 & 63];
    out += left > 1 ? letters[bits >> 6 & 63] : '=';
    out += left > 2 ? letters[bits & 63] : '=';
  }
  out += '"';
}

} // namespace

void append_json_text(std::string_view text, std::string& out) {
  out.reserve(out.size() + text.size() + 2);
  out += '"';
  while (!text.empty()) {
    const auto next = next_sequence(text);
    if (!next.valid) out += replacement;
    else if (next.length == 1) append_ascii(text.front(), out);
    else out += text.substr(0, next.length);
    text.remove_prefix(next.length);
  }
  out += '"';
}

void append_json_scalar(const value& content, std::string& out) {
  switch (content.type()) {
  case value::kind::null: out += "null"; return;
  case value::kind::boolean: out += *content.if_bool() ? "true" : "false"; return;
  case value::kind::integer: out += std::to_string(*content.if_integer()); return;
  case value::kind::unsigned_integer: out += std::to_string(*content.if_unsigned()); return;
  case value::kind::floating: return append_double(*content.if_double(), out);
  case value::kind::text: return append_json_text(*content.if_text(), out);
  case value::kind::binary: return append_base64(*content.if_binary(), out);
  case value::kind::list:
  case value::kind::map:
  case value::kind::native: return;
  }
}

} // namespace troupe::detail
