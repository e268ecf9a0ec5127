#include <troupe/protocol/failure.hpp>

#include <array>

namespace troupe {

std::string_view to_string(failure_kind kind) {
  switch (kind) {
  case failure_kind::transient: return "transient";
  case failure_kind::rate_limited: return "rate_limited";
  case failure_kind::timed_out: return "timed_out";
  case failure_kind::permanent: return "permanent";
  case failure_kind::rejected: return "rejected";
  case failure_kind::cancelled: return "cancelled";
  case failure_kind::worker_lost: return "worker_lost";
  case failure_kind::malformed: return "malformed";
  case failure_kind::usage_limit: return "usage_limit";
  case failure_kind::unclassified: return "unclassified";
  case failure_kind::paused: return "paused";
  }
  return "";
}

std::optional<failure_kind> failure_kind_from(std::string_view name) {
  constexpr std::array all{
      failure_kind::transient,    failure_kind::rate_limited, failure_kind::timed_out,
      failure_kind::permanent,    failure_kind::rejected,     failure_kind::cancelled,
      failure_kind::worker_lost,  failure_kind::malformed,    failure_kind::usage_limit,
      failure_kind::unclassified, failure_kind::paused};
  for (const auto kind : all) {
    if (to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

bool operator==(const failure& left, const failure& right) {
  const auto* one = &left;
  const auto* other = &right;
  while (one != nullptr && other != nullptr && one != other) {
    if (one->kind != other->kind || one->message != other->message
        || one->retry_after != other->retry_after || one->step != other->step) {
      return false;
    }
    one = one->cause.get();
    other = other->cause.get();
  }
  return one == other;
}

bool is_retryable(const failure& why) {
  switch (why.kind) {
  case failure_kind::transient:
  case failure_kind::rate_limited:
  case failure_kind::timed_out:
  case failure_kind::worker_lost:
  case failure_kind::unclassified: return true;
  case failure_kind::permanent:
  case failure_kind::rejected:
  case failure_kind::cancelled:
  case failure_kind::malformed:
  case failure_kind::usage_limit:
  case failure_kind::paused: return false;
  }
  return false;
}

bool ends_the_run(const failure& why) {
  return why.kind == failure_kind::cancelled || why.kind == failure_kind::usage_limit
         || why.kind == failure_kind::paused;
}

std::string to_string(const failure& why) {
  return std::string(to_string(why.kind)) + ": " + why.message;
}

step_error::step_error(failure why)
    : std::runtime_error(why.message), why_(std::make_shared<const failure>(std::move(why))) {}

step_error::step_error(failure_kind kind, std::string message, std::optional<duration> retry_after)
    : step_error(failure{.kind = kind, .message = std::move(message), .retry_after = retry_after}) {
}

} // namespace troupe
