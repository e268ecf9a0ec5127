#include "description.hpp"

#include <troupe/policies/hedge.hpp>

#include <algorithm>
#include <cmath>

namespace troupe {

namespace {

constexpr std::size_t ring_size = 256;
constexpr std::size_t enough = 20;

} // namespace

value troupe_describe(const hedge& options) {
  return description::map({
      {"delay", description::of(options.delay)},
      {"quantile", description::of(options.quantile)},
      {"max_hedges", options.max_hedges},
  });
}

void troupe_check(const hedge& options, option_check& report) {
  report.require(options.delay || options.quantile, "delay",
                 "is missing, and so is quantile; exactly one of both is needed");
  report.require(!options.delay || !options.quantile, "delay",
                 "is given, and so is quantile; exactly one of both is needed");
  if (options.delay) report.positive("delay", *options.delay);
  if (options.quantile) report.between("quantile", *options.quantile, 0.5, 0.999);
  report.at_least("max_hedges", options.max_hedges, 1);
  report.at_most("max_hedges", options.max_hedges, 10);
}

void recent_latencies::record(duration took) {
  if (ring_.size() < ring_size) ring_.push_back(took);
  else ring_[next_] = took;
  next_ = (next_ + 1) % ring_size;
}

std::optional<duration> recent_latencies::quantile(double share) const {
  if (ring_.size() < enough) return std::nullopt;
  const auto count = static_cast<double>(ring_.size());
  const auto rank = std::ceil(std::clamp(share, 0.0, 1.0) * count);
  const auto index = static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  auto sorted = ring_;
  std::nth_element(sorted.begin(), sorted.begin() + index, sorted.end());
  return sorted[static_cast<std::size_t>(index)];
}

std::optional<duration> hedge_delay(const hedge& options, const recent_latencies& seen) {
  if (options.delay) return options.delay;
  return options.quantile ? seen.quantile(*options.quantile) : std::nullopt;
}

} // namespace troupe
