#include "description.hpp"

#include <troupe/policies/bulkhead.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe {

value troupe_describe(const bulkhead& options) {
  return description::map({
      {"name", description::of_name(options.name)},
      {"max_in_flight", options.max_in_flight},
      {"max_queue", options.max_queue},
      {"max_wait", description::of(options.max_wait)},
  });
}

void troupe_check(const bulkhead& options, option_check& report) {
  report.at_least("max_in_flight", options.max_in_flight, 1);
  report.at_least("max_queue", options.max_queue, 0);
  if (options.max_wait) report.not_negative("max_wait", *options.max_wait);
}

bulkhead_state::bulkhead_state(bulkhead options) : options_(std::move(options)) {}

bulkhead_state::decision bulkhead_state::enter() {
  const auto has_room = in_flight_ < options_.max_in_flight
                        || std::cmp_less(queue_.size(), std::max(options_.max_queue, 0));
  return has_room ? enter_or_wait() : decision{answer::rejected, next_++};
}

bulkhead_state::decision bulkhead_state::enter_or_wait() {
  const auto number = next_++;
  if (in_flight_ < options_.max_in_flight) {
    ++in_flight_;
    return {answer::admitted, number};
  }
  where_.emplace(number, queue_.insert(queue_.end(), number));
  return {answer::queued, number};
}

std::optional<bulkhead_state::ticket> bulkhead_state::leave() {
  if (queue_.empty()) {
    if (in_flight_ > 0) --in_flight_;
    return std::nullopt;
  }
  const auto next = queue_.front();
  queue_.pop_front();
  where_.erase(next);
  return next;
}

bool bulkhead_state::abandon(ticket number) {
  const auto found = where_.find(number);
  if (found == where_.end()) return false;
  queue_.erase(found->second);
  where_.erase(found);
  return true;
}

std::size_t bulkhead_state::position(ticket number) const {
  const auto found = where_.find(number);
  if (found == where_.end()) return 0;
  const auto ahead =
      std::distance(queue_.begin(), std::list<ticket>::const_iterator(found->second));
  return static_cast<std::size_t>(ahead) + 1;
}

} // namespace troupe
