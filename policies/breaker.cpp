#include "description.hpp"

#include <troupe/policies/breaker.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace troupe {

namespace {

bool is_share(double number) {
  return number > 0 && number <= 1;
}

std::string share_message(double given) {
  return "is " + description::text(given) + "; it must be above 0 and at most 1";
}

bool has_rates(const breaker& options) {
  return options.failure_rate || options.slow_call_duration;
}

duration grown(duration wait, const breaker& options) {
  if (!(options.wait_growth > 1)) return wait;
  const auto exact =
      static_cast<long double>(wait.count()) * static_cast<long double>(options.wait_growth);
  if (!(exact < static_cast<long double>(options.max_wait.count()))) return options.max_wait;
  return duration(std::llround(exact));
}

} // namespace

value troupe_describe(const breaker& options) {
  return description::map({
      {"name", description::of_name(options.name)},
      {"scope", describe_scope(options.scope)},
      {"failure_threshold", options.failure_threshold},
      {"success_threshold", options.success_threshold},
      {"wait", description::of(options.wait)},
      {"wait_growth", options.wait_growth},
      {"max_wait", description::of(options.max_wait)},
      {"failure_rate", description::of(options.failure_rate)},
      {"window", options.window},
      {"window_time", description::of(options.window_time)},
      {"minimum_calls", options.minimum_calls},
      {"slow_call_duration", description::of(options.slow_call_duration)},
      {"slow_call_rate", options.slow_call_rate},
      {"failure_if", description::of(options.failure_if)},
  });
}

void troupe_check(const breaker& options, option_check& report) {
  check_scope(options.scope, options.name, report);
  report.at_least("failure_threshold", options.failure_threshold, 1);
  report.at_least("success_threshold", options.success_threshold, 1);
  report.positive("wait", options.wait);
  report.require(std::isfinite(options.wait_growth) && options.wait_growth >= 1, "wait_growth",
                 "is " + description::text(options.wait_growth) + "; it must be at least 1");
  report.positive("max_wait", options.max_wait);
  report.require(!(options.wait_growth > 1) || options.max_wait >= options.wait, "max_wait",
                 "is " + to_string(options.max_wait) + "; it must be at least wait, "
                     + to_string(options.wait));
  if (options.failure_rate)
    report.require(is_share(*options.failure_rate), "failure_rate",
                   share_message(*options.failure_rate));
  report.at_least("window", options.window, 1);
  report.at_most("window", options.window, 100'000);
  if (options.window_time) report.positive("window_time", *options.window_time);
  report.at_least("minimum_calls", options.minimum_calls, 1);
  if (has_rates(options)) report.at_most("minimum_calls", options.minimum_calls, options.window);
  if (options.slow_call_duration)
    report.positive("slow_call_duration", *options.slow_call_duration);
  report.require(is_share(options.slow_call_rate), "slow_call_rate",
                 share_message(options.slow_call_rate));
}

std::string_view to_string(breaker_phase phase) {
  switch (phase) {
  case breaker_phase::closed: return "closed";
  case breaker_phase::open: return "open";
  case breaker_phase::half_open: return "half_open";
  case breaker_phase::forced_open: return "forced_open";
  case breaker_phase::disabled: return "disabled";
  }
  return "unknown";
}

breaker_state::breaker_state(breaker options)
    : options_(std::move(options)), current_wait_(options_.wait) {}

std::optional<breaker_permit> breaker_state::admit(instant now) {
  switch (phase_) {
  case breaker_phase::closed:
  case breaker_phase::disabled: return breaker_permit{epoch_, false};
  case breaker_phase::forced_open: return std::nullopt;
  case breaker_phase::open:
    if (now < half_opens_at_) return std::nullopt;
    if (place_ != breaker_place::guest) enter(breaker_phase::half_open);
    break;
  case breaker_phase::half_open: break;
  }
  return admit_probe();
}

std::optional<breaker_permit> breaker_state::admit_probe() {
  if (place_ == breaker_place::guest) {
    if (std::exchange(leased_, std::nullopt)) return breaker_permit{epoch_, true};
    wishes_ = true;
    return std::nullopt;
  }
  if (probing_) return std::nullopt;
  probing_ = true;
  return breaker_permit{epoch_, true};
}

void breaker_state::record(const breaker_permit& permit, breaker_verdict verdict, duration took,
                           instant now) {
  if (permit.epoch != epoch_) return;
  if (permit.probe && place_ == breaker_place::guest) {
    probe_ = {permit, verdict};
    return;
  }
  if (permit.probe) probing_ = false;
  if (verdict == breaker_verdict::neutral || phase_ == breaker_phase::disabled) return;

  const auto failed = verdict == breaker_verdict::failure;
  if (failed) {
    last_failure_ = now;
    if (failure_count_ < std::numeric_limits<int>::max()) ++failure_count_;
  }
  if (phase_ == breaker_phase::half_open) {
    ++epoch_; // others that share it are behind now
    if (failed) {
      current_wait_ = grown(current_wait_, options_);
      open(now);
    } else if (++success_count_ >= options_.success_threshold) {
      enter(breaker_phase::closed);
    }
    return;
  }
  if (!failed) failure_count_ = 0;
  const auto slow = options_.slow_call_duration && took > *options_.slow_call_duration;
  if (place_ != breaker_place::alone) note(failed, slow);
  if (has_rates(options_)) remember({now, failed, slow});
  open_if_reached(now);
}

void breaker_state::open_if_reached(instant now) {
  const auto in_a_row = !options_.failure_rate && failure_count_ >= options_.failure_threshold;
  if (in_a_row || rates_reached()) open(now);
}

breaker_verdict breaker_state::judge(const failure* why, std::uint32_t attempt) const {
  if (why == nullptr) return breaker_verdict::success;
  if (why->kind == failure_kind::rejected || why->kind == failure_kind::cancelled
      || why->kind == failure_kind::paused) {
    return breaker_verdict::neutral;
  }
  if (options_.failure_if && !options_.failure_if(*why, attempt)) return breaker_verdict::neutral;
  return breaker_verdict::failure;
}

std::optional<duration> breaker_state::retry_after(instant now) const {
  if (phase_ == breaker_phase::forced_open) return std::nullopt;
  if (phase_ != breaker_phase::open || now >= half_opens_at_) return duration::zero();
  const auto from = now.time_since_epoch();
  const auto to = half_opens_at_.time_since_epoch();
  if (from < duration::zero() && to > duration::max() + from) return duration::max();
  return to - from;
}

std::string breaker_state::rejection(std::string_view who, instant now) const {
  constexpr std::size_t usual = 128;
  std::string text;
  text.reserve(usual + who.size());
  text.append("Circuit breaker is OPEN: the service behind `").append(who);
  text.append("` is unavailable; ");
  const auto wait = retry_after(now);
  if (!wait) return text.append("an operator holds it open");
  if (phase_ == breaker_phase::half_open || *wait == duration::zero())
    return text.append("try again once the probe under way ends");
  return text.append("try again in ").append(to_string(*wait));
}

void breaker_state::reset() {
  enter(breaker_phase::half_open);
  failure_count_ = 0;
  current_wait_ = options_.wait;
}

void breaker_state::force_open() {
  enter(breaker_phase::forced_open);
}

void breaker_state::disable() {
  enter(breaker_phase::disabled);
}

void breaker_state::close() {
  enter(breaker_phase::closed);
}

void breaker_state::enter(breaker_phase phase) {
  phase_ = phase;
  ++epoch_;
  probing_ = false;
  leased_.reset();
  success_count_ = 0;
  delta_ = {};
  window_.clear();
  window_failed_ = 0;
  window_slow_ = 0;
  if (phase != breaker_phase::closed) return;
  failure_count_ = 0;
  current_wait_ = options_.wait;
}

void breaker_state::open(instant now) {
  enter(breaker_phase::open);
  half_opens_at_ = later(now, current_wait_);
}

void breaker_state::remember(call finished) {
  window_.push_back(finished);
  window_failed_ += finished.failed ? 1 : 0;
  window_slow_ += finished.slow ? 1 : 0;
  while (std::cmp_greater(window_.size(), options_.window)) forget_oldest();
  while (options_.window_time && finished.at - window_.front().at > *options_.window_time)
    forget_oldest();
}

void breaker_state::forget_oldest() {
  const auto& oldest = window_.front();
  window_failed_ -= oldest.failed ? 1 : 0;
  window_slow_ -= oldest.slow ? 1 : 0;
  window_.pop_front();
}

bool breaker_state::rates_reached() const {
  if (window_.empty() || std::cmp_less(window_.size(), options_.minimum_calls)) return false;
  // A quotient, not a product: 3 of 10 is exactly the double that 0.3 is.
  const auto calls = static_cast<double>(window_.size());
  if (options_.failure_rate && window_failed_ / calls >= *options_.failure_rate) return true;
  return options_.slow_call_duration && window_slow_ / calls >= options_.slow_call_rate;
}

} // namespace troupe
