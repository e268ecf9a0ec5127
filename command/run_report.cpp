#include "run_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

namespace troupe::detail {

namespace {

constexpr std::size_t longest_message = 4'000;
constexpr int most_causes = 8;

std::string counted(std::uint64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

std::uint64_t attempts_of(const std::vector<step_result>& history) {
  std::uint64_t attempts = 0;
  for (const auto& each : history) {
    attempts += each.step_history.empty() ? each.attempts : attempts_of(each.step_history);
  }
  return attempts;
}

// The entries from the outside in that lead to the step that failed.
std::vector<const step_result*> way_to_failure(const std::vector<step_result>& history) {
  std::vector<const step_result*> way;
  const auto* level = &history;
  while (!level->empty()) {
    // What was cancelled because of the failure is not where it happened.
    const auto failed = std::find_if(level->rbegin(), level->rend(), [](const step_result& each) {
      return each.why && each.why->kind != failure_kind::cancelled;
    });
    if (failed == level->rend()) break;
    way.push_back(&*failed);
    level = &failed->step_history;
  }
  return way;
}

std::string indented(const std::string& text) {
  std::string result;
  for (const char letter : printable(text.substr(0, longest_message))) {
    result += letter;
    if (letter == '\n') result += "  ";
  }
  return result + (text.size() > longest_message ? "…" : "");
}

void add_causes(std::string& text, const failure& why) {
  const auto* each = why.cause.get();
  for (int depth = 0; each && depth < most_causes; ++depth, each = each->cause.get()) {
    text += "  because: " + std::string(to_string(each->kind)) + ": " + indented(each->message);
    if (!each->step.empty()) text += " (" + one_line(each->step) + ')';
    text += '\n';
  }
}

std::string where_in(const std::vector<const step_result*>& way) {
  std::string names;
  for (const auto* each : way) names += (names.empty() ? "" : " › ") + one_line(each->name.str());
  return names;
}

} // namespace

std::string dollars(double amount) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.9f", amount);
  std::string digits = text.data();
  const auto point = digits.find('.');
  if (point != std::string::npos) {
    while (digits.size() > point + 3 && digits.ends_with('0')) digits.pop_back();
  }
  return digits + " USD";
}

std::string summary_of(const run_result& result, bool colored) {
  const auto look = result.status == run_status::completed ? tone::good
                    : result.status == run_status::failed  ? tone::bad
                                                           : tone::notable;
  auto text = paint(std::string(to_string(result.status)), look, colored);
  text += " in " + readable(result.latency);
  text += " · " + counted(attempts_of(result.step_history), "attempt", "attempts");
  if (result.metrics.retry_count > 0) {
    text += " · " + counted(result.metrics.retry_count, "retry", "retries");
  }
  if (result.total_cost_usd > 0) text += " · " + dollars(result.total_cost_usd);
  if (result.total_tokens > 0) {
    text += " · " + counted(static_cast<std::uint64_t>(result.total_tokens), "token", "tokens");
  }
  if (result.metrics.cache_hit) text += " · cache hit";
  if (result.metrics.fallback_used) text += " · fallback used";
  if (result.metrics.circuit_breaker_state != "closed") {
    text += " · breaker " + result.metrics.circuit_breaker_state;
  }
  return text;
}

std::string advice_on(const failure& why, const std::string& step) {
  const auto of = step.empty() ? std::string("the step") : one_line(step);
  const auto wait = why.retry_after ? readable(*why.retry_after) : std::string();
  switch (why.kind) {
  case failure_kind::transient:
    return "it may well work when tried again; give " + of + " a `retry`, or more `max_retries`";
  case failure_kind::rate_limited:
    return (wait.empty() ? "" : "wait " + wait + ", ") + std::string("raise `max_delay` of the")
           + " `retry` of " + of + ", add a `rate_limit`, or lower --concurrency";
  case failure_kind::timed_out: return "raise the `timeout` of " + of + ", or give it a `fallback`";
  case failure_kind::permanent:
    return "trying again cannot help: correct the input, or what " + of + " is given in `with`";
  case failure_kind::rejected:
    return (wait.empty() ? std::string("wait until there is room")
                         : "wait " + wait + " and run it again")
           + "; a `fallback` of " + of + " would answer meanwhile";
  case failure_kind::malformed:
    return "look at what " + of + " has read: it is not in the form that was expected";
  case failure_kind::usage_limit: return "raise `limits` in the file, or make the run cheaper";
  case failure_kind::worker_lost: return "run it again; a `retry` of " + of + " would do so itself";
  case failure_kind::unclassified:
    return "the message comes from " + of + " itself; a `retry` helps if it comes and goes";
  case failure_kind::cancelled:
  case failure_kind::paused: break;
  }
  return {};
}

std::string explain_failure(const run_result& result, const failure_surroundings& about) {
  if (!result.why) return {};
  const auto& why = *result.why;
  const auto way = way_to_failure(result.step_history);
  const auto step = !why.step.empty() ? why.step : way.empty() ? "" : way.back()->name.str();
  auto text = paint("✗ " + (step.empty() ? one_line(result.name) : one_line(step)) + " failed",
                    tone::bad, about.colored);
  if (!way.empty() && about.top_level_steps > 0) {
    const auto number = std::min(result.step_history.size(), about.top_level_steps);
    text += " at step " + std::to_string(number) + " of " + std::to_string(about.top_level_steps);
  }
  text += ": " + std::string(to_string(why.kind)) + "\n  " + indented(why.message) + '\n';
  add_causes(text, why);
  if (way.size() > 1) text += "  where: " + where_in(way) + '\n';
  if (!way.empty()) {
    const auto& last = *way.back();
    text += "  after " + counted(last.attempts, "attempt", "attempts") + ", "
            + readable(last.latency) + '\n';
  }
  if (const auto advice = advice_on(why, step); !advice.empty()) {
    text += "  next: " + advice + '\n';
  }
  if (!about.again.empty()) text += "  again: " + about.again + '\n';
  return text;
}

} // namespace troupe::detail
