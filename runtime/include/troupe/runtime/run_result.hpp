#pragma once

#include <troupe/protocol/context.hpp>
#include <troupe/protocol/failure.hpp>
#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/run_scope.hpp>
#include <troupe/protocol/step_result.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/runtime/run_snapshot.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

enum class run_status : std::uint8_t { running, paused, completed, failed, cancelled };

[[nodiscard]] std::string_view to_string(run_status status);

/// What one run counted; the same names as in its JSON.
struct run_metrics {
  duration latency{};
  bool cache_hit = false;
  bool fallback_used = false;
  std::string circuit_breaker_state = "closed"; ///< of the last breaker used, after the call
  std::uint32_t retry_count = 0;
};

/// Everything about a run that has ended.
struct run_result {
  ::troupe::run_id run_id{};
  std::string correlation_id{};
  std::string name{};
  run_status status = run_status::running;
  value output{};                       ///< null unless the run completed
  std::shared_ptr<const failure> why{}; ///< null when it completed; the prompt when it is paused
  std::vector<step_result> step_history{};
  double total_cost_usd = 0;
  std::int64_t total_tokens = 0;
  duration latency{};
  context final_context{};
  run_metrics metrics{};
  std::vector<checkpoint> checkpoints{};
  /// Of a paused run: what it waits for, and all that is needed to go on.
  std::shared_ptr<const run_snapshot> snapshot{};

  [[nodiscard]] bool success() const noexcept { return status == run_status::completed; }
  /// The failure's message; empty on success.
  [[nodiscard]] const std::string& feedback() const noexcept;
};

/// Returns the result as a plain map; its JSON form.
[[nodiscard]] value to_value(const run_result& result);

} // namespace troupe
