#include "evaluation.hpp"

#include "cel_compare.hpp"
#include "number_text.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace troupe::detail {

namespace {

// A key as it is shown in messages, cut when it is long.
std::string shown(const cel_value& key) {
  switch (key.kind()) {
  case cel_kind::boolean: return key.truth() ? "true" : "false";
  case cel_kind::integer: return std::to_string(key.integer());
  case cel_kind::unsigned_integer: return std::to_string(key.unsigned_integer());
  case cel_kind::floating: return write_double(key.floating());
  case cel_kind::text: {
    constexpr std::size_t longest = 100;
    const auto& text = key.text();
    return text.size() <= longest ? text : text.substr(0, longest) + "...";
  }
  default: return std::string(type_name(key.kind()));
  }
}

// A whole number as an index, whatever its kind; nothing when it is none.
std::optional<std::size_t> position(const cel_value& key, std::size_t size) {
  if (key.is(cel_kind::integer)) {
    if (key.integer() < 0 || static_cast<std::uint64_t>(key.integer()) >= size) return {};
    return static_cast<std::size_t>(key.integer());
  }
  if (key.is(cel_kind::unsigned_integer)) {
    if (key.unsigned_integer() >= size) return {};
    return static_cast<std::size_t>(key.unsigned_integer());
  }
  const auto number = key.floating();
  if (!(number >= 0) || number >= static_cast<double>(size)) return {};
  return static_cast<std::size_t>(number);
}

bool is_fraction(const cel_value& key) {
  if (!key.is(cel_kind::floating)) return false;
  const auto number = key.floating();
  constexpr double beyond_fractions = 9007199254740992.0;
  if (!(number > -beyond_fractions && number < beyond_fractions)) return number != number;
  return static_cast<double>(static_cast<std::int64_t>(number)) != number;
}

} // namespace

bool evaluation::fail(const expression_node& where, std::string reason) {
  problem_ = {where.offset, std::move(reason)};
  return false;
}

bool evaluation::too_expensive(const expression_node& where) {
  return fail(where, "it takes more than " + std::to_string(max_cost_) + " steps");
}

bool evaluation::no_overload(const cel_call& call) {
  const auto& function = *call.node.function;
  std::string text = "no such overload: ";
  auto arguments = call.arguments;
  if (function.has_receiver) {
    text += std::string(type_name(arguments[0].kind())) + ".";
    arguments = arguments.subspan(1);
  }
  text += std::string(function.name) + "(";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::string(type_name(arguments[i].kind()));
  }
  return fail(call.node, text + ")");
}

bool evaluation::equal(const expression_node& where, const cel_value& left, const cel_value& right,
                       bool& are_equal) {
  are_equal = detail::are_equal(left, right, cost_, natives_);
  return !cost_.exhausted() || too_expensive(where);
}

bool evaluation::evaluate(const expression_node& node, cel_value& result) {
  if (!cost_.spend(1)) return too_expensive(node);
  switch (node.kind) {
  case node_kind::literal: result = node.literal; return true;
  case node_kind::variable: result = variables_[node.slot]; return true;
  case node_kind::local: result = locals_[node.slot]; return true;
  case node_kind::unknown: return fail(node, node.name);
  case node_kind::select: return select(node, result);
  case node_kind::has: return has(node, result);
  case node_kind::index: return index(node, result);
  case node_kind::call: return call(node, result);
  case node_kind::list: return list(node, result);
  case node_kind::map: return map(node, result);
  case node_kind::any_of: return logic(node, true, result);
  case node_kind::all_of: return logic(node, false, result);
  case node_kind::choose: return choose(node, result);
  case node_kind::invert:
  case node_kind::negate: return prefix(node, result);
  case node_kind::binary: return binary(node, result);
  case node_kind::all_items: return quantify(node, false, result);
  case node_kind::some_item: return quantify(node, true, result);
  case node_kind::one_item: return one_item(node, result);
  case node_kind::map_items: return map_items(node, result);
  case node_kind::filter_items: return filter_items(node, result);
  case node_kind::identifier:
  case node_kind::global_call:
  case node_kind::receiver_call: break;
  }
  return fail(node, "the name was not resolved");
}

const cel_value* evaluation::target_of(const expression_node& node, cel_value& held) {
  const auto& child = node.child(0);
  const auto* target = &held;
  if (child.kind == node_kind::variable) {
    if (!spend(child, 1)) return nullptr;
    target = &variables_[child.slot];
  } else if (!evaluate(child, held)) {
    return nullptr;
  }
  if (target->is(cel_kind::map)) return target;
  fail(node, std::string(type_name(target->kind())) + " has no field " + node.name);
  return nullptr;
}

bool evaluation::select(const expression_node& node, cel_value& result) {
  cel_value held;
  const auto* target = target_of(node, held);
  if (!target) return false;
  return target->find(std::string_view(node.name), natives_, result)
         || fail(node, "no such key: " + node.name);
}

bool evaluation::has(const expression_node& node, cel_value& result) {
  cel_value held;
  const auto* target = target_of(node, held);
  if (!target) return false;
  cel_value found;
  result = cel_value::boolean(target->find(std::string_view(node.name), natives_, found));
  return true;
}

bool evaluation::index(const expression_node& node, cel_value& result) {
  cel_value target;
  cel_value key;
  if (!evaluate(node.child(0), target) || !evaluate(node.child(1), key)) return false;
  if (target.is(cel_kind::list)) return item_of(node, target, key, result);
  if (!target.is(cel_kind::map)) {
    return fail(node, "no such overload: " + std::string(type_name(target.kind())) + "["
                          + std::string(type_name(key.kind())) + "]");
  }
  return target.find(key, natives_, result) || fail(node, "no such key: " + shown(key));
}

bool evaluation::item_of(const expression_node& node, const cel_value& list, const cel_value& key,
                         cel_value& result) {
  if (!key.is_number()) {
    return fail(node, "no such overload: list[" + std::string(type_name(key.kind())) + "]");
  }
  if (is_fraction(key)) return fail(node, "no whole number: " + shown(key));
  const auto found = position(key, list.size());
  if (!found) return fail(node, "index out of range: " + shown(key));
  result = list.item(*found, natives_);
  return true;
}

bool evaluation::call(const expression_node& node, cel_value& result) {
  std::array<cel_value, most_arguments> arguments;
  const auto count = node.children.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (!evaluate(node.child(i), arguments[i])) return false;
  }
  return node.function->body({*this, node, std::span(arguments).first(count)}, result);
}

bool evaluation::list(const expression_node& node, cel_value& result) {
  cel_value::item_list items(node.children.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!evaluate(node.child(i), items[i])) return false;
  }
  result = cel_value::list(std::move(items));
  return true;
}

bool evaluation::map(const expression_node& node, cel_value& result) {
  cel_value::entry_list entries(node.children.size() / 2);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto& [key, item] = entries[i];
    if (!evaluate(node.child(2 * i), key)) return false;
    if (!may_be_key(key.kind())) {
      return fail(node.child(2 * i), "unsupported key type: " + std::string(type_name(key.kind())));
    }
    if (!evaluate(node.child(2 * i + 1), item)) return false;
  }
  std::sort(entries.begin(), entries.end(), [](const cel_entry& left, const cel_entry& right) {
    return key_order(left.key, right.key) == std::weak_ordering::less;
  });
  const auto twice = std::adjacent_find(
      entries.begin(), entries.end(), [](const cel_entry& left, const cel_entry& right) {
        return key_order(left.key, right.key) == std::weak_ordering::equivalent;
      });
  if (twice != entries.end()) return fail(node, "repeated key: " + shown(twice->key));
  result = cel_value::map(std::move(entries));
  return true;
}

// One side that decides is enough, even when the other one fails.
bool evaluation::logic(const expression_node& node, bool decisive, cel_value& result) {
  std::optional<evaluation_problem> first;
  for (const auto* child : node.children) {
    const auto found = weigh(*child, decisive, first);
    if (found == side::exhausted) return false;
    if (found == side::decides) return conclude(decisive, result);
  }
  return conclude_undecided(decisive, std::move(first), result);
}

evaluation::side evaluation::weigh(const expression_node& body, bool decisive,
                                   std::optional<evaluation_problem>& first) {
  bool truth = false;
  if (condition(body, truth)) return truth == decisive ? side::decides : side::open;
  if (cost_.exhausted()) return side::exhausted;
  if (!first) first = std::move(problem_);
  return side::open;
}

bool evaluation::conclude_undecided(bool decisive, std::optional<evaluation_problem> first,
                                    cel_value& result) {
  if (!first) return conclude(!decisive, result);
  problem_ = std::move(*first);
  return false;
}

bool evaluation::conclude(bool truth, cel_value& result) {
  result = cel_value::boolean(truth);
  return true;
}

bool evaluation::condition(const expression_node& body, bool& truth) {
  cel_value found;
  if (!evaluate(body, found)) return false;
  if (!found.is(cel_kind::boolean)) {
    return fail(body, "expected a bool, not " + std::string(type_name(found.kind())));
  }
  truth = found.truth();
  return true;
}

bool evaluation::choose(const expression_node& node, cel_value& result) {
  bool truth = false;
  if (!condition(node.child(0), truth)) return false;
  return evaluate(node.child(truth ? 1 : 2), result);
}

bool evaluation::prefix(const expression_node& node, cel_value& result) {
  cel_value operand;
  if (!evaluate(node.child(0), operand)) return false;
  const bool inverts = node.kind == node_kind::invert;
  if (inverts && operand.is(cel_kind::boolean)) {
    result = cel_value::boolean(!operand.truth());
    return true;
  }
  if (!inverts && operand.is(cel_kind::floating)) {
    result = cel_value::floating(-operand.floating());
    return true;
  }
  if (!inverts && operand.is(cel_kind::integer)) {
    if (operand.integer() == std::numeric_limits<std::int64_t>::min()) {
      return fail(node, "integer overflow");
    }
    result = cel_value::integer(-operand.integer());
    return true;
  }
  return fail(node, std::string("no such overload: ") + (inverts ? "!" : "-")
                        + std::string(type_name(operand.kind())));
}

bool evaluation::binary(const expression_node& node, cel_value& result) {
  cel_value left;
  cel_value right;
  return evaluate(node.child(0), left) && evaluate(node.child(1), right)
         && apply(*this, node, left, right, result);
}

} // namespace troupe::detail
