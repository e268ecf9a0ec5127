#pragma once

#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/run_journal.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/usage.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
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
  /// Its correlation id is the text of its id.
  run_scope(run_id id, instant started, usage_limit limit);
  run_scope(const run_scope&) = delete;
  run_scope& operator=(const run_scope&) = delete;

  [[nodiscard]] const run_id& id() const noexcept { return id_.id(); }
  [[nodiscard]] const std::string& correlation_id() const noexcept {
    return named_by_id_ ? id_.text() : correlation_id_;
  }
  /// The same as text of one's own.
  [[nodiscard]] std::string copy_correlation_id() const {
    return named_by_id_ ? id().to_string() : correlation_id_;
  }
  [[nodiscard]] instant started() const noexcept { return started_; }
  /// Lives as long as the scope does, and keeps it from nothing: requests hold both.
  [[nodiscard]] const std::shared_ptr<usage_meter>& meter() const noexcept { return shared_meter_; }

  /// Keeps the first 10,000 checkpoints of a run and counts the rest.
  void add_checkpoint(std::string name, instant now);
  /// Puts in front what the run has passed before it was paused.
  void restore(std::vector<checkpoint> earlier);
  [[nodiscard]] std::vector<checkpoint> checkpoints() const;
  [[nodiscard]] std::uint64_t dropped_checkpoints() const;

  /// What the run has finished; null when nobody wants to know. Set before the run starts.
  std::shared_ptr<run_journal> journal{};
  /// Why what is not in its journal is not done any more: it was cancelled while it was paused.
  /// Null otherwise. Set before the run starts.
  std::shared_ptr<const failure> given_up{};
  /// Counts the calls at one place: 1 for the first.
  [[nodiscard]] std::uint32_t next_call_at(const std::string& path);

  /// Somebody has to answer before the run can go on. `why` is what the stage that asks fails with.
  void add_pause(std::shared_ptr<const failure> why, pause_request asked);
  /// What was asked by the stage that failed with this very object; nothing for any other.
  [[nodiscard]] std::optional<pause_request> pause(const failure* why) const;

  std::atomic<std::uint32_t> retry_count{0};
  std::atomic<bool> cache_hit{false};
  std::atomic<bool> fallback_used{false};
  /// State of the last breaker used, after the call: 0 closed, 1 open, 2 half_open, 3 forced_open,
  /// 4 disabled.
  std::atomic<std::uint8_t> circuit_breaker_state{0};

private:
  spelled_id id_;
  bool named_by_id_ = false;
  std::string correlation_id_;
  instant started_;
  usage_meter meter_;
  std::shared_ptr<usage_meter> shared_meter_{std::shared_ptr<void>(), &meter_}; // owns nothing
  mutable std::mutex mutex_;
  std::vector<checkpoint> checkpoints_;
  std::uint64_t dropped_ = 0;
  std::map<std::string, std::uint32_t> calls_;
  std::map<std::shared_ptr<const failure>, pause_request> pauses_;
};

} // namespace troupe
