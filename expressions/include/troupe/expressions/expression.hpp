#pragma once

#include <troupe/protocol/context.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Thrown for a text that is no expression: bad syntax, an unknown function or an unknown variable.
class expression_error : public std::invalid_argument {
public:
  expression_error(std::size_t offset, const std::string& message)
      : std::invalid_argument(message), offset_(offset) {}
  /// Where it is, in bytes from the start of the text.
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }

private:
  std::size_t offset_;
};

/// What one variable stands for during one evaluation: a value, or a context, which is read as a
/// map without being copied. A reference: what it refers to outlives the evaluation.
class expression_variable {
public:
  expression_variable(const value& content) : content_(&content) {}
  expression_variable(const context& entries) : entries_(&entries) {}
  [[nodiscard]] const value* content() const noexcept { return content_; }
  [[nodiscard]] const context* entries() const noexcept { return entries_; }

private:
  const value* content_ = nullptr;
  const context* entries_ = nullptr;
};

struct expression_limits {
  /// Evaluation steps: every node of the expression that is visited counts one, and so does every
  /// item that is looped over, every byte or item that a function reads or makes counts a part.
  std::uint64_t max_cost = 1'000'000;
};

/// A compiled expression of the Common Expression Language (https://cel.dev), the language of
/// Kubernetes and Envoy policies. It cannot loop without end and has no side effects.
///
/// An immutable value, O(1) to copy; may be evaluated by several threads at a time. In values,
/// integers are CEL's `int`, floating point is `double`, and integers above the largest `int` are
/// `uint`. A result of type `uint` becomes an integer, a timestamp or duration becomes text.
class expression {
public:
  /// Compiles `source`, which may use these variables. Throws `expression_error`.
  [[nodiscard]] static expression compile(std::string_view source,
                                          std::span<const std::string_view> variables);

  /// Evaluates it with the variables in the order they had in `compile`. What goes wrong is a
  /// `permanent` failure that quotes the expression, the position and the reason.
  outcome<value> evaluate(std::span<const expression_variable> variables,
                          const expression_limits& limits = {}) const;

  [[nodiscard]] const std::string& source() const noexcept;
  /// True when the variable of that name occurs.
  [[nodiscard]] bool uses(std::string_view variable) const;

  struct member_use {
    std::string member;
    std::size_t offset;
  };
  /// The constant members that are read of a variable: `A` for `env.A`, `env["A"]`, `has(env.A)`.
  [[nodiscard]] std::vector<member_use> members_of(std::string_view variable) const;

private:
  struct compiled;
  std::shared_ptr<const compiled> compiled_;
};

/// A text with `${{ expression }}` in it. One that is a single `${{ … }}`, blanks around it aside,
/// keeps the type of its result; else results are inserted as text: text as it is, everything else
/// as JSON. `$${{` stands for `${{`, and `}}` inside a string of the expression does not end it.
///
/// An immutable value, O(1) to copy; may be evaluated by several threads at a time.
class text_template {
public:
  /// Throws `expression_error` with the offset inside `text`.
  [[nodiscard]] static text_template compile(std::string_view text,
                                             std::span<const std::string_view> variables);

  /// True when there is no expression in it.
  [[nodiscard]] bool is_constant() const noexcept;
  /// REQUIRES: `is_constant()`. The text with `$${{` resolved.
  [[nodiscard]] const std::string& constant() const noexcept;
  /// The expressions in it, and where each starts in the text.
  struct part {
    expression content;
    std::size_t offset;
  };
  [[nodiscard]] std::vector<part> expressions() const;

  outcome<value> evaluate(std::span<const expression_variable> variables,
                          const expression_limits& limits = {}) const;

private:
  struct compiled;
  std::shared_ptr<const compiled> compiled_;
};

} // namespace troupe
