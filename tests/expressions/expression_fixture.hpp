#pragma once

#include <troupe/expressions/expression.hpp>

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <string_view>

namespace troupe::testing_support {

/// The variables that tests use.
inline constexpr std::array<std::string_view, 2> names = {"input", "context"};

inline outcome<value> evaluated(std::string_view source, const value& input = {},
                                const context& entries = {}, const expression_limits& limits = {}) {
  const std::array<expression_variable, 2> variables = {input, entries};
  return expression::compile(source, names).evaluate(variables, limits);
}

/// What an expression comes to; the failure as a text when there is one.
inline value result_of(std::string_view source, const value& input = {},
                       const context& entries = {}) {
  const auto result = evaluated(source, input, entries);
  return result ? *result : value("FAILED: " + result.why().message);
}

/// Why an evaluation failed: what follows the column.
inline std::string reason_of(std::string_view source, const value& input = {},
                             const context& entries = {}) {
  const auto result = evaluated(source, input, entries);
  if (result) return "no failure but " + to_string(*result);
  const auto& message = result.why().message;
  const auto column = message.rfind("column ");
  return message.substr(message.find(": ", column) + 2);
}

struct refusal {
  std::size_t offset = 0;
  std::string message{};
  friend bool operator==(const refusal&, const refusal&) = default;
  friend std::ostream& operator<<(std::ostream& out, const refusal& shown) {
    return out << shown.offset << ": " << shown.message;
  }
};

/// Why a text is no expression.
inline refusal refusal_of(std::string_view source) {
  try {
    static_cast<void>(expression::compile(source, names));
  } catch (const expression_error& problem) {
    return {problem.offset(), problem.what()};
  }
  return {0, "it was not refused"};
}

} // namespace troupe::testing_support
