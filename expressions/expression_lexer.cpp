#include "expression_lexer.hpp"

#include <troupe/expressions/expression.hpp>
#include <troupe/protocol/unicode.hpp>

#include <algorithm>
#include <array>

namespace troupe::detail {

namespace {

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

bool is_hex_digit(char letter) {
  return is_digit(letter) || (letter >= 'a' && letter <= 'f') || (letter >= 'A' && letter <= 'F');
}

bool starts_name(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '_';
}

bool continues_name(char letter) {
  return starts_name(letter) || is_digit(letter);
}

bool is_blank(char letter) {
  return letter == ' ' || (letter >= '\t' && letter <= '\r' && letter != '\v');
}

// The longer ones first.
constexpr std::array<std::string_view, 25> symbols = {
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-", "*", "/",
    "%",  "?",  ":",  "(",  ")",  "[",  "]", "{", "}", ",", ".", "="};

} // namespace

token expression_lexer::next() {
  skip_blanks();
  if (at_ >= source_.size()) return take(token_kind::end, 0);
  const auto first = source_[at_];
  if (is_digit(first) || (first == '.' && is_digit(at(at_ + 1)))) return number();
  quotation style;
  if (find_quotation(source_.substr(at_), style)) return literal(style.prefix);
  if (starts_name(first)) return name();
  if (first == '`') return quoted_name();
  return symbol();
}

void expression_lexer::skip_blanks() {
  while (at_ < source_.size()) {
    if (is_blank(source_[at_])) {
      ++at_;
    } else if (source_.substr(at_).starts_with("//")) {
      at_ = std::min(source_.find('\n', at_), source_.size());
    } else {
      return;
    }
  }
}

token expression_lexer::number() {
  if (source_[at_] == '0' && at(at_ + 1) == 'x' && is_hex_digit(at(at_ + 2))) {
    auto end = at_ + 2;
    while (is_hex_digit(at(end))) ++end;
    const bool is_unsigned = at(end) == 'u' || at(end) == 'U';
    return take(is_unsigned ? token_kind::unsigned_integer : token_kind::integer,
                end - at_ + (is_unsigned ? 1 : 0));
  }
  auto end = at_;
  auto kind = token_kind::integer;
  while (is_digit(at(end))) ++end;
  if (at(end) == '.' && is_digit(at(end + 1))) {
    kind = token_kind::floating;
    ++end;
    while (is_digit(at(end))) ++end;
  }
  if (at(end) == 'e' || at(end) == 'E') {
    auto exponent = end + 1;
    if (at(exponent) == '+' || at(exponent) == '-') ++exponent;
    if (is_digit(at(exponent))) {
      kind = token_kind::floating;
      end = exponent;
      while (is_digit(at(end))) ++end;
    }
  }
  if (kind == token_kind::integer && (at(end) == 'u' || at(end) == 'U')) {
    kind = token_kind::unsigned_integer;
    ++end;
  }
  return take(kind, end - at_);
}

token expression_lexer::name() {
  auto end = at_;
  while (continues_name(at(end))) ++end;
  return take(token_kind::name, end - at_);
}

token expression_lexer::quoted_name() {
  auto end = at_ + 1;
  while (continues_name(at(end)) || at(end) == '.' || at(end) == '-' || at(end) == '/'
         || at(end) == ' ') {
    ++end;
  }
  if (at(end) != '`' || end == at_ + 1) {
    throw expression_error(at_, "a name in backquotes has letters, digits and _ . - / only");
  }
  auto found = take(token_kind::quoted_name, end + 1 - at_);
  found.content = found.source.substr(1, found.source.size() - 2);
  return found;
}

token expression_lexer::symbol() {
  const auto rest = source_.substr(at_);
  for (const auto known : symbols) {
    if (known != "=" && rest.starts_with(known)) return take(token_kind::symbol, known.size());
  }
  if (rest.front() == '=') throw expression_error(at_, "unexpected `=` (did you mean ==?)");
  const auto letter = first_code_point(rest);
  if (!letter.valid) throw expression_error(at_, "invalid UTF-8");
  if (letter.scalar < 0x20) throw expression_error(at_, "unexpected control character");
  throw expression_error(at_, "unexpected `" + std::string(rest.substr(0, letter.length)) + "`");
}

token expression_lexer::literal(std::size_t prefix) {
  quotation style;
  const auto rest = source_.substr(at_);
  static_cast<void>(find_quotation(rest, style));
  const auto length = length_of_literal(rest, style);
  if (length == std::string_view::npos) {
    throw expression_error(at_, style.bytes ? "bytes without an end" : "string without an end");
  }
  const auto closing = style.opening() - prefix;
  const auto content = rest.substr(style.opening(), length - style.opening() - closing);
  const auto start = at_ + style.opening();
  if (const auto broken = find_invalid(content); broken != std::string_view::npos) {
    throw expression_error(start + broken, "invalid UTF-8");
  }
  auto found = take(style.bytes ? token_kind::bytes : token_kind::text, length);
  found.content = style.raw ? std::string(content) : unescape(content, style.bytes, start);
  return found;
}

token expression_lexer::take(token_kind kind, std::size_t length) {
  token found;
  found.kind = kind;
  found.offset = at_;
  found.source = source_.substr(std::min(at_, source_.size()), length);
  at_ += length;
  return found;
}

} // namespace troupe::detail
