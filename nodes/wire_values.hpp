#pragma once

#include <troupe/protocol/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::nodes {

// What a message from another node holds is read leniently: what is of another kind counts as
// absent.

[[nodiscard]] inline std::string text_of(const value& from) {
  const auto* text = from.if_text();
  return text ? *text : std::string();
}

[[nodiscard]] inline std::string text_at(const value& from, std::string_view key) {
  return text_of(from.at(key));
}

[[nodiscard]] inline std::int64_t integer_of(const value& from, std::int64_t otherwise = 0) {
  const auto* number = from.if_integer();
  return number ? *number : otherwise;
}

[[nodiscard]] inline bool flag_of(const value& from) {
  const auto* flag = from.if_bool();
  return flag && *flag;
}

} // namespace troupe::nodes
