#pragma once

#include "cel_value.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

class text_pattern;
struct cel_function;

enum class node_kind : std::uint8_t {
  literal,
  variable,
  local,     ///< the variable of a macro
  unknown,   ///< a name or function that is not there, in a tree that was not checked
  select,    ///< one child; `name`
  has,       ///< one child; `name`
  index,     ///< two children
  call,      ///< children are the receiver, if any, and the arguments
  list,      ///< children are the items
  map,       ///< children are keys and items in turn
  any_of,    ///< `||` over all children
  all_of,    ///< `&&` over all children
  choose,    ///< `?:`
  invert,    ///< `!`
  negate,    ///< `-`
  binary,    ///< `operation`
  all_items, ///< macros: the range, then the bodies
  some_item,
  one_item,
  map_items, ///< two bodies: the first one filters
  filter_items,
  // Only until names are resolved.
  identifier,   ///< `name`
  global_call,  ///< `name`; children are the arguments
  receiver_call ///< `name`; children are the receiver and the arguments
};

enum class binary_operation : std::uint8_t {
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  add,
  subtract,
  multiply,
  divide,
  modulo
};

struct expression_node {
  node_kind kind = node_kind::literal;
  binary_operation operation = binary_operation::equal;
  bool from_root = false;   ///< an identifier with a dot in front
  std::uint16_t depth = 1;  ///< of the tree below, this node included
  std::uint32_t offset = 0; ///< what failures point at, in bytes of the source
  std::uint32_t slot = 0;   ///< of a variable, a local or the variable of a macro
  const cel_function* function = nullptr;
  std::vector<expression_node*> children{};
  std::string name{};
  value constant{}; ///< what `literal` reads, where that is text or bytes
  cel_value literal{};
  std::shared_ptr<const text_pattern> pattern{}; ///< of a call with a constant pattern

  [[nodiscard]] const expression_node& child(std::size_t index) const { return *children[index]; }
};

struct member_of_variable {
  std::uint32_t slot;
  std::string member;
  std::size_t offset;
};

/// A compiled expression. Immutable once compiled; the nodes refer to each other.
struct expression_tree {
  std::string source;
  std::vector<std::string> variables;
  std::deque<expression_node> nodes;
  const expression_node* root = nullptr;
  std::size_t locals = 0; ///< how many variables of macros may live at a time
  std::vector<bool> used; ///< per variable
  std::vector<member_of_variable> members;
};

/// How deep an expression may nest: brackets in brackets, and operators in a row.
inline constexpr std::size_t max_nesting = 250;
inline constexpr std::size_t max_tree_depth = 500;
inline constexpr std::size_t max_source_bytes = 100'000;

/// Builds the tree of `tree.source` with names still to be resolved. Throws `expression_error`.
[[nodiscard]] expression_node& parse_expression(expression_tree& tree);

enum class name_check : std::uint8_t {
  strict, ///< unknown names are refused
  late    ///< unknown names fail when they are evaluated
};

/// Resolves names, functions and macros below `root`. Throws `expression_error`.
void resolve_names(expression_tree& tree, expression_node& root, name_check check);

/// Compiles `tree.source` over `tree.variables`. Throws `expression_error`.
void compile_tree(expression_tree& tree, name_check check);

} // namespace troupe::detail
