#include "near_miss.hpp"

#include <troupe/protocol/near_miss.hpp>

namespace troupe::detail {

std::string did_you_mean(std::string_view given, const std::vector<std::string>& known) {
  const std::vector<std::string_view> names(known.begin(), known.end());
  const auto nearest = nearest_name(given, names);
  return nearest.empty() ? std::string() : "; did you mean " + std::string(nearest) + "?";
}

} // namespace troupe::detail
