#include "description.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace troupe::description {

value of(duration length) {
  return to_string(length);
}

value of(std::optional<duration> length) {
  if (!length) return {};
  return to_string(*length);
}

value of(std::optional<double> number) {
  if (!number) return {};
  return *number;
}

value of_name(const std::string& name) {
  if (name.empty()) return {};
  return name;
}

value map(value::map_type members) {
  std::erase_if(members, [](const value::member& member) { return member.second.is_null(); });
  return value::map(std::move(members));
}

std::string text(double number) {
  std::array<char, 64> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return {digits.data(), end};
}

} // namespace troupe::description
