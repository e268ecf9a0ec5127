#pragma once

#include <troupe/actors/step_context.hpp>
#include <troupe/expressions/expression.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/step_request.hpp>
#include <troupe/protocol/value.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// What the expressions of a workflow file may look at: `input`, `context`, `run` and `env`. Refers
/// to its parts; they outlive it.
class expression_scope {
public:
  expression_scope(const value& input, const context& entries, value run, const value& env);
  [[nodiscard]] static expression_scope of(const value& input, const step_context& call,
                                           const value& env);
  [[nodiscard]] static expression_scope of(const value& input, const context& entries,
                                           const step_request& request, const value& env);

  [[nodiscard]] std::array<expression_variable, 4> variables() const;
  /// In the order of `variables()`.
  static constexpr std::array<std::string_view, 4> names{"input", "context", "run", "env"};

private:
  const value& input_;
  const context& entries_;
  value run_;
  const value& env_;
};

/// A value from a file in which some texts hold `${{ … }}`. An immutable value, O(1) to copy.
class value_template {
public:
  value_template() = default; ///< null
  value_template(value constant);
  value_template(text_template text, std::string raw);
  [[nodiscard]] static value_template list(std::vector<value_template> items);
  [[nodiscard]] static value_template
  map(std::vector<std::pair<std::string, value_template>> members);

  /// True when nothing in it depends on the call.
  [[nodiscard]] bool is_constant() const noexcept;
  /// The content; null where it depends on the call.
  [[nodiscard]] value constant() const;
  /// As written, expressions unevaluated; for hashes and keys.
  [[nodiscard]] value raw() const;
  [[nodiscard]] bool is_list() const noexcept;
  [[nodiscard]] bool is_map() const noexcept;
  /// Member of a map, or null when there is none or this is no map.
  [[nodiscard]] const value_template* find(std::string_view key) const;
  /// Items of a list; empty for everything else.
  [[nodiscard]] std::span<const value_template> items() const;

  /// Evaluates every expression in it.
  outcome<value> evaluate(const expression_scope& scope) const;

private:
  struct node;
  static value_template sealed(std::shared_ptr<node> content, bool constant);
  std::shared_ptr<const node> node_;
};

} // namespace troupe
