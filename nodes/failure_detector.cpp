#include "failure_detector.hpp"

#include <algorithm>

namespace troupe::nodes {

liveness failure_detector::look(instant now) noexcept {
  const auto gap = now - looked_;
  looked_ = now;
  if (gap > 3 * options_.heartbeat) heard_ = std::min(now, heard_ + (gap - options_.heartbeat));
  const auto silent = now - heard_;
  if (silent >= options_.lost_after) return liveness::gone;
  if (silent >= std::min(3 * options_.heartbeat, options_.lost_after / 2)) return liveness::suspect;
  return liveness::alive;
}

} // namespace troupe::nodes
