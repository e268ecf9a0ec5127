#include "function_table.hpp"

#include <troupe/protocol/near_miss.hpp>

#include <algorithm>
#include <array>

namespace troupe::detail {

namespace {

constexpr std::array functions = {
    cel_function{"bool", false, 1, 1, to_boolean},
    cel_function{"bytes", false, 1, 1, to_bytes},
    cel_function{"double", false, 1, 1, to_double},
    cel_function{"duration", false, 1, 1, to_duration},
    cel_function{"dyn", false, 1, 1, to_dynamic},
    cel_function{"int", false, 1, 1, to_integer},
    cel_function{"matches", false, 2, 2, matches},
    cel_function{"size", false, 1, 1, size_of},
    cel_function{"string", false, 1, 1, to_text},
    cel_function{"strings.quote", false, 1, 1, quote},
    cel_function{"timestamp", false, 1, 1, to_timestamp},
    cel_function{"type", false, 1, 1, to_type},
    cel_function{"uint", false, 1, 1, to_unsigned},
    cel_function{"charAt", true, 1, 1, char_at},
    cel_function{"contains", true, 1, 1, contains},
    cel_function{"endsWith", true, 1, 1, ends_with},
    cel_function{"format", true, 1, 1, format},
    cel_function{"getDate", true, 0, 1, get_date},
    cel_function{"getDayOfMonth", true, 0, 1, get_day_of_month},
    cel_function{"getDayOfWeek", true, 0, 1, get_day_of_week},
    cel_function{"getDayOfYear", true, 0, 1, get_day_of_year},
    cel_function{"getFullYear", true, 0, 1, get_full_year},
    cel_function{"getHours", true, 0, 1, get_hours},
    cel_function{"getMilliseconds", true, 0, 1, get_milliseconds},
    cel_function{"getMinutes", true, 0, 1, get_minutes},
    cel_function{"getMonth", true, 0, 1, get_month},
    cel_function{"getSeconds", true, 0, 1, get_seconds},
    cel_function{"indexOf", true, 1, 2, index_of},
    cel_function{"join", true, 0, 1, join},
    cel_function{"lastIndexOf", true, 1, 2, last_index_of},
    cel_function{"lowerAscii", true, 0, 0, lower_ascii},
    cel_function{"matches", true, 1, 1, matches},
    cel_function{"replace", true, 2, 3, replace},
    cel_function{"reverse", true, 0, 0, reverse},
    cel_function{"size", true, 0, 0, size_of},
    cel_function{"split", true, 1, 2, split},
    cel_function{"startsWith", true, 1, 1, starts_with},
    cel_function{"substring", true, 1, 2, substring},
    cel_function{"trim", true, 0, 0, trim},
    cel_function{"upperAscii", true, 0, 0, upper_ascii},
};

constexpr std::array<std::string_view, 5> receiver_macros = {"all", "exists", "exists_one",
                                                             "filter", "map"};

} // namespace

const cel_function* find_function(std::string_view name, bool has_receiver) {
  const auto found = std::find_if(functions.begin(), functions.end(), [&](const auto& function) {
    return function.name == name && function.has_receiver == has_receiver;
  });
  return found == functions.end() ? nullptr : &*found;
}

std::vector<std::string_view> function_names(bool has_receiver) {
  std::vector<std::string_view> names;
  for (const auto& function : functions) {
    if (function.has_receiver == has_receiver) names.push_back(function.name);
  }
  if (has_receiver) names.insert(names.end(), receiver_macros.begin(), receiver_macros.end());
  else names.push_back("has");
  return names;
}

std::string did_you_mean(std::string_view given, const std::vector<std::string_view>& known) {
  const auto nearest = nearest_name(given, known);
  return nearest.empty() ? std::string() : " (did you mean " + std::string(nearest) + "?)";
}

} // namespace troupe::detail
