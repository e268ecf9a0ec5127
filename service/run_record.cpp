#include "run_record.hpp"

#include <utility>

namespace troupe::service {

namespace {

constexpr std::size_t longest_failure = 500;

std::size_t bytes_of(const std::vector<step_result>& history) {
  std::size_t bytes = 0;
  for (const auto& each : history) {
    bytes += sizeof(step_result) + each.output.approximate_bytes() + bytes_of(each.step_history);
    if (each.why) bytes += sizeof(failure) + each.why->message.size();
  }
  return bytes;
}

std::int64_t started_at(const run_id& run) {
  std::int64_t ms = 0;
  for (std::size_t at = 0; at < 6; ++at) ms = ms * 256 + run.bytes()[at];
  return ms;
}

double milliseconds(duration length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

} // namespace

run_options options_of(const submission& given, const workflow& file) {
  auto entries = file.context.is_null() ? value::map() : file.context;
  if (const auto* members = given.context.if_map()) {
    for (const auto& [key, content] : *members) entries = entries.with(key, content);
  }
  run_options options;
  options.context = context(given.correlation_id, entries);
  options.correlation_id = given.correlation_id;
  options.limits = file.limits;
  if (given.limits.cost_usd) options.limits.cost_usd = given.limits.cost_usd;
  if (given.limits.tokens) options.limits.tokens = given.limits.tokens;
  return options;
}

std::size_t bytes_of(const submission& given) {
  return sizeof(run_record) + given.workflow.size() + given.context.approximate_bytes()
         + (given.input ? given.input->approximate_bytes() : 0);
}

std::string short_failure(const run_result& result) {
  if (!result.why || result.status == run_status::paused) return {};
  auto text = to_string(*result.why);
  if (text.size() <= longest_failure) return text;
  text.resize(longest_failure);
  return text + "…";
}

std::size_t bytes_of(const run_result& result) {
  return (result.why ? result.why->message.size() : 0) + sizeof(run_result)
         + result.output.approximate_bytes() + result.final_context.to_value().approximate_bytes()
         + bytes_of(result.step_history) + result.checkpoints.size() * sizeof(checkpoint);
}

void end_as_it_is(run_record& run, const failure& why) {
  run.not_undone =
      "the run was cancelled while it was paused, and nothing was undone: " + why.message;
  run.about.failure = run.not_undone;
  run.about.status = run_status::cancelled;
}

value result_of(const run_record& run) {
  auto all = to_value(run.handle->result());
  if (!run.not_undone.empty()) {
    const failure why{failure_kind::cancelled, run.not_undone};
    value::map_type members;
    for (const auto& member : *all.if_map()) {
      if (member.first != "pause") members.push_back(member);
    }
    all = value::map(std::move(members)).with("status", "cancelled").with("failure", to_value(why));
  }
  return run.scripts ? all.with("scripts", run.scripts->to_value()) : all;
}

value to_value(const run_entry& run) {
  return value::map({{"run_id", run.id.to_string()},
                     {"name", run.name},
                     {"correlation_id", run.correlation_id},
                     {"status", to_string(run.status)},
                     {"started_at_ms", started_at(run.id)},
                     {"latency_ms", milliseconds(run.latency)},
                     {"failure", run.failure.empty() ? value() : value(run.failure)},
                     {"retry_of", run.retry_of ? value(run.retry_of->to_string()) : value()}});
}

value to_value(const run_counts& counts) {
  return value::map({{"running", counts.running},
                     {"paused", counts.paused},
                     {"kept", counts.kept},
                     {"submitted", counts.submitted},
                     {"completed", counts.completed},
                     {"failed", counts.failed},
                     {"cancelled", counts.cancelled},
                     {"rejected", counts.rejected},
                     {"forgotten", counts.forgotten},
                     {"stalls", counts.stalls},
                     {"stalled", counts.stalled},
                     {"deployments", counts.deployments}});
}

value to_value(const wait_reason& reason) {
  return value::map({{"code", reason.code},
                     {"text", reason.text},
                     {"path", reason.path},
                     {"step", reason.step},
                     {"node", reason.node},
                     {"since_ms", reason.since_ms}});
}

} // namespace troupe::service
