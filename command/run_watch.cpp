#include "run_watch.hpp"

#include "terminal_text.hpp"

#include <utility>

namespace troupe::detail {

namespace {

constexpr std::size_t most_kept_steps = 10'000;
constexpr std::size_t most_said = 200;

std::string text_of(const run_event& event) {
  auto text = std::string(event.step);
  if (!text.empty()) text += ": ";
  const auto why = event.why ? event.why->message : std::string();
  switch (event.kind) {
  case event_kind::fallback_started:
    return text + "failed, falling back to " + std::string(event.detail) + ": " + why;
  case event_kind::breaker_changed: return text + "circuit breaker " + std::string(event.detail);
  case event_kind::step_abandoned: return text + "ignores its cancel and was abandoned";
  case event_kind::stage_restarted: return text + "restarted: " + why;
  default: return text + std::string(event.detail);
  }
}

} // namespace

void run_watch::on_event(const run_event& event) {
  const std::scoped_lock lock(mutex_);
  model_.apply(event);
  if (event.run) spent_ = event.run->meter()->total();
  const std::string step(event.step);
  if (event.kind == event_kind::step_started) ++open_[step];
  if (event.kind == event_kind::step_abandoned) abandoned_.insert(step);
  if (event.kind != event_kind::step_finished) return;
  if (--open_[step] <= 0) open_.erase(step);
  if (event.result && finished_.size() < most_kept_steps) {
    finished_.push_back(*event.result);
    finished_.back().ctx = {};
    finished_.back().name = step;
  }
}

std::vector<step_result> run_watch::finished_steps() const {
  const std::scoped_lock lock(mutex_);
  return finished_;
}

std::set<std::string> run_watch::open_steps() const {
  const std::scoped_lock lock(mutex_);
  std::set<std::string> names;
  for (const auto& [name, count] : open_) names.insert(name);
  return names;
}

std::set<std::string> run_watch::abandoned_steps() const {
  const std::scoped_lock lock(mutex_);
  return abandoned_;
}

usage run_watch::spent() const {
  const std::scoped_lock lock(mutex_);
  return spent_;
}

void warning_lines::on_event(const run_event& event) {
  auto text = one_line(text_of(event));
  // A breaker that opens twice is two facts.
  if (event.kind != event_kind::breaker_changed) {
    const std::scoped_lock lock(mutex_);
    if (said_.size() >= most_said || !said_.insert(text).second) return;
    if (said_.size() == most_said) text = "further warnings are left out";
  }
  write_(std::move(text));
}

std::uint32_t warning_lines::interests() const {
  auto wanted = interest_in(event_kind::warning) | interest_in(event_kind::step_abandoned)
                | interest_in(event_kind::stage_restarted)
                | interest_in(event_kind::breaker_changed);
  if (all_) wanted |= interest_in(event_kind::fallback_started);
  return wanted;
}

void breaker_watch::on_event(const run_event& event) {
  if (event.kind != event_kind::breaker_changed) return;
  const auto after = event.detail.substr(event.detail.rfind(' ') + 1);
  const std::scoped_lock lock(mutex_);
  if (after == "closed") states_.erase(std::string(event.step));
  else states_.insert_or_assign(std::string(event.step), std::string(after));
}

std::map<std::string, std::string> breaker_watch::open() const {
  const std::scoped_lock lock(mutex_);
  return states_;
}

} // namespace troupe::detail
