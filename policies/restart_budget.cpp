#include <troupe/policies/restart_budget.hpp>

#include <utility>

namespace troupe {

restart_budget::restart_budget(restart_limits limits) : limits_(limits) {}

bool restart_budget::take(instant now) {
  while (!restarts_.empty() && now - restarts_.front() >= limits_.within) restarts_.pop_front();
  if (std::cmp_greater_equal(restarts_.size(), limits_.max_restarts)) return false;
  restarts_.push_back(now);
  return true;
}

} // namespace troupe
