#include "yaml_masking.hpp"

#include <troupe/protocol/unicode.hpp>

#include <charconv>
#include <cstdint>

namespace troupe::detail {

namespace {

// Control characters, so that the text itself has none of them.
constexpr char masked_question = '\x01';
constexpr char masked_backslash = '\x02';

constexpr std::string_view white_space = " \t\r\n";

bool is_blank(char one) {
  return one == ' ' || one == '\t';
}

bool is_break(char one) {
  return one == '\n' || one == '\r';
}

/// The code unit that `uXXXX` stands for, when it is half of a surrogate pair.
std::optional<std::uint32_t> surrogate_at(std::string_view text, std::size_t at) {
  if (text.size() < at + 5 || text[at] != 'u') return std::nullopt;
  std::uint32_t unit = 0;
  const auto* digits = text.data() + at + 1;
  const auto read = std::from_chars(digits, digits + 4, unit, 16);
  if (read.ptr != digits + 4 || unit < 0xD800 || unit > 0xDFFF) return std::nullopt;
  return unit;
}

/// A question mark is a key indicator only before white space, and only where a key can start.
bool is_text_question(std::string_view text, std::size_t at) {
  if (at + 1 == text.size()) return false;
  if (!is_blank(text[at + 1]) && !is_break(text[at + 1])) return true;
  auto before = at;
  while (before > 0 && is_blank(text[before - 1])) --before;
  if (before == 0 || is_break(text[before - 1])) return false;
  return std::string_view("[{,:-?").find(text[before - 1]) == std::string_view::npos;
}

void mask_escapes(std::string& text) {
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    if (text[at] != '\\') continue;
    const auto escape = text[at + 1];
    if (escape == 'N' || escape == '_' || surrogate_at(text, at + 1)) text[at] = masked_backslash;
    ++at;
  }
}

void mask_questions(std::string& text) {
  for (auto at = text.find('?'); at != std::string::npos; at = text.find('?', at + 1)) {
    if (is_text_question(text, at)) text[at] = masked_question;
  }
}

void join_keys_to_colons(std::string& text) {
  const auto first = text.find_first_not_of(white_space);
  if (first == std::string::npos || (text[first] != '{' && text[first] != '[')) return;
  for (auto at = text.find('"'); at != std::string::npos; at = text.find('"', at + 1)) {
    const auto next = text.find_first_not_of(white_space, at + 1);
    if (next == std::string::npos || text[next] != ':') continue;
    for (auto gap = at + 1; gap < next; ++gap) text[gap] = ' ';
  }
}

} // namespace

std::string masked_for_parser(std::string_view text) {
  std::string result(text);
  for (std::size_t at = 0; at < result.size(); ++at) {
    if (result[at] == '\r' && (at + 1 == result.size() || result[at + 1] != '\n'))
      result[at] = '\n';
  }
  mask_escapes(result);
  mask_questions(result);
  join_keys_to_colons(result);
  return result;
}

std::optional<std::string> unmasked(std::string_view masked, bool double_quoted) {
  std::string result;
  result.reserve(masked.size());
  for (std::size_t at = 0; at < masked.size(); ++at) {
    if (masked[at] == masked_question) {
      result += '?';
    } else if (masked[at] != masked_backslash) {
      result += masked[at];
    } else if (!double_quoted) {
      result += '\\';
    } else if (const auto high = surrogate_at(masked, at + 1)) {
      const auto follows = at + 6 < masked.size() && masked[at + 6] == masked_backslash;
      const auto low = follows ? surrogate_at(masked, at + 7) : std::nullopt;
      if (*high >= 0xDC00 || !low || *low < 0xDC00) return std::nullopt;
      append_code_point(0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00), result);
      at += 11;
    } else {
      append_code_point(masked[at + 1] == 'N' ? 0x85 : 0xA0, result);
      ++at;
    }
  }
  return result;
}

} // namespace troupe::detail
