#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::detail {

enum class token_kind : std::uint8_t {
  end,
  name,
  quoted_name, ///< between backquotes, which are not part of the text
  integer,
  unsigned_integer,
  floating,
  text,
  bytes,
  symbol ///< an operator or a bracket
};

struct token {
  token_kind kind = token_kind::end;
  std::size_t offset = 0;
  std::string_view source{}; ///< as written
  std::string content{};     ///< of a text, bytes or quoted name, with escapes resolved
  bool is(std::string_view symbol) const { return kind == token_kind::symbol && source == symbol; }
};

/// Cuts an expression into tokens. Throws `expression_error`.
class expression_lexer {
public:
  explicit expression_lexer(std::string_view source) : source_(source) {}
  [[nodiscard]] token next();

private:
  void skip_blanks();
  token number();
  token name();
  token quoted_name();
  token symbol();
  token literal(std::size_t prefix);
  [[nodiscard]] char at(std::size_t offset) const {
    return offset < source_.size() ? source_[offset] : '\0';
  }
  token take(token_kind kind, std::size_t length);

  std::string_view source_;
  std::size_t at_ = 0;
};

/// How a text or bytes literal is written.
struct quotation {
  std::size_t prefix = 0; ///< letters in front of the quote
  bool raw = false;
  bool bytes = false;
  bool triple = false;
  char quote = '\0';
  [[nodiscard]] std::size_t opening() const { return prefix + (triple ? 3 : 1); }
};

/// True when a literal starts here, and then how it is written.
[[nodiscard]] bool find_quotation(std::string_view text, quotation& found);
/// The length of the literal that starts here, quotes and all, or `npos` when it does not end.
[[nodiscard]] std::size_t length_of_literal(std::string_view text, const quotation& style);

/// Resolves the escapes of what is between the quotes. Throws `expression_error`; `offset` is where
/// the content starts in the expression.
[[nodiscard]] std::string unescape(std::string_view content, bool bytes, std::size_t offset);

} // namespace troupe::detail
