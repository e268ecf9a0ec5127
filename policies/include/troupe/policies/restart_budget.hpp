#pragma once

#include <troupe/protocol/time.hpp>

#include <deque>

namespace troupe {

/// How often a part may be restarted before it is given up.
struct restart_limits {
  int max_restarts = 5;
  duration within = std::chrono::seconds(10);
};

/// Counts restarts over a sliding period. Pure.
class restart_budget {
public:
  explicit restart_budget(restart_limits limits = {});
  /// Takes one restart, or returns false when there were too many within the period.
  [[nodiscard]] bool take(instant now);

private:
  restart_limits limits_;
  std::deque<instant> restarts_;
};

} // namespace troupe
