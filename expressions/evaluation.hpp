#pragma once

#include "cel_value.hpp"
#include "cost_meter.hpp"
#include "expression_tree.hpp"
#include "function_table.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::detail {

/// Why an evaluation ended without a result, and where in the source.
struct evaluation_problem {
  std::size_t offset = 0; ///< in bytes
  std::string reason{};
};

/// One run of an expression.
class evaluation {
public:
  /// Both outlive this. `variables` are in the order of `tree.variables`.
  evaluation(const expression_tree& tree, std::span<const cel_value> variables,
             std::uint64_t max_cost)
      : tree_(tree), variables_(variables), max_cost_(max_cost), cost_(max_cost) {
    if (tree.locals != 0) locals_.resize(tree.locals);
  }

  /// Evaluates the whole expression. False: see `problem`.
  [[nodiscard]] bool run(cel_value& result) { return evaluate(*tree_.root, result); }
  [[nodiscard]] const evaluation_problem& problem() const noexcept { return problem_; }

  // For functions and operators. What returns false has noted why.
  [[nodiscard]] bool spend(const expression_node& where, std::uint64_t steps) {
    return cost_.spend(steps) || too_expensive(where);
  }
  [[nodiscard]] bool spend_bytes(const expression_node& where, std::size_t count) {
    return cost_.spend_bytes(count) || too_expensive(where);
  }
  bool fail(const expression_node& where, std::string reason);
  bool no_overload(const cel_call& call);
  /// Compares, and fails when that was too expensive.
  [[nodiscard]] bool equal(const expression_node& where, const cel_value& left,
                           const cel_value& right, bool& are_equal);
  [[nodiscard]] native_forms& natives() noexcept { return natives_; }
  /// The last pattern that was made while this runs, as loops tend to use it again.
  struct pattern_memory {
    std::string source{};
    std::shared_ptr<const text_pattern> pattern{};
  };
  [[nodiscard]] pattern_memory& last_pattern() noexcept { return last_pattern_; }
  bool too_expensive(const expression_node& where);

private:
  bool evaluate(const expression_node& node, cel_value& result);
  /// The map that `node` takes a member of; a variable stays where it is. Null when that failed.
  const cel_value* target_of(const expression_node& node, cel_value& held);
  bool select(const expression_node& node, cel_value& result);
  bool has(const expression_node& node, cel_value& result);
  bool index(const expression_node& node, cel_value& result);
  bool item_of(const expression_node& node, const cel_value& list, const cel_value& key,
               cel_value& result);
  bool call(const expression_node& node, cel_value& result);
  bool list(const expression_node& node, cel_value& result);
  bool map(const expression_node& node, cel_value& result);
  bool logic(const expression_node& node, bool decisive, cel_value& result);
  bool choose(const expression_node& node, cel_value& result);
  bool prefix(const expression_node& node, cel_value& result);
  bool binary(const expression_node& node, cel_value& result);

  bool range_of(const expression_node& node, cel_value& items);
  bool condition(const expression_node& body, bool& truth);
  // For `&&`, `||`, `all` and `exists`, in which one decisive truth hides the problems of the rest.
  enum class side { open, decides, exhausted };
  /// What a condition does to the whole. Keeps its problem as the `first` if there was none.
  side weigh(const expression_node& body, bool decisive, std::optional<evaluation_problem>& first);
  /// The end when no condition decided.
  bool conclude_undecided(bool decisive, std::optional<evaluation_problem> first,
                          cel_value& result);
  static bool conclude(bool truth, cel_value& result);
  bool quantify(const expression_node& node, bool decisive, cel_value& result);
  bool one_item(const expression_node& node, cel_value& result);
  bool map_items(const expression_node& node, cel_value& result);
  bool filter_items(const expression_node& node, cel_value& result);

  const expression_tree& tree_;
  std::span<const cel_value> variables_;
  std::uint64_t max_cost_;
  cost_meter cost_;
  native_forms natives_;
  std::vector<cel_value> locals_;
  pattern_memory last_pattern_;
  evaluation_problem problem_;
};

/// Applies an operator. False when it failed.
[[nodiscard]] bool apply(evaluation& run, const expression_node& node, const cel_value& left,
                         const cel_value& right, cel_value& result);

/// Turns a result into a plain value. What was read in place is shared, not copied. False when that
/// is impossible or too expensive.
[[nodiscard]] bool to_plain_value(evaluation& run, const expression_tree& tree,
                                  const cel_value& content, value& result);

} // namespace troupe::detail
