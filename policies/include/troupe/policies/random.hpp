#pragma once

#include <cstdint>

namespace troupe {

/// A small seeded generator (SplitMix64, Steele, Lea and Flood 2014): the same seed gives the same
/// numbers everywhere. Not for secrets.
class random_source {
public:
  explicit random_source(std::uint64_t seed) noexcept : seed_(seed), state_(seed) {}
  [[nodiscard]] std::uint64_t next() noexcept;
  /// A number in [0, 1).
  [[nodiscard]] double unit() noexcept;
  /// A generator of its own, decided by this one's seed and `number`, however much was drawn.
  [[nodiscard]] random_source fork(std::uint64_t number) const noexcept;

private:
  std::uint64_t seed_;
  std::uint64_t state_;
};

} // namespace troupe
