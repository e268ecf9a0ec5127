#include "wait_tracker.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace troupe::service {

namespace {

// Of blocks that are wider, the rest is not followed.
constexpr std::size_t most_places = 10'000;
constexpr std::size_t most_turns = 32;
constexpr std::size_t longest_text = 500;

double milliseconds(duration length) {
  return std::max(std::chrono::duration<double, std::milli>(length).count(), 0.0);
}

std::string seconds(duration length) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", milliseconds(length) / 1000);
  return text.data();
}

std::string shortened(std::string_view text) {
  if (text.size() <= longest_text) return std::string(text);
  return std::string(text.substr(0, longest_text)) + "…";
}

} // namespace

std::string turns_of(const run_event& event) {
  std::array<std::uint64_t, most_turns> indices{};
  std::size_t count = 0;
  for (const auto* each = event.turns; each && count < most_turns; each = each->outer.get()) {
    indices[count++] = each->index;
  }
  std::string text;
  while (count > 0) text += '/' + std::to_string(indices[--count]);
  return text;
}

void wait_tracker::apply(const run_event& event) {
  place where{std::string(event.path), turns_of(event)};
  const auto name = std::string(event.step);
  switch (event.kind) {
  case event_kind::run_started:
  case event_kind::run_finished:
    at_work_.clear();
    if (event.why && event.why->kind == failure_kind::paused) return;
    waits_.clear();
    return;
  case event_kind::run_paused:
    return hold(std::move(where), {cause::pause, name, shortened(event.detail), 0, event.at, {}});
  case event_kind::step_started: return start(event, std::move(where));
  case event_kind::step_finished: return finish(where);
  case event_kind::retry_scheduled:
    return hold(std::move(where),
                {cause::retry, name, event.why ? shortened(to_string(*event.why)) : "",
                 event.attempt, event.at, later(event.at, event.delay)});
  case event_kind::call_waiting: {
    wait held{cause::call, name, shortened(event.detail), 0, event.at, {}};
    if (event.delay > duration::zero()) held.until = later(event.at, event.delay);
    return hold(std::move(where), std::move(held));
  }
  case event_kind::call_rejected:
    release(where);
    if (!event.why || !event.why->retry_after) return;
    return hold(std::move(where), {cause::breaker, name, shortened(event.why->message), 0, event.at,
                                   later(event.at, *event.why->retry_after)});
  case event_kind::fallback_started:
  case event_kind::fallback_succeeded:
  case event_kind::fallback_failed:
  case event_kind::cache_hit:
  case event_kind::cache_miss:
  case event_kind::hedge_started: return release(where);
  case event_kind::breaker_changed:
  case event_kind::step_abandoned:
  case event_kind::stage_restarted:
  case event_kind::warning: return;
  }
}

void wait_tracker::start(const run_event& event, place where) {
  release(where);
  const auto found = at_work_.find(where);
  if (found == at_work_.end() && at_work_.size() >= most_places) return;
  auto& one = found != at_work_.end() ? found->second : at_work_[std::move(where)];
  ++one.count;
  one.step = event.step;
  one.attempt = event.attempt;
  one.since = event.at;
}

void wait_tracker::finish(const place& where) {
  const auto found = at_work_.find(where);
  if (found == at_work_.end()) return;
  if (--found->second.count == 0) at_work_.erase(found);
}

void wait_tracker::hold(place where, wait what) {
  if (waits_.size() >= most_places && !waits_.contains(where)) return;
  waits_.insert_or_assign(std::move(where), std::move(what));
}

// Whatever happens at a place, nothing around it waits any more.
void wait_tracker::release(const place& where) {
  if (waits_.empty()) return;
  for (auto path = where.path;;) {
    for (auto turns = where.turns;;) {
      const auto found = waits_.find({path, turns});
      if (found != waits_.end() && found->second.why != cause::breaker) waits_.erase(found);
      if (turns.empty()) break;
      turns.erase(turns.rfind('/'));
    }
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return;
    path.erase(slash);
  }
}

wait_reason wait_tracker::describe(const place& where, const wait& what, instant now,
                                   std::uint32_t retries) {
  wait_reason reason{{}, {}, where.path, what.step, {}, milliseconds(now - what.since)};
  const auto left = what.until ? std::max(*what.until - now, duration::zero()) : duration::zero();
  switch (what.why) {
  case cause::retry:
    reason.code = "retry_wait";
    reason.text = "retry " + std::to_string(what.attempt);
    if (retries > 0) reason.text += " of " + std::to_string(retries);
    reason.text += " in " + seconds(left);
    if (!what.text.empty()) reason.text += " after " + what.text;
    break;
  case cause::breaker:
    reason.code = "breaker_open";
    reason.text = what.text + ", for " + seconds(left) + " more";
    break;
  case cause::call:
    reason.code = what.text.starts_with("bulkhead")     ? "bulkhead_queue"
                  : what.text.starts_with("rate limit") ? "rate_limit"
                                                        : "waiting";
    reason.text = what.text;
    if (what.until) reason.text += ", for " + seconds(left) + " more";
    break;
  case cause::pause:
    reason.code = "paused";
    reason.text = "a person has to answer: " + what.text;
    break;
  }
  return reason;
}

std::vector<wait_reason>
wait_tracker::reasons(instant now, std::size_t most,
                      const std::function<std::uint32_t(const std::string&)>& retries_at) const {
  std::vector<wait_reason> chain;
  for (const auto& [where, what] : waits_) {
    if (chain.size() >= most) return chain;
    if (what.why == cause::breaker && what.until && *what.until <= now) continue;
    const auto retries = what.why == cause::retry && retries_at ? retries_at(where.path) : 0;
    chain.push_back(describe(where, what, now, retries));
  }
  for (const auto& [where, what] : at_work_) {
    if (chain.size() >= most) return chain;
    auto text = "`" + what.step + "` is at work";
    if (what.attempt > 1) text += ", attempt " + std::to_string(what.attempt);
    chain.push_back({"running", text, where.path, what.step, {}, milliseconds(now - what.since)});
  }
  return chain;
}

bool wait_tracker::empty(instant now) const {
  if (!at_work_.empty()) return false;
  return std::all_of(waits_.begin(), waits_.end(), [&](const auto& each) {
    return each.second.why == cause::breaker && each.second.until && *each.second.until <= now;
  });
}

bool wait_tracker::sleeps(instant now) const {
  return std::any_of(waits_.begin(), waits_.end(), [&](const auto& each) {
    return each.second.why != cause::breaker && each.second.until && *each.second.until > now;
  });
}

} // namespace troupe::service
