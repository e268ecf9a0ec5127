#pragma once

#include <troupe/protocol/value.hpp>
#include <troupe/runtime/run_result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::detail {

/// What many runs come to. Rates are shares of the runs that completed or failed, quantiles are
/// exact over the same runs, and everything is 0 when there are none.
class batch_totals {
public:
  void add(const run_result& result);

  [[nodiscard]] std::size_t runs() const noexcept { return runs_; }
  [[nodiscard]] std::size_t failed() const noexcept { return failed_; }
  [[nodiscard]] std::size_t cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] std::size_t paused() const noexcept { return paused_; }
  [[nodiscard]] std::size_t cache_hits() const noexcept { return cache_hits_; }

  [[nodiscard]] value to_value() const;
  /// A small table for people.
  [[nodiscard]] std::string to_text() const;

private:
  /// The smallest latency that so large a share of all are not above.
  [[nodiscard]] duration quantile(double share) const;
  [[nodiscard]] double share(std::size_t part) const;

  std::size_t runs_ = 0;
  std::size_t succeeded_ = 0;
  std::size_t failed_ = 0;
  std::size_t cancelled_ = 0;
  std::size_t paused_ = 0;
  std::size_t cache_hits_ = 0;
  std::size_t fallbacks_ = 0;
  std::uint64_t retries_ = 0;
  double cost_usd_ = 0;
  std::int64_t tokens_ = 0;
  mutable std::vector<duration> latencies_; // sorted when somebody asks
};

} // namespace troupe::detail
