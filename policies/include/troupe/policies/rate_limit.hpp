#pragma once

#include <troupe/policies/state_scope.hpp>
#include <troupe/protocol/plan.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace troupe {

/// Bounds how many calls start per unit of time: a token bucket.
struct rate_limit {
  std::string name{}; ///< limits of one name are one; without a name it belongs to its place
  state_scope scope = state_scope::local; ///< `cluster` needs a name
  double rate = 10;                       ///< calls per `per`; above 0
  duration per = std::chrono::seconds(1);
  int burst = 1; ///< calls that may start at once after a pause; at least 1
  duration max_wait =
      duration::zero(); ///< how long a call may be held back; beyond, it is rejected
};

value troupe_describe(const rate_limit& options);
void troupe_check(const rate_limit& options, option_check& report);

/// Decides when each call may start. Pure. Calls are admitted in the order they asked.
class token_bucket {
public:
  struct decision {
    bool admitted;
    duration delay; ///< admitted: how long to hold the call back; rejected: when to try again
  };

  explicit token_bucket(rate_limit options);
  [[nodiscard]] decision acquire(instant now);
  /// A call that was held back gave up before it started; its token goes back.
  void give_back();
  /// Calls that other processes have started count here too.
  void spend(std::int64_t calls, instant now);
  /// How many calls were admitted here since the last time, less those that gave up.
  [[nodiscard]] std::int64_t take_spent();
  [[nodiscard]] const rate_limit& options() const noexcept { return options_; }

private:
  void save_up(instant now);

  rate_limit options_;
  double interval_; // nanoseconds between two calls in the long run
  double most_;
  double credit_; // nanoseconds saved up for calls beyond the next; negative when reserved ahead
  std::optional<instant> updated_;
  std::int64_t spent_ = 0; // that others have not been told of
};

} // namespace troupe
