#include "expression_lexer.hpp"

#include <troupe/expressions/expression.hpp>
#include <troupe/protocol/unicode.hpp>

#include <optional>

namespace troupe::detail {

namespace {

int digit_of(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return 16;
}

std::optional<char> simple_escape(char letter) {
  switch (letter) {
  case 'a': return '\a';
  case 'b': return '\b';
  case 'f': return '\f';
  case 'n': return '\n';
  case 'r': return '\r';
  case 't': return '\t';
  case 'v': return '\v';
  case '\\':
  case '?':
  case '"':
  case '\'':
  case '`': return letter;
  default: return {};
  }
}

class unescaping {
public:
  unescaping(std::string_view content, bool bytes, std::size_t offset)
      : content_(content), bytes_(bytes), offset_(offset) {}

  std::string run() {
    out_.reserve(content_.size());
    while (at_ < content_.size()) {
      if (content_[at_] == '\\') escape();
      else out_ += content_[at_++];
    }
    return std::move(out_);
  }

private:
  [[noreturn]] void refuse(const char* message) const {
    throw expression_error(offset_ + at_, message);
  }

  void escape() {
    const char letter = at_ + 1 < content_.size() ? content_[at_ + 1] : '\0';
    if (const auto simple = simple_escape(letter)) {
      out_ += *simple;
      at_ += 2;
    } else if (letter == 'x' || letter == 'X') {
      put(code(2, 2, 16));
    } else if (letter >= '0' && letter <= '3') {
      put(code(1, 3, 8));
    } else if (!bytes_ && letter == 'u') {
      put(code(2, 4, 16));
    } else if (!bytes_ && letter == 'U') {
      put(code(2, 8, 16));
    } else {
      refuse("unknown escape sequence");
    }
  }

  // Reads the digits that start `skip` bytes after the backslash and goes behind them.
  char32_t code(std::size_t skip, std::size_t digits, int base) {
    char32_t result = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const auto at = at_ + skip + i;
      const auto digit = at < content_.size() ? digit_of(content_[at]) : base;
      if (digit >= base) refuse("incomplete escape sequence");
      result = result * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
    }
    if (!bytes_ && (result > 0x10ffff || (result >= 0xd800 && result <= 0xdfff))) {
      refuse("escape sequence for no character");
    }
    at_ += skip + digits;
    return result;
  }

  void put(char32_t scalar) {
    if (bytes_) out_ += static_cast<char>(scalar);
    else append_code_point(scalar, out_);
  }

  std::string_view content_;
  bool bytes_;
  std::size_t offset_;
  std::size_t at_ = 0;
  std::string out_;
};

} // namespace

bool find_quotation(std::string_view text, quotation& found) {
  found = {};
  const auto letter = [&](std::size_t index) { return index < text.size() ? text[index] : '\0'; };
  if (letter(found.prefix) == 'b' || letter(found.prefix) == 'B') {
    found.bytes = true;
    ++found.prefix;
  }
  if (letter(found.prefix) == 'r' || letter(found.prefix) == 'R') {
    found.raw = true;
    ++found.prefix;
  }
  found.quote = letter(found.prefix);
  if (found.quote != '"' && found.quote != '\'') return false;
  found.triple = letter(found.prefix + 1) == found.quote && letter(found.prefix + 2) == found.quote;
  return true;
}

std::size_t length_of_literal(std::string_view text, const quotation& style) {
  const std::string closing(style.triple ? 3 : 1, style.quote);
  for (auto at = style.opening(); at < text.size(); ++at) {
    if (text.substr(at).starts_with(closing)) return at + closing.size();
    if (!style.triple && (text[at] == '\n' || text[at] == '\r')) break;
    if (!style.raw && text[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

std::string unescape(std::string_view content, bool bytes, std::size_t offset) {
  return unescaping(content, bytes, offset).run();
}

} // namespace troupe::detail
