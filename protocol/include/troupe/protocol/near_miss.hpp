#pragma once

#include <string_view>
#include <vector>

namespace troupe {

/// Returns which of the known names was probably meant, or nothing when none is near: the first of
/// those that take the fewest edits. Case does not count, and what begins a name is one edit away.
/// Never returns `given` itself. REQUIRES: the names outlive the result.
[[nodiscard]] std::string_view nearest_name(std::string_view given,
                                            const std::vector<std::string_view>& known);

} // namespace troupe
