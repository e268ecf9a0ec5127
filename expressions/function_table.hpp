#pragma once

#include "cel_value.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

class evaluation;
struct expression_node;

/// One call: where it is and what with. The receiver, if any, is the first argument.
struct cel_call {
  evaluation& run;
  const expression_node& node;
  std::span<const cel_value> arguments;

  [[nodiscard]] const cel_value& operator[](std::size_t index) const { return arguments[index]; }
  [[nodiscard]] std::size_t size() const { return arguments.size(); }
  [[nodiscard]] cel_kind kind(std::size_t index) const { return arguments[index].kind(); }
};

/// Sets the result and returns true, or notes a failure in the evaluation and returns false.
using function_body = bool (*)(const cel_call& call, cel_value& result);

struct cel_function {
  std::string_view name;
  bool has_receiver;
  std::uint8_t fewest; ///< arguments, without the receiver
  std::uint8_t most;
  function_body body;
};

/// No function takes more, receiver and all.
inline constexpr std::size_t most_arguments = 4;

/// The function of that name that is called with or without a receiver, or null.
[[nodiscard]] const cel_function* find_function(std::string_view name, bool has_receiver);
/// The names of all functions and macros that are called that way.
[[nodiscard]] std::vector<std::string_view> function_names(bool has_receiver);

/// Returns ` (did you mean NAME?)` for the nearest of the known names, or nothing when none is
/// near.
[[nodiscard]] std::string did_you_mean(std::string_view given,
                                       const std::vector<std::string_view>& known);

// The bodies, by the file they are in.
bool to_integer(const cel_call& call, cel_value& result);
bool to_unsigned(const cel_call& call, cel_value& result);
bool to_double(const cel_call& call, cel_value& result);
bool to_text(const cel_call& call, cel_value& result);
bool to_bytes(const cel_call& call, cel_value& result);
bool to_boolean(const cel_call& call, cel_value& result);
bool to_timestamp(const cel_call& call, cel_value& result);
bool to_duration(const cel_call& call, cel_value& result);
bool to_dynamic(const cel_call& call, cel_value& result);
bool to_type(const cel_call& call, cel_value& result);
bool size_of(const cel_call& call, cel_value& result);

bool contains(const cel_call& call, cel_value& result);
bool starts_with(const cel_call& call, cel_value& result);
bool ends_with(const cel_call& call, cel_value& result);
bool matches(const cel_call& call, cel_value& result);
bool char_at(const cel_call& call, cel_value& result);
bool index_of(const cel_call& call, cel_value& result);
bool last_index_of(const cel_call& call, cel_value& result);
bool substring(const cel_call& call, cel_value& result);

bool lower_ascii(const cel_call& call, cel_value& result);
bool upper_ascii(const cel_call& call, cel_value& result);
bool trim(const cel_call& call, cel_value& result);
bool reverse(const cel_call& call, cel_value& result);
bool replace(const cel_call& call, cel_value& result);
bool split(const cel_call& call, cel_value& result);
bool join(const cel_call& call, cel_value& result);
bool quote(const cel_call& call, cel_value& result);
bool format(const cel_call& call, cel_value& result);

bool get_full_year(const cel_call& call, cel_value& result);
bool get_month(const cel_call& call, cel_value& result);
bool get_day_of_month(const cel_call& call, cel_value& result);
bool get_date(const cel_call& call, cel_value& result);
bool get_day_of_week(const cel_call& call, cel_value& result);
bool get_day_of_year(const cel_call& call, cel_value& result);
bool get_hours(const cel_call& call, cel_value& result);
bool get_minutes(const cel_call& call, cel_value& result);
bool get_seconds(const cel_call& call, cel_value& result);
bool get_milliseconds(const cel_call& call, cel_value& result);

} // namespace troupe::detail
