#include <troupe/runtime/run_result.hpp>

namespace troupe {

namespace {

double milliseconds(duration length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

} // namespace

std::string_view to_string(run_status status) {
  switch (status) {
  case run_status::running: return "running";
  case run_status::paused: return "paused";
  case run_status::completed: return "completed";
  case run_status::failed: return "failed";
  case run_status::cancelled: return "cancelled";
  }
  return "unknown";
}

const std::string& run_result::feedback() const noexcept {
  static const std::string none;
  return why ? why->message : none;
}

value to_value(const run_result& result) {
  value::list_type history;
  for (const auto& entry : result.step_history) history.push_back(to_value(entry));
  value::list_type checkpoints;
  for (const auto& [name, at] : result.checkpoints) {
    checkpoints.push_back(value::map({{"name", name}, {"at_ms", milliseconds(at)}}));
  }
  const auto& metrics = result.metrics;
  const auto failed = result.why && result.status != run_status::paused;
  const auto all =
      value::map({{"run_id", result.run_id.to_string()},
                  {"correlation_id", result.correlation_id},
                  {"name", result.name},
                  {"status", to_string(result.status)},
                  {"success", result.success()},
                  {"output", result.output.plain()},
                  {"failure", failed ? to_value(*result.why) : value()},
                  {"total_cost_usd", result.total_cost_usd},
                  {"total_tokens", result.total_tokens},
                  {"latency_ms", milliseconds(result.latency)},
                  {"final_context", result.final_context.to_value().plain()},
                  {"step_history", std::move(history)},
                  {"metrics", value::map({{"latency_ms", milliseconds(metrics.latency)},
                                          {"cache_hit", metrics.cache_hit},
                                          {"fallback_used", metrics.fallback_used},
                                          {"circuit_breaker_state", metrics.circuit_breaker_state},
                                          {"retry_count", metrics.retry_count}})},
                  {"checkpoints", std::move(checkpoints)}});
  return result.snapshot ? all.with("pause", to_value(result.snapshot->pause)) : all;
}

} // namespace troupe
