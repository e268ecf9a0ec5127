#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

/// Returns `; did you mean NAME?` for the nearest of the known words, or nothing when none is near.
[[nodiscard]] std::string did_you_mean(std::string_view given,
                                       const std::vector<std::string>& known);

} // namespace troupe::detail
