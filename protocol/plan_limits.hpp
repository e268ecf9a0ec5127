#pragma once

#include <troupe/protocol/plan.hpp>

#include <cstddef>
#include <string>

namespace troupe::detail {

inline constexpr std::size_t max_plan_levels = 200;
inline constexpr std::size_t max_plan_stages = 100'000;

[[nodiscard]] plan_error too_deep(const std::string& where);
[[nodiscard]] plan_error too_large(const std::string& where);

} // namespace troupe::detail
