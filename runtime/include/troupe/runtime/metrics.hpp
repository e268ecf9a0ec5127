#pragma once

#include <troupe/protocol/time.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// What one stage of a deployment has done, all replicas together.
struct layer_metrics {
  std::string name; ///< of the step or block
  std::string kind; ///< `step`, `retry`, `cache` …
  std::string path; ///< place in the plan, from the outside in
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  std::uint64_t cancelled = 0;
  double error_rate = 0; ///< failures as a share of requests
};

/// What a deployment has done since it was deployed. Rates are shares of the finished runs that
/// were not cancelled, 0 when there is none. Latencies are within 4 % of the exact quantile.
struct deployment_metrics {
  std::uint64_t total_requests = 0; ///< runs that have ended
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t retries = 0;
  double cache_hit_rate = 0;
  double fallback_rate = 0;
  double error_rate = 0;
  duration p50{};
  duration p95{};
  duration p99{};
  double total_cost_usd = 0;
  std::int64_t total_tokens = 0;
  std::vector<layer_metrics> layers{};
};

/// What a whole runtime has counted.
struct runtime_metrics {
  std::uint64_t open_runs = 0;
  std::uint64_t late_answers = 0; ///< results that came after their request was answered; dropped
  std::uint64_t abandoned_steps = 0;   ///< ignored their stop token for the grace period
  std::uint64_t abandoned_running = 0; ///< of those, that have not ended yet
  std::uint64_t restarted_stages = 0;
  std::uint64_t blocking_threads_busy = 0;
  std::uint64_t blocking_steps_queued = 0;
};

} // namespace troupe
