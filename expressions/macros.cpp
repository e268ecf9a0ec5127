#include "evaluation.hpp"

namespace troupe::detail {

// What a macro loops over: the items of a list or the keys of a map.
bool evaluation::range_of(const expression_node& node, cel_value& items) {
  if (!evaluate(node.child(0), items)) return false;
  if (items.is(cel_kind::list)) return true;
  if (!items.is(cel_kind::map)) {
    return fail(node,
                "no such overload: " + std::string(type_name(items.kind())) + "." + node.name);
  }
  if (!spend(node, items.size())) return false;
  items = items.keys();
  return true;
}

// As in `||` and `&&`, an item that decides outweighs those that fail.
bool evaluation::quantify(const expression_node& node, bool decisive, cel_value& result) {
  cel_value items;
  if (!range_of(node, items)) return false;
  std::optional<evaluation_problem> first;
  for (std::size_t i = 0, size = items.size(); i < size; ++i) {
    if (!spend(node, 1)) return false;
    locals_[node.slot] = items.item(i, natives_);
    const auto found = weigh(node.child(1), decisive, first);
    if (found == side::exhausted) return false;
    if (found == side::decides) return conclude(decisive, result);
  }
  return conclude_undecided(decisive, std::move(first), result);
}

bool evaluation::one_item(const expression_node& node, cel_value& result) {
  cel_value items;
  if (!range_of(node, items)) return false;
  std::size_t found = 0;
  for (std::size_t i = 0, size = items.size(); i < size; ++i) {
    if (!spend(node, 1)) return false;
    locals_[node.slot] = items.item(i, natives_);
    bool truth = false;
    if (!condition(node.child(1), truth)) return false;
    if (truth) ++found;
  }
  result = cel_value::boolean(found == 1);
  return true;
}

bool evaluation::map_items(const expression_node& node, cel_value& result) {
  cel_value items;
  if (!range_of(node, items)) return false;
  const bool filters = node.children.size() == 3;
  cel_value::item_list made;
  for (std::size_t i = 0, size = items.size(); i < size; ++i) {
    if (!spend(node, 1)) return false;
    locals_[node.slot] = items.item(i, natives_);
    bool wanted = true;
    if (filters && !condition(node.child(1), wanted)) return false;
    if (!wanted) continue;
    cel_value item;
    if (!evaluate(node.child(filters ? 2 : 1), item)) return false;
    made.push_back(std::move(item));
  }
  result = cel_value::list(std::move(made));
  return true;
}

bool evaluation::filter_items(const expression_node& node, cel_value& result) {
  cel_value items;
  if (!range_of(node, items)) return false;
  cel_value::item_list made;
  for (std::size_t i = 0, size = items.size(); i < size; ++i) {
    if (!spend(node, 1)) return false;
    auto item = items.item(i, natives_);
    locals_[node.slot] = item;
    bool wanted = false;
    if (!condition(node.child(1), wanted)) return false;
    if (wanted) made.push_back(std::move(item));
  }
  result = cel_value::list(std::move(made));
  return true;
}

} // namespace troupe::detail
