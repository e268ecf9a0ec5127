#include "expression_lexer.hpp"

#include <troupe/expressions/expression.hpp>
#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <optional>

namespace troupe {

namespace {

constexpr std::string_view opening = "${{";
constexpr std::string_view escaped = "$${{";
constexpr std::string_view closing = "}}";
constexpr std::string_view blanks = " \t\n\r\f";

bool continues_name(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '_'
         || (letter >= '0' && letter <= '9');
}

// Finds the `}}` behind an expression, past brackets, strings and comments in it.
class end_finder {
public:
  end_finder(std::string_view text, std::size_t from) : text_(text), at_(from) {}

  std::size_t run() {
    while (at_ < text_.size()) {
      if (braces_ == 0 && text_.substr(at_).starts_with(closing)) return at_;
      if (text_.substr(at_).starts_with("//")) {
        const auto end = std::min(text_.find(closing, at_), text_.find('\n', at_));
        if (end == std::string_view::npos) return end;
        if (text_[end] != '\n') return end;
        at_ = end;
      } else {
        skip();
      }
    }
    return std::string_view::npos;
  }

private:
  void skip() {
    detail::quotation style;
    if (detail::find_quotation(text_.substr(at_), style)) {
      const auto length = detail::length_of_literal(text_.substr(at_), style);
      if (length == std::string_view::npos) throw expression_error(at_, "string without an end");
      at_ += length;
    } else if (continues_name(text_[at_])) {
      while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    } else {
      if (text_[at_] == '{') ++braces_;
      if (text_[at_] == '}' && braces_ > 0) --braces_;
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_;
  std::size_t braces_ = 0;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace

// Texts and expressions in turn: one text more than there are expressions.
struct text_template::compiled {
  std::vector<std::string> texts{1};
  std::vector<part> parts;
  bool is_single = false; ///< one expression and nothing else

  void read(std::string_view text, std::span<const std::string_view> variables) {
    for (std::size_t at = 0; at < text.size();) {
      const auto rest = text.substr(at);
      if (rest.starts_with(escaped)) {
        texts.back() += opening;
        at += escaped.size();
      } else if (rest.starts_with(opening)) {
        at = read_expression(text, at, variables);
      } else {
        const auto next = std::min(text.find('$', at + 1), text.size());
        texts.back() += text.substr(at, next - at);
        at = next;
      }
    }
    is_single = parts.size() == 1 && trimmed(texts[0]).empty() && trimmed(texts[1]).empty();
  }

  std::size_t read_expression(std::string_view text, std::size_t start,
                              std::span<const std::string_view> variables) {
    const auto from = start + opening.size();
    const auto end = end_finder(text, from).run();
    if (end == std::string_view::npos) throw expression_error(start, "`${{` without `}}`");
    const auto source = trimmed(text.substr(from, end - from));
    if (source.empty()) throw expression_error(start, "the expression is empty");
    const auto offset = static_cast<std::size_t>(source.data() - text.data());
    try {
      parts.push_back({expression::compile(source, variables), offset});
    } catch (const expression_error& problem) {
      throw expression_error(offset + problem.offset(), problem.what());
    }
    texts.emplace_back();
    return end + closing.size();
  }
};

text_template text_template::compile(std::string_view text,
                                     std::span<const std::string_view> variables) {
  auto made = std::make_shared<compiled>();
  made->read(text, variables);
  text_template result;
  result.compiled_ = std::move(made);
  return result;
}

bool text_template::is_constant() const noexcept {
  return compiled_->parts.empty();
}

const std::string& text_template::constant() const noexcept {
  return compiled_->texts.front();
}

std::vector<text_template::part> text_template::expressions() const {
  return compiled_->parts;
}

outcome<value> text_template::evaluate(std::span<const expression_variable> variables,
                                       const expression_limits& limits) const {
  if (is_constant()) return value(constant());
  if (compiled_->is_single) return compiled_->parts.front().content.evaluate(variables, limits);
  auto text = compiled_->texts.front();
  for (std::size_t i = 0; i < compiled_->parts.size(); ++i) {
    const auto found = compiled_->parts[i].content.evaluate(variables, limits);
    if (!found) return found.why();
    const auto plain = found->is_native() ? found->plain() : *found;
    text += plain.is_text() ? *plain.if_text() : write_json(plain);
    text += compiled_->texts[i + 1];
  }
  return value(std::move(text));
}

} // namespace troupe
