#include "cluster_result.hpp"

#include <charconv>
#include <memory>
#include <string>
#include <utility>

namespace troupe::detail {

namespace {

duration length(const value& milliseconds) {
  return std::chrono::duration_cast<duration>(
      std::chrono::duration<double, std::milli>(milliseconds.to_double()));
}

std::string text(const value& content) {
  const auto* found = content.if_text();
  return found ? *found : std::string();
}

bool truth(const value& content) {
  const auto* found = content.if_bool();
  return found && *found;
}

std::shared_ptr<const failure> failure_in(const value& content) {
  if (content.is_null()) return nullptr;
  auto read = failure_from(content);
  return read ? *read : std::make_shared<const failure>(read.why());
}

run_status status_from(const std::string& name) {
  for (const auto each :
       {run_status::paused, run_status::completed, run_status::failed, run_status::cancelled}) {
    if (to_string(each) == name) return each;
  }
  return run_status::running;
}

std::optional<event_kind> kind_from(const std::string& name) {
  for (auto each = 0; each <= static_cast<int>(event_kind::warning); ++each) {
    const auto kind = static_cast<event_kind>(each);
    if (to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

// `/3/0`, the outermost first.
std::shared_ptr<const turn> turns_from(std::string_view rest) {
  std::shared_ptr<const turn> inner;
  while (rest.starts_with('/')) {
    rest.remove_prefix(1);
    std::uint64_t index = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
    if (error != std::errc()) break;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    inner = std::make_shared<const turn>(turn{index, std::move(inner)});
  }
  return inner;
}

} // namespace

run_result run_result_from(const value& content) {
  run_result result;
  result.run_id = run_id::parse(text(content.at("run_id"))).value_or(run_id());
  result.correlation_id = text(content.at("correlation_id"));
  result.name = text(content.at("name"));
  result.status = status_from(text(content.at("status")));
  result.output = content.at("output");
  result.why = failure_in(content.at("failure"));
  if (const auto history = content.at("step_history"); const auto* list = history.if_list()) {
    for (const auto& each : *list) {
      if (auto step = step_result_from(each)) result.step_history.push_back(*std::move(step));
    }
  }
  result.total_cost_usd = content.at("total_cost_usd").to_double();
  if (const auto tokens = content.at("total_tokens"); tokens.if_integer()) {
    result.total_tokens = *tokens.if_integer();
  }
  result.latency = length(content.at("latency_ms"));
  const auto metrics = content.at("metrics");
  result.metrics.latency = result.latency;
  result.metrics.cache_hit = truth(metrics.at("cache_hit"));
  result.metrics.fallback_used = truth(metrics.at("fallback_used"));
  if (const auto state = text(metrics.at("circuit_breaker_state")); !state.empty()) {
    result.metrics.circuit_breaker_state = state;
  }
  result.metrics.retry_count = static_cast<std::uint32_t>(metrics.at("retry_count").to_double());
  return result;
}

void replay_event(const value& content, instant begun,
                  const std::function<void(const run_event&)>& show) {
  const auto kind = kind_from(text(content.at("kind")));
  if (!kind) return;
  const auto step = text(content.at("step"));
  const auto detail = text(content.at("detail"));
  const auto path = text(content.at("path"));
  const auto why = failure_in(content.at("failure"));
  const auto turns = turns_from(text(content.at("turns")));
  run_event event{.kind = *kind};
  event.at = begun + length(content.at("at_ms"));
  event.step = step;
  event.attempt = static_cast<std::uint32_t>(content.at("attempt").to_double());
  event.why = why.get();
  event.delay = length(content.at("delay_ms"));
  event.detail = detail;
  event.path = path;
  event.turns = turns.get();
  show(event);
}

} // namespace troupe::detail
