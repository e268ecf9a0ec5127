#pragma once

#include <troupe/protocol/time.hpp>

#include <array>
#include <atomic>
#include <cstdint>

namespace troupe {

/// Counts durations in log-linear buckets: 1 us to 2 days, each quantile within 4 % of the exact
/// one. Fixed size. Recording and reading are thread-safe and take no lock.
class latency_histogram {
public:
  void record(duration took) noexcept;
  /// The given quantile (0 to 1); zero when nothing was recorded.
  [[nodiscard]] duration quantile(double share) const noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept;
  void merge(const latency_histogram& other) noexcept;

private:
  static constexpr std::size_t sub_buckets = 32;
  static constexpr std::size_t octaves = 38;
  std::array<std::atomic<std::uint32_t>, sub_buckets * octaves> buckets_{};
};

} // namespace troupe
