#include "cel_compare.hpp"
#include "cel_time.hpp"
#include "evaluation.hpp"

#include <limits>

namespace troupe::detail {

namespace {

std::string_view symbol_of(binary_operation operation) {
  switch (operation) {
  case binary_operation::equal: return "==";
  case binary_operation::not_equal: return "!=";
  case binary_operation::less: return "<";
  case binary_operation::less_equal: return "<=";
  case binary_operation::greater: return ">";
  case binary_operation::greater_equal: return ">=";
  case binary_operation::in: return "in";
  case binary_operation::add: return "+";
  case binary_operation::subtract: return "-";
  case binary_operation::multiply: return "*";
  case binary_operation::divide: return "/";
  case binary_operation::modulo: return "%";
  }
  return "";
}

bool no_overload(evaluation& run, const expression_node& node, const cel_value& left,
                 const cel_value& right) {
  return run.fail(node, "no such overload: " + std::string(type_name(left.kind())) + " "
                            + std::string(symbol_of(node.operation)) + " "
                            + std::string(type_name(right.kind())));
}

bool equals(evaluation& run, const expression_node& node, const cel_value& left,
            const cel_value& right, cel_value& result) {
  bool same = false;
  if (!run.equal(node, left, right, same)) return false;
  result = cel_value::boolean(same == (node.operation == binary_operation::equal));
  return true;
}

bool holds(binary_operation operation, std::partial_ordering order) {
  switch (operation) {
  case binary_operation::less: return std::is_lt(order);
  case binary_operation::less_equal: return std::is_lteq(order);
  case binary_operation::greater: return std::is_gt(order);
  default: return std::is_gteq(order);
  }
}

bool compare(evaluation& run, const expression_node& node, const cel_value& left,
             const cel_value& right, cel_value& result) {
  if (left.is(cel_kind::text) && right.is(cel_kind::text)
      && !run.spend_bytes(node, std::min(left.text().size(), right.text().size()))) {
    return false;
  }
  if (left.is(cel_kind::bytes) && right.is(cel_kind::bytes)
      && !run.spend_bytes(node, std::min(left.bytes().size(), right.bytes().size()))) {
    return false;
  }
  const auto order = order_of(left, right);
  if (!order) return no_overload(run, node, left, right);
  result = cel_value::boolean(holds(node.operation, *order));
  return true;
}

bool is_in(evaluation& run, const expression_node& node, const cel_value& wanted,
           const cel_value& range, cel_value& result) {
  bool found = false;
  if (range.is(cel_kind::map)) {
    cel_value item;
    found = range.find(wanted, run.natives(), item);
  } else if (range.is(cel_kind::list)) {
    for (std::size_t i = 0, size = range.size(); i < size && !found; ++i) {
      if (!run.spend(node, 1)) return false;
      if (!run.equal(node, wanted, range.item(i, run.natives()), found)) return false;
    }
  } else {
    return no_overload(run, node, wanted, range);
  }
  result = cel_value::boolean(found);
  return true;
}

bool on_integers(evaluation& run, const expression_node& node, std::int64_t left,
                 std::int64_t right, cel_value& result) {
  std::int64_t number = 0;
  bool overflows = false;
  switch (node.operation) {
  case binary_operation::add: overflows = __builtin_add_overflow(left, right, &number); break;
  case binary_operation::subtract: overflows = __builtin_sub_overflow(left, right, &number); break;
  case binary_operation::multiply: overflows = __builtin_mul_overflow(left, right, &number); break;
  case binary_operation::divide:
    if (right == 0) return run.fail(node, "division by zero");
    overflows = left == std::numeric_limits<std::int64_t>::min() && right == -1;
    if (!overflows) number = left / right;
    break;
  default:
    if (right == 0) return run.fail(node, "modulus by zero");
    overflows = left == std::numeric_limits<std::int64_t>::min() && right == -1;
    if (!overflows) number = left % right;
    break;
  }
  if (overflows) return run.fail(node, "integer overflow");
  result = cel_value::integer(number);
  return true;
}

bool on_unsigned(evaluation& run, const expression_node& node, std::uint64_t left,
                 std::uint64_t right, cel_value& result) {
  std::uint64_t number = 0;
  bool overflows = false;
  switch (node.operation) {
  case binary_operation::add: overflows = __builtin_add_overflow(left, right, &number); break;
  case binary_operation::subtract: overflows = __builtin_sub_overflow(left, right, &number); break;
  case binary_operation::multiply: overflows = __builtin_mul_overflow(left, right, &number); break;
  case binary_operation::divide:
    if (right == 0) return run.fail(node, "division by zero");
    number = left / right;
    break;
  default:
    if (right == 0) return run.fail(node, "modulus by zero");
    number = left % right;
    break;
  }
  if (overflows) return run.fail(node, "unsigned integer overflow");
  result = cel_value::unsigned_integer(number);
  return true;
}

bool on_doubles(evaluation& run, const expression_node& node, const cel_value& left,
                const cel_value& right, cel_value& result) {
  const auto one = left.floating();
  const auto other = right.floating();
  switch (node.operation) {
  case binary_operation::add: result = cel_value::floating(one + other); return true;
  case binary_operation::subtract: result = cel_value::floating(one - other); return true;
  case binary_operation::multiply: result = cel_value::floating(one * other); return true;
  case binary_operation::divide: result = cel_value::floating(one / other); return true;
  default: return no_overload(run, node, left, right);
  }
}

bool concatenate(evaluation& run, const expression_node& node, const cel_value& left,
                 const cel_value& right, cel_value& result) {
  if (left.is(cel_kind::text)) {
    if (!run.spend_bytes(node, left.text().size() + right.text().size())) return false;
    result = cel_value::text(left.text() + right.text());
    return true;
  }
  if (left.is(cel_kind::bytes)) {
    if (!run.spend_bytes(node, left.bytes().size() + right.bytes().size())) return false;
    auto bytes = left.bytes();
    bytes.insert(bytes.end(), right.bytes().begin(), right.bytes().end());
    result = cel_value::bytes(std::move(bytes));
    return true;
  }
  if (!run.spend(node, left.size() + right.size())) return false;
  cel_value::item_list items;
  items.reserve(left.size() + right.size());
  for (const auto* part : {&left, &right}) {
    for (std::size_t i = 0; i < part->size(); ++i) items.push_back(part->item(i, run.natives()));
  }
  result = cel_value::list(std::move(items));
  return true;
}

bool on_times(evaluation& run, const expression_node& node, const cel_value& left,
              const cel_value& right, cel_value& result) {
  const bool adds = node.operation == binary_operation::add;
  const auto found = adds ? sum_of_times(left, right) : difference_of_times(left, right);
  switch (found.fate) {
  case time_fate::fine: result = found.content; return true;
  case time_fate::out_of_range: return run.fail(node, "time out of range");
  case time_fate::no_overload: break;
  }
  return no_overload(run, node, left, right);
}

bool calculate(evaluation& run, const expression_node& node, const cel_value& left,
               const cel_value& right, cel_value& result) {
  const bool adds = node.operation == binary_operation::add;
  if (left.kind() == right.kind()) {
    switch (left.kind()) {
    case cel_kind::integer: return on_integers(run, node, left.integer(), right.integer(), result);
    case cel_kind::unsigned_integer:
      return on_unsigned(run, node, left.unsigned_integer(), right.unsigned_integer(), result);
    case cel_kind::floating: return on_doubles(run, node, left, right, result);
    case cel_kind::text:
    case cel_kind::bytes:
    case cel_kind::list:
      if (adds) return concatenate(run, node, left, right, result);
      break;
    default: break;
    }
  }
  if (adds || node.operation == binary_operation::subtract) {
    return on_times(run, node, left, right, result);
  }
  return no_overload(run, node, left, right);
}

} // namespace

bool apply(evaluation& run, const expression_node& node, const cel_value& left,
           const cel_value& right, cel_value& result) {
  switch (node.operation) {
  case binary_operation::equal:
  case binary_operation::not_equal: return equals(run, node, left, right, result);
  case binary_operation::less:
  case binary_operation::less_equal:
  case binary_operation::greater:
  case binary_operation::greater_equal: return compare(run, node, left, right, result);
  case binary_operation::in: return is_in(run, node, left, right, result);
  case binary_operation::add:
  case binary_operation::subtract:
  case binary_operation::multiply:
  case binary_operation::divide:
  case binary_operation::modulo: break;
  }
  return calculate(run, node, left, right, result);
}

} // namespace troupe::detail
