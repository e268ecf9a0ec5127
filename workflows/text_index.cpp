#include "text_index.hpp"

#include <algorithm>
#include <array>

namespace troupe::detail {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t milestone_bytes = 256;

struct code_range {
  char32_t first;
  char32_t last;
};

// East Asian wide and emoji blocks, as most terminals draw them.
constexpr std::array<code_range, 16> wide{{{0x1100, 0x115F},
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

std::size_t length_by_first_byte(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

text_place next(std::string_view text, text_place from) {
  const auto head = text[from.offset];
  if (head != '\r' && head != '\n') {
    from.offset += character_at(text, from.offset).bytes;
    ++from.at.column;
    return from;
  }
  from.offset += text.substr(from.offset).starts_with("\r\n") ? 2 : 1;
  return {from.offset, {.line = from.at.line + 1, .column = 1}};
}

} // namespace

character character_at(std::string_view text, std::size_t offset) {
  const auto first = static_cast<unsigned char>(text[offset]);
  const auto length = length_by_first_byte(first);
  const character invalid{.code = 0xFFFD, .bytes = 1, .valid = false};
  if (length == 1) return {.code = first, .bytes = 1, .valid = true};
  if (length == 0 || text.size() - offset < length) return invalid;
  char32_t code = first & (0xFFU >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    const auto byte = static_cast<unsigned char>(text[offset + at]);
    if ((byte & 0xC0) != 0x80) return invalid;
    code = (code << 6) | (byte & 0x3FU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < least[length] || code > 0x10FFFF || is_surrogate) return invalid;
  return {.code = code, .bytes = length, .valid = true};
}

bool is_control(char32_t code) {
  return is_in(controls, code);
}

std::size_t cells_of(char32_t code) {
  if (code < 0x300) return 1;
  if (is_in(combining, code)) return 0;
  return is_in(wide, code) ? 2 : 1;
}

text_position position_after(std::string_view text, text_place from, std::size_t offset) {
  while (from.offset < text.size()) {
    const auto following = next(text, from);
    if (following.offset > offset) break;
    from = following;
  }
  return from.at;
}

text_index::text_index(std::string_view text) : text_(text) {
  read_lines();
  text_place at{line_starts_.front(), {}};
  milestones_.push_back(at);
  while (at.offset < text_.size()) {
    if (at.offset >= milestones_.back().offset + milestone_bytes) milestones_.push_back(at);
    at = next(text_, at);
  }
}

void text_index::read_lines() {
  line_starts_.push_back(text_.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
  for (auto at = text_.find_first_of("\r\n"); at != std::string_view::npos;
       at = text_.find_first_of("\r\n", at)) {
    at += text_.substr(at).starts_with("\r\n") ? 2 : 1;
    line_starts_.push_back(at);
  }
}

text_position text_index::position_of(std::size_t offset) const {
  auto above = std::upper_bound(
      milestones_.begin(), milestones_.end(), offset,
      [](std::size_t wanted, const text_place& one) { return wanted < one.offset; });
  const auto at = above == milestones_.begin() ? milestones_.front() : *std::prev(above);
  return position_after(text_, at, offset);
}

std::size_t text_index::end_of_line(std::uint32_t line) const {
  if (line >= line_starts_.size()) return text_.size();
  auto end = line_starts_[line];
  while (end > line_starts_[line - 1] && (text_[end - 1] == '\n' || text_[end - 1] == '\r')) --end;
  return end;
}

std::size_t text_index::offset_of(text_position wanted) const {
  if (wanted.line == 0 || wanted.line > line_starts_.size()) return text_.size();
  const auto end = end_of_line(wanted.line);
  auto above =
      std::upper_bound(milestones_.begin(), milestones_.end(), wanted,
                       [](text_position place, const text_place& one) { return place < one.at; });
  text_place at{line_starts_[wanted.line - 1], {.line = wanted.line, .column = 1}};
  if (above != milestones_.begin() && std::prev(above)->at.line == wanted.line) {
    at = *std::prev(above);
  }
  while (at.offset < end && at.at < wanted) at = next(text_, at);
  return std::min(at.offset, end);
}

} // namespace troupe::detail
