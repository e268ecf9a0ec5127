#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// A SHA-256 sum (FIPS 180-4): for names that must not collide and for keys that must not tell
/// their content.
using digest = std::array<std::uint8_t, 32>;

/// Returns the sum of all parts, one after the other.
[[nodiscard]] digest sha256(std::span<const std::uint8_t> bytes);

/// Returns 64 hexadecimal digits.
[[nodiscard]] std::string to_hex(const digest& sum);
/// Reads 64 hexadecimal digits; nothing for any other text.
[[nodiscard]] std::optional<digest> digest_from_hex(std::string_view text);

} // namespace troupe
