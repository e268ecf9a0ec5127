#include "description.hpp"

#include <troupe/policies/rate_limit.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace troupe {

namespace {

// Keeps sums finite for absurdly low rates; three centuries are never in practice.
constexpr double longest = 9.2e18;

duration rounded_up(double nanoseconds) {
  // Sums of fractions may end a hair above the whole number that is meant.
  constexpr double rounding = 1e-3;
  const auto whole = std::ceil(nanoseconds - rounding);
  return whole >= longest ? duration::max() : duration(static_cast<std::int64_t>(whole));
}

} // namespace

value troupe_describe(const rate_limit& options) {
  return description::map({
      {"name", description::of_name(options.name)},
      {"scope", describe_scope(options.scope)},
      {"rate", options.rate},
      {"per", description::of(options.per)},
      {"burst", options.burst},
      {"max_wait", description::of(options.max_wait)},
  });
}

void troupe_check(const rate_limit& options, option_check& report) {
  check_scope(options.scope, options.name, report);
  report.require(std::isfinite(options.rate) && options.rate > 0, "rate",
                 "is " + description::text(options.rate) + "; it must be above 0");
  report.positive("per", options.per);
  report.at_least("burst", options.burst, 1);
  report.not_negative("max_wait", options.max_wait);
}

token_bucket::token_bucket(rate_limit options)
    : options_(std::move(options)),
      interval_(std::min(static_cast<double>(options_.per.count()) / options_.rate, longest)),
      most_(interval_ * (options_.burst - 1)), credit_(most_) {}

void token_bucket::save_up(instant now) {
  if (updated_ && now > *updated_)
    credit_ = std::min(most_, credit_ + static_cast<double>((now - *updated_).count()));
  updated_ = updated_ ? std::max(*updated_, now) : now;
}

token_bucket::decision token_bucket::acquire(instant now) {
  save_up(now);
  const auto wait = credit_ >= 0 ? duration::zero() : rounded_up(-credit_);
  if (wait > options_.max_wait) return {false, wait - options_.max_wait};
  credit_ -= interval_;
  ++spent_;
  return {true, wait};
}

void token_bucket::give_back() {
  credit_ = std::min(most_, credit_ + interval_);
  --spent_;
}

// What others start at once, before they know of each other, is held against a limit for no longer
// than a full bucket and one `per` take to come back.
void token_bucket::spend(std::int64_t calls, instant now) {
  save_up(now);
  const auto lowest =
      std::min(credit_, -(most_ + interval_ + static_cast<double>(options_.per.count())));
  credit_ = std::clamp(credit_ - static_cast<double>(calls) * interval_, lowest, most_);
}

std::int64_t token_bucket::take_spent() {
  return std::exchange(spent_, 0);
}

} // namespace troupe
