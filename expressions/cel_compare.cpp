#include "cel_compare.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::detail {

namespace {

constexpr double two_to_63 = 9223372036854775808.0;
constexpr double two_to_64 = 18446744073709551616.0;

std::partial_ordering order_of_double(double left, const cel_value& right) {
  if (right.is(cel_kind::floating)) return left <=> right.floating();
  if (right.is(cel_kind::integer)) {
    if (left < -two_to_63) return std::partial_ordering::less;
    if (left > two_to_63) return std::partial_ordering::greater;
    return left <=> static_cast<double>(right.integer());
  }
  if (left < 0) return std::partial_ordering::less;
  if (left > two_to_64) return std::partial_ordering::greater;
  return left <=> static_cast<double>(right.unsigned_integer());
}

std::partial_ordering order_of_integer(std::int64_t left, std::uint64_t right) {
  if (left < 0) return std::partial_ordering::less;
  return static_cast<std::uint64_t>(left) <=> right;
}

std::partial_ordering reversed(std::partial_ordering order) {
  if (std::is_lt(order)) return std::partial_ordering::greater;
  return std::is_gt(order) ? std::partial_ordering::less : order;
}

// Compares level by level, from a list of pairs still to compare.
class equality {
public:
  equality(cost_meter& cost, native_forms& natives) : cost_(cost), natives_(natives) {}

  bool run(const cel_value& left, const cel_value& right) {
    pending_.emplace_back(left, right);
    while (!pending_.empty()) {
      const auto [one, other] = std::move(pending_.back());
      pending_.pop_back();
      if (!cost_.spend(1) || !compare(one, other)) return false;
    }
    return true;
  }

  // Notes what is inside lists and maps for later.
  bool compare(const cel_value& left, const cel_value& right) {
    if (left.is_number() && right.is_number()) return std::is_eq(number_order(left, right));
    if (left.kind() != right.kind()) return false;
    switch (left.kind()) {
    case cel_kind::null: return true;
    case cel_kind::boolean: return left.truth() == right.truth();
    case cel_kind::text: return same_bytes(left.text(), right.text());
    case cel_kind::bytes: return same_bytes(left.bytes(), right.bytes());
    case cel_kind::list: return add_items(left, right);
    case cel_kind::map: return add_entries(plain(left), plain(right));
    case cel_kind::timestamp: return left.timestamp() == right.timestamp();
    case cel_kind::duration: return left.duration() == right.duration();
    case cel_kind::type: return left.type() == right.type();
    case cel_kind::integer:
    case cel_kind::unsigned_integer:
    case cel_kind::floating: break;
    }
    return false;
  }

private:
  template <class Bytes>
  bool same_bytes(const Bytes& left, const Bytes& right) {
    return left.size() == right.size() && cost_.spend_bytes(left.size()) && left == right;
  }

  cel_value plain(const cel_value& map) {
    if (!map.is_context()) return map;
    const auto copy = std::make_shared<const value>(map.context_copy());
    return cel_value::reading(*copy, copy, natives_);
  }

  bool add_items(const cel_value& left, const cel_value& right) {
    const auto size = left.size();
    if (size != right.size() || !cost_.spend(size)) return false;
    for (std::size_t i = size; i-- > 0;) {
      pending_.emplace_back(left.item(i, natives_), right.item(i, natives_));
    }
    return true;
  }

  bool add_entries(const cel_value& left, const cel_value& right) {
    const auto size = left.size();
    if (size != right.size() || !cost_.spend(size)) return false;
    for (std::size_t i = size; i-- > 0;) {
      auto [key, item] = left.entry(i, natives_);
      cel_value other;
      if (!right.find(key, natives_, other)) return false;
      pending_.emplace_back(std::move(item), std::move(other));
    }
    return true;
  }

  cost_meter& cost_;
  native_forms& natives_;
  std::vector<std::pair<cel_value, cel_value>> pending_;
};

bool is_container(const cel_value& content) {
  return content.is(cel_kind::list) || content.is(cel_kind::map);
}

} // namespace

std::partial_ordering number_order(const cel_value& left, const cel_value& right) {
  if (left.is(cel_kind::floating)) return order_of_double(left.floating(), right);
  if (right.is(cel_kind::floating)) return reversed(order_of_double(right.floating(), left));
  if (left.is(cel_kind::integer)) {
    if (right.is(cel_kind::integer)) return left.integer() <=> right.integer();
    return order_of_integer(left.integer(), right.unsigned_integer());
  }
  if (right.is(cel_kind::unsigned_integer)) {
    return left.unsigned_integer() <=> right.unsigned_integer();
  }
  return reversed(order_of_integer(right.integer(), left.unsigned_integer()));
}

std::optional<std::partial_ordering> order_of(const cel_value& left, const cel_value& right) {
  if (left.is_number() && right.is_number()) return number_order(left, right);
  if (left.kind() != right.kind()) return {};
  switch (left.kind()) {
  case cel_kind::boolean: return left.truth() <=> right.truth();
  case cel_kind::text: return left.text() <=> right.text();
  case cel_kind::bytes: return left.bytes() <=> right.bytes();
  case cel_kind::timestamp: return left.timestamp() <=> right.timestamp();
  case cel_kind::duration: return left.duration() <=> right.duration();
  case cel_kind::null:
  case cel_kind::integer:
  case cel_kind::unsigned_integer:
  case cel_kind::floating:
  case cel_kind::list:
  case cel_kind::map:
  case cel_kind::type: break;
  }
  return {};
}

bool are_equal(const cel_value& left, const cel_value& right, cost_meter& cost,
               native_forms& natives) {
  equality comparison(cost, natives);
  return is_container(left) ? comparison.run(left, right) : comparison.compare(left, right);
}

} // namespace troupe::detail
