#pragma once

#include <cstdint>

namespace troupe::detail {

/// Returns 64 random bits from the operating system. Thread-safe.
[[nodiscard]] std::uint64_t random_u64();

} // namespace troupe::detail
