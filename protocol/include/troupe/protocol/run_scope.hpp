#pragma once

#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/usage.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace troupe {

/// A named moment of a run.
struct checkpoint {
  std::string name;
  duration at; ///< since the run started
};

/// What all requests of one run share: who the run is, and what it has counted. Thread-safe.
class run_scope {
public:
  run_scope(run_id id, std::string correlation_id, instant started, usage_limit limit);

  [[nodiscard]] const run_id& id() const noexcept { return id_; }
  [[nodiscard]] const std::string& correlation_id() const noexcept { return correlation_id_; }
  [[nodiscard]] instant started() const noexcept { return started_; }
  [[nodiscard]] const std::shared_ptr<usage_meter>& meter() const noexcept { return meter_; }

  /// Keeps the first 10,000 checkpoints of a run and counts the rest.
  void add_checkpoint(std::string name, instant now);
  [[nodiscard]] std::vector<checkpoint> checkpoints() const;
  [[nodiscard]] std::uint64_t dropped_checkpoints() const;

  std::atomic<std::uint32_t> retry_count{0};
  std::atomic<bool> cache_hit{false};
  std::atomic<bool> fallback_used{false};
  /// State of the last breaker used, after the call: 0 closed, 1 open, 2 half_open, 3 forced_open,
  /// 4 disabled.
  std::atomic<std::uint8_t> circuit_breaker_state{0};

private:
  run_id id_;
  std::string correlation_id_;
  instant started_;
  std::shared_ptr<usage_meter> meter_;
  mutable std::mutex mutex_;
  std::vector<checkpoint> checkpoints_;
  std::uint64_t dropped_ = 0;
};

} // namespace troupe
