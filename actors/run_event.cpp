#include <troupe/actors/run_event.hpp>

namespace troupe {

std::string_view to_string(event_kind kind) {
  switch (kind) {
  case event_kind::run_started: return "run_started";
  case event_kind::run_finished: return "run_finished";
  case event_kind::run_paused: return "run_paused";
  case event_kind::step_started: return "step_started";
  case event_kind::step_finished: return "step_finished";
  case event_kind::retry_scheduled: return "retry_scheduled";
  case event_kind::fallback_started: return "fallback_started";
  case event_kind::fallback_succeeded: return "fallback_succeeded";
  case event_kind::fallback_failed: return "fallback_failed";
  case event_kind::cache_hit: return "cache_hit";
  case event_kind::cache_miss: return "cache_miss";
  case event_kind::breaker_changed: return "breaker_changed";
  case event_kind::hedge_started: return "hedge_started";
  case event_kind::call_rejected: return "call_rejected";
  case event_kind::call_waiting: return "call_waiting";
  case event_kind::step_abandoned: return "step_abandoned";
  case event_kind::stage_restarted: return "stage_restarted";
  case event_kind::warning: return "warning";
  }
  return "unknown";
}

} // namespace troupe
