#pragma once

#include <troupe/protocol/time.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe {

/// Why a step or the system said no. Code looks at the kind; people read the message.
enum class failure_kind : std::uint8_t {
  transient,    ///< may well succeed when tried again
  rate_limited, ///< the other side asked to slow down; often with `retry_after`
  timed_out,    ///< no answer within its limit
  permanent,    ///< trying again cannot help
  rejected,     ///< turned away before any work: open breaker, full bulkhead, rate limit
  cancelled,    ///< somebody asked for it to stop
  worker_lost,  ///< the process that ran it is gone
  malformed,    ///< bytes or text that do not decode
  usage_limit,  ///< the run spent more than it was allowed to
  unclassified, ///< user code failed without saying how
  paused,       ///< no failure: the run waits for a person
};

[[nodiscard]] std::string_view to_string(failure_kind kind);

/// Returns the kind of that name, or nothing.
[[nodiscard]] std::optional<failure_kind> failure_kind_from(std::string_view name);

/// What every "no" looks like: a kind for code and a message for people.
struct [[nodiscard]] failure {
  failure_kind kind = failure_kind::unclassified;
  std::string message{};
  std::optional<duration> retry_after{};  ///< how long the other side asked us to wait, where known
  std::string step{};                     ///< the step it comes from, where known
  std::shared_ptr<const failure> cause{}; ///< what led to it, where that says more

  friend bool operator==(const failure& left, const failure& right);
};

/// True for the kinds that another attempt may heal: transient, rate_limited, timed_out,
/// unclassified and worker_lost.
[[nodiscard]] bool is_retryable(const failure& why);

/// True for control signals, which no policy may heal or hide: cancelled, usage_limit and paused.
[[nodiscard]] bool ends_the_run(const failure& why);

/// Returns `kind: message`, for logs and test output.
[[nodiscard]] std::string to_string(const failure& why);

/// What user code throws to fail with a kind of its choice. Any other exception becomes
/// `unclassified`.
class step_error : public std::runtime_error {
public:
  explicit step_error(failure why);
  step_error(failure_kind kind, std::string message, std::optional<duration> retry_after = {});

  [[nodiscard]] const failure& why() const noexcept { return *why_; }

private:
  std::shared_ptr<const failure> why_;
};

} // namespace troupe
