#include "text_index.hpp"

#include <troupe/protocol/unicode.hpp>

#include <algorithm>

namespace troupe::detail {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t milestone_bytes = 256;

text_place next(std::string_view text, text_place from) {
  const auto head = text[from.offset];
  if (head != '\r' && head != '\n') {
    from.offset += first_code_point(text.substr(from.offset)).length;
    ++from.at.column;
    return from;
  }
  from.offset += text.substr(from.offset).starts_with("\r\n") ? 2 : 1;
  return {from.offset, {.line = from.at.line + 1, .column = 1}};
}

} // namespace

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
