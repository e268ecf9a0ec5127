#pragma once

#include <cstddef>
#include <string_view>

namespace troupe::detail {

// Both take time in proportion to the two texts, whatever is in them.

/// The first place of `wanted` at or after `from`, or `npos`.
[[nodiscard]] std::size_t find_first(std::string_view text, std::string_view wanted,
                                     std::size_t from = 0);
/// The last place of `wanted`, or `npos`.
[[nodiscard]] std::size_t find_last(std::string_view text, std::string_view wanted);

} // namespace troupe::detail
