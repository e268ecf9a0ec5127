#pragma once

#include <troupe/protocol/behavior.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace troupe::description {

[[nodiscard]] value of(duration length);
[[nodiscard]] value of(std::optional<duration> length);
[[nodiscard]] value of(std::optional<double> number);
/// The name, or null when it is empty.
[[nodiscard]] value of_name(const std::string& name);

template <class Signature>
[[nodiscard]] value of(const behavior<Signature>& code) {
  return of_name(code.identity());
}

/// A map of these members without the null ones.
[[nodiscard]] value map(value::map_type members);

/// The shortest text that reads back as the same number.
[[nodiscard]] std::string text(double number);

/// Sizes as the signed numbers that checks compare.
[[nodiscard]] inline std::int64_t as_signed(std::size_t size) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  return size > static_cast<std::uint64_t>(most) ? most : static_cast<std::int64_t>(size);
}

} // namespace troupe::description
