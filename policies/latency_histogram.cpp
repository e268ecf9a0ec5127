#include <troupe/policies/latency_histogram.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace troupe {

namespace {

// Octave n covers [2^n, 2^(n+1)) us in equal steps, so a step is at most 1/32 of its values.
constexpr std::uint64_t unit = 1'000;

void add(std::atomic<std::uint32_t>& bucket, std::uint32_t more) noexcept {
  auto seen = bucket.load(std::memory_order_relaxed);
  auto sum = seen;
  do {
    sum = more > std::numeric_limits<std::uint32_t>::max() - seen
              ? std::numeric_limits<std::uint32_t>::max()
              : seen + more;
  } while (!bucket.compare_exchange_weak(seen, sum, std::memory_order_relaxed));
}

} // namespace

void latency_histogram::record(duration took) noexcept {
  const auto length = static_cast<std::uint64_t>(std::max(took, duration(unit)).count());
  const auto octave = static_cast<std::size_t>(std::bit_width(length / unit) - 1);
  if (octave >= octaves) return add(buckets_.back(), 1);
  const auto start = unit << octave;
  const auto step = static_cast<std::size_t>((length - start) * sub_buckets / start);
  add(buckets_[octave * sub_buckets + step], 1);
}

duration latency_histogram::quantile(double share) const noexcept {
  std::array<std::uint32_t, sub_buckets * octaves> counts{};
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    total += counts[i] = buckets_[i].load(std::memory_order_relaxed);
  if (total == 0) return duration::zero();

  const auto wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(total));
  auto left = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, total);
  std::size_t index = 0;
  while (left > counts[index]) left -= counts[index++];
  const auto start = unit << (index / sub_buckets);
  const auto middle = start + start * (2 * (index % sub_buckets) + 1) / (2 * sub_buckets);
  return duration(static_cast<std::int64_t>(middle));
}

std::uint64_t latency_histogram::count() const noexcept {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  return total;
}

void latency_histogram::merge(const latency_histogram& other) noexcept {
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    const auto more = other.buckets_[i].load(std::memory_order_relaxed);
    if (more > 0) add(buckets_[i], more);
  }
}

} // namespace troupe
