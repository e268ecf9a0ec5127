#pragma once

#include <troupe/protocol/value.hpp>

#include <optional>
#include <string_view>

namespace troupe::detail {

/// What a plain scalar means by the YAML 1.2 core schema; nothing for a number that is too large to
/// be one.
[[nodiscard]] std::optional<value> core_scalar(std::string_view written);

/// What a scalar means under one of the core tags, given without its prefix: `str`, `int`, `float`,
/// `bool`, `null`. Nothing when it cannot be read that way.
[[nodiscard]] std::optional<value> tagged_scalar(std::string_view tag, std::string_view written);

} // namespace troupe::detail
