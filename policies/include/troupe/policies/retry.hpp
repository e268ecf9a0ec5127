#pragma once

#include <troupe/protocol/behavior.hpp>
#include <troupe/protocol/failure.hpp>
#include <troupe/protocol/plan.hpp>

#include <cstdint>
#include <optional>

namespace troupe {

enum class backoff_strategy : std::uint8_t { constant, linear, exponential };

/// How much of a delay is left to chance: nothing, all of it ([0, d]), or half of it ([d/2, d]).
enum class jitter_mode : std::uint8_t { none, full, equal };

/// How often, and how patiently, to try a step again.
struct retry {
  int max_retries = 3; ///< after the first attempt, so 4 attempts in all; 0 to 1,000,000
  duration initial_delay = std::chrono::seconds(1);
  double multiplier = 2.0; ///< of the exponential strategy; at least 1
  duration max_delay =
      std::chrono::seconds(10); ///< also with jitter, and for `retry_after` of a failure
  backoff_strategy backoff = backoff_strategy::exponential;
  jitter_mode jitter = jitter_mode::none;
  std::optional<duration>
      max_elapsed{}; ///< no retry starts later than this after the first attempt started
  /// Says whether this failure of that attempt (from 1) is worth another one. Without it:
  /// `is_retryable`.
  behavior<bool(const failure&, std::uint32_t)> retry_if{};
  /// The largest share of calls that may be retries, over the last 10 s or so, so that an outage is
  /// not made worse; 0 to 1, 0 means no limit. The first 10 retries are always free.
  double budget = 0;
};

value troupe_describe(const retry& options);
void troupe_check(const retry& options, option_check& report);

/// Returns the delay before retry number `retry_number` (from 1) as the strategy alone gives it:
/// min(initial · 2^(n−1), max) and so on, then spread by the jitter. Never overflows. `unit_random`
/// is in [0, 1).
[[nodiscard]] duration backoff_delay(const retry& options, std::uint64_t retry_number,
                                     double unit_random);

/// Decides the delay before each further attempt of one call. Pure: no clock, no timers, no hidden
/// randomness. The options outlive it.
class retry_schedule {
public:
  explicit retry_schedule(const retry& options);

  /// Returns the delay before the next attempt, or nothing if another attempt is not worth making.
  /// `elapsed` is the time since the first attempt started. A `retry_after` of the failure
  /// lengthens the delay, up to `max_delay`. Kinds that are never retried (permanent, malformed,
  /// rejected, cancelled, usage_limit) may be allowed by `retry_if`, except cancelled and
  /// usage_limit. May throw what `retry_if` throws.
  [[nodiscard]] std::optional<duration> next_delay(const failure& why, duration elapsed,
                                                   double unit_random);

  [[nodiscard]] std::uint32_t retries_made() const noexcept { return retries_made_; }

private:
  const retry* options_;
  std::uint32_t retries_made_ = 0;
};

/// Keeps retries a bounded share of all calls of one place. Counts decay with a half-life of 10 s.
class retry_budget {
public:
  explicit retry_budget(double share);
  /// Counts a first attempt; retries count themselves when they are taken.
  void record_call(instant now);
  /// Takes one retry from the budget, or returns false when it is used up.
  [[nodiscard]] bool take(instant now);

private:
  void decay(instant now);
  double share_;
  double calls_ = 0;
  double retries_ = 0;
  double free_retries_ = 10;
  std::optional<instant> updated_;
};

} // namespace troupe
