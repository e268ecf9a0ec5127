#pragma once

#include "cel_value.hpp"
#include "cost_meter.hpp"

#include <compare>
#include <optional>

namespace troupe::detail {

/// Compares two numbers, whatever their kinds. As the language wants it, an integer is rounded to
/// floating point where it meets one. REQUIRES: both are numbers.
[[nodiscard]] std::partial_ordering number_order(const cel_value& left, const cel_value& right);

/// What `<` and its kin go by; nothing for two kinds without an order between them.
[[nodiscard]] std::optional<std::partial_ordering> order_of(const cel_value& left,
                                                            const cel_value& right);

/// True when both are equal: numbers by value, lists and maps by what is in them, different types
/// never. Any nesting. The answer means nothing once the cost is exhausted.
[[nodiscard]] bool are_equal(const cel_value& left, const cel_value& right, cost_meter& cost,
                             native_forms& natives);

} // namespace troupe::detail
