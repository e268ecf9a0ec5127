#include "text_index.hpp"
#include "yaml_document.hpp"

#include <algorithm>

namespace troupe {

namespace {

bool is_blank(char one) {
  return one == ' ' || one == '\t';
}

bool is_break(char one) {
  return one == '\n' || one == '\r';
}

bool is_space(char one) {
  return is_blank(one) || is_break(one);
}

/// Reads a scalar as it is written, to find the place of a byte of its content.
class scalar_walk {
public:
  scalar_walk(std::string_view text, std::size_t start, std::string_view content)
      : text_(text), at_(start), content_(content) {}

  std::size_t find(std::size_t offset) {
    switch (at_ < text_.size() ? text_[at_] : ' ') {
    case '"':
    case '\'': quote_ = text_[at_++]; return in_flow(offset);
    case '|': return in_literal(offset);
    case '>': return in_folded(offset);
    default: return in_flow(offset);
    }
  }

private:
  /// A piece of what is written and how many bytes of content it makes.
  struct piece {
    std::size_t length;
    std::size_t bytes;
  };

  std::size_t in_flow(std::size_t offset) {
    std::size_t made = 0;
    while (at_ < text_.size()) {
      const auto [length, bytes] = next_piece();
      if (offset < made + bytes) return at_;
      if (bytes == 0 && length == 0) break;
      made += bytes;
      at_ += length;
    }
    return at_;
  }

  piece next_piece() const {
    if (quote_ != 0 && text_[at_] == quote_) {
      const bool is_escaped = quote_ == '\'' && text_.substr(at_ + 1).starts_with('\'');
      return is_escaped ? piece{2, 1} : piece{0, 0};
    }
    if (is_space(text_[at_])) return white_space();
    if (quote_ == '"' && text_[at_] == '\\') return escape();
    return {1, 1};
  }

  std::size_t breaks_from(std::size_t at, std::size_t& end) const {
    std::size_t breaks = 0;
    for (end = at; end < text_.size() && is_space(text_[end]); ++end) {
      if (text_[end] == '\n') ++breaks;
      else if (text_[end] == '\r' && !text_.substr(end + 1).starts_with('\n')) ++breaks;
    }
    return breaks;
  }

  /// One line break is a space, more are one less; blanks around them are nothing.
  piece white_space() const {
    std::size_t end = 0;
    const auto breaks = breaks_from(at_, end);
    if (breaks == 0) return {1, 1};
    return {end - at_, std::max(breaks - 1, std::size_t{1})};
  }

  piece escape() const {
    if (at_ + 1 == text_.size()) return {1, 0};
    switch (text_[at_ + 1]) {
    case 'x': return {4, hexadecimal(2)};
    case 'u': return unicode();
    case 'U': return {10, hexadecimal(8)};
    case 'N':
    case '_': return {2, 2};
    case 'L':
    case 'P': return {2, 3};
    case '\r':
    case '\n': {
      std::size_t end = 0;
      const auto breaks = breaks_from(at_ + 1, end);
      return {end - at_, breaks - 1};
    }
    default: return {2, 1};
    }
  }

  std::uint32_t code_of(std::size_t at, std::size_t digits) const {
    std::uint32_t code = 0;
    for (const auto one : text_.substr(std::min(at, text_.size()), digits)) {
      const auto lower = static_cast<std::uint32_t>(one | 0x20);
      code = (code << 4) + (lower >= 'a' ? lower - 'a' + 10 : lower & 0xF);
    }
    return code;
  }

  std::size_t hexadecimal(std::size_t digits) const {
    const auto code = code_of(at_ + 2, digits);
    if (code < 0x80) return 1;
    if (code < 0x800) return 2;
    return code < 0x10000 ? 3 : 4;
  }

  piece unicode() const {
    const auto code = code_of(at_ + 2, 4);
    const bool is_pair = code >= 0xD800 && code < 0xDC00;
    return is_pair ? piece{12, 4} : piece{6, hexadecimal(4)};
  }

  std::size_t start_of_next_line(std::size_t at) const {
    at = std::min(text_.find_first_of("\r\n", at), text_.size());
    return std::min(at + (text_.substr(at).starts_with("\r\n") ? 2 : 1), text_.size());
  }

  static std::size_t blanks_at_start(std::string_view text) {
    return std::min(text.find_first_not_of(' '), text.size());
  }

  /// Every line of the content is a line of the file, without the indentation.
  std::size_t in_literal(std::size_t offset) {
    at_ = start_of_next_line(at_);
    const auto head = content_.substr(0, offset);
    const auto lines = std::count(head.begin(), head.end(), '\n');
    const auto in_line = offset - (lines == 0 ? 0 : head.rfind('\n') + 1);
    const auto first = std::min(content_.find_first_not_of('\n'), content_.size());
    auto filled = at_;
    for (std::size_t line = 0; line < first; ++line) filled = start_of_next_line(filled);
    const auto indent =
        blanks_at_start(text_.substr(filled))
        - std::min(blanks_at_start(content_.substr(first)), blanks_at_start(text_.substr(filled)));
    for (std::ptrdiff_t line = 0; line < lines; ++line) at_ = start_of_next_line(at_);
    const auto end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    return std::min(at_ + indent + in_line, end);
  }

  /// White space differs from the content; everything else is there in the same order.
  std::size_t in_folded(std::size_t offset) {
    at_ = start_of_next_line(at_);
    auto found = at_;
    for (std::size_t byte = 0; byte < content_.size() && byte <= offset; ++byte) {
      if (is_space(content_[byte])) {
        found = at_;
        continue;
      }
      found = std::min(text_.find(content_[byte], at_), text_.size());
      at_ = std::min(found + 1, text_.size());
    }
    return offset < content_.size() ? found : at_;
  }

  std::string_view text_;
  std::size_t at_;
  std::string_view content_;
  char quote_ = 0;
};

} // namespace

text_position position_in(const source_text& source, const yaml_node& scalar, std::size_t offset) {
  const auto* content = scalar.scalar.if_text();
  if (scalar.kind != yaml_node::shape::scalar || !content) return scalar.at;
  const auto found = scalar_walk(source.text, scalar.offset, *content).find(offset);
  return detail::position_after(source.text, {scalar.offset, scalar.at}, found);
}

} // namespace troupe
