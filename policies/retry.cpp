#include "description.hpp"

#include <troupe/policies/retry.hpp>

#include <algorithm>
#include <cmath>

namespace troupe {

namespace {

std::string name_of(backoff_strategy strategy) {
  switch (strategy) {
  case backoff_strategy::constant: return "constant";
  case backoff_strategy::linear: return "linear";
  case backoff_strategy::exponential: return "exponential";
  }
  return {};
}

std::string name_of(jitter_mode mode) {
  switch (mode) {
  case jitter_mode::none: return "none";
  case jitter_mode::full: return "full";
  case jitter_mode::equal: return "equal";
  }
  return {};
}

template <class Enum>
std::string unknown(Enum given) {
  return "is " + std::to_string(static_cast<int>(given)) + ", an unknown strategy; it must be ";
}

duration linear_delay(const retry& options, std::uint64_t retry_number) {
  const auto first = options.initial_delay.count();
  if (first <= 0) return duration::zero();
  const auto fitting = static_cast<std::uint64_t>(options.max_delay.count() / first);
  if (retry_number > fitting) return options.max_delay;
  return duration(first * static_cast<std::int64_t>(retry_number));
}

duration exponential_delay(const retry& options, std::uint64_t retry_number) {
  if (options.initial_delay <= duration::zero()) return duration::zero();
  const auto growth = std::pow(static_cast<long double>(options.multiplier),
                               static_cast<long double>(retry_number - 1));
  const auto exact = static_cast<long double>(options.initial_delay.count()) * growth;
  // Written so that infinity and NaN end here too.
  if (!(exact < static_cast<long double>(options.max_delay.count()))) return options.max_delay;
  return duration(std::llround(exact));
}

duration base_delay(const retry& options, std::uint64_t retry_number) {
  switch (options.backoff) {
  case backoff_strategy::constant: return options.initial_delay;
  case backoff_strategy::linear: return linear_delay(options, retry_number);
  case backoff_strategy::exponential: return exponential_delay(options, retry_number);
  }
  return options.max_delay;
}

duration share_of(duration whole, double unit_random) {
  const auto part = static_cast<double>(whole.count()) * std::clamp(unit_random, 0.0, 1.0);
  // The largest durations round up when they become a double, so the upper end needs care.
  if (part >= static_cast<double>(whole.count())) return whole;
  return duration(static_cast<std::int64_t>(part));
}

} // namespace

value troupe_describe(const retry& options) {
  return description::map({
      {"max_retries", options.max_retries},
      {"initial_delay", description::of(options.initial_delay)},
      {"multiplier", options.multiplier},
      {"max_delay", description::of(options.max_delay)},
      {"backoff", name_of(options.backoff)},
      {"jitter", name_of(options.jitter)},
      {"max_elapsed", description::of(options.max_elapsed)},
      {"retry_if", description::of(options.retry_if)},
      {"budget", options.budget},
  });
}

void troupe_check(const retry& options, option_check& report) {
  report.at_least("max_retries", options.max_retries, 0);
  report.at_most("max_retries", options.max_retries, 1'000'000);
  report.not_negative("initial_delay", options.initial_delay);
  report.require(options.max_delay >= options.initial_delay, "max_delay",
                 "is " + to_string(options.max_delay) + "; it must be at least initial_delay, "
                     + to_string(options.initial_delay));
  report.require(std::isfinite(options.multiplier) && options.multiplier >= 1, "multiplier",
                 "is " + description::text(options.multiplier) + "; it must be at least 1");
  report.require(!name_of(options.backoff).empty(), "backoff",
                 unknown(options.backoff) + "constant, linear or exponential");
  report.require(!name_of(options.jitter).empty(), "jitter",
                 unknown(options.jitter) + "none, full or equal");
  if (options.max_elapsed) report.not_negative("max_elapsed", *options.max_elapsed);
  report.between("budget", options.budget, 0, 1);
}

duration backoff_delay(const retry& options, std::uint64_t retry_number, double unit_random) {
  const auto number = std::max<std::uint64_t>(retry_number, 1);
  const auto delay = std::min(base_delay(options, number), options.max_delay);
  switch (options.jitter) {
  case jitter_mode::none: return delay;
  case jitter_mode::full: return share_of(delay, unit_random);
  case jitter_mode::equal: return delay - delay / 2 + share_of(delay / 2, unit_random);
  }
  return delay;
}

retry_schedule::retry_schedule(const retry& options) : options_(&options) {}

std::optional<duration> retry_schedule::next_delay(const failure& why, duration elapsed,
                                                   double unit_random) {
  if (std::cmp_greater_equal(retries_made_, std::max(options_->max_retries, 0)))
    return std::nullopt;
  if (ends_the_run(why)) return std::nullopt;
  const auto worth_it =
      options_->retry_if ? options_->retry_if(why, retries_made_ + 1) : is_retryable(why);
  if (!worth_it) return std::nullopt;

  const auto wanted = backoff_delay(*options_, retries_made_ + 1, unit_random);
  const auto delay =
      std::min(std::max(wanted, why.retry_after.value_or(duration::zero())), options_->max_delay);
  // Subtracting, because a sum could overflow.
  if (options_->max_elapsed && delay > *options_->max_elapsed - elapsed) return std::nullopt;
  ++retries_made_;
  return delay;
}

retry_budget::retry_budget(double share) : share_(share) {}

void retry_budget::record_call(instant now) {
  decay(now);
  calls_ += 1;
}

bool retry_budget::take(instant now) {
  if (share_ <= 0) return true;
  decay(now);
  constexpr double rounding = 1e-9;
  const auto within_share = retries_ + 1 <= share_ * (calls_ + retries_ + 1) + rounding;
  if (free_retries_ < 1 && !within_share) return false;
  if (free_retries_ >= 1) free_retries_ -= 1;
  retries_ += 1;
  return true;
}

void retry_budget::decay(instant now) {
  if (updated_ && now <= *updated_) return;
  if (updated_) {
    const auto seconds = std::chrono::duration<double>(now - *updated_).count();
    const auto left = std::exp2(-seconds / 10);
    calls_ *= left;
    retries_ *= left;
  }
  updated_ = now;
}

} // namespace troupe
