#pragma once

#include <troupe/protocol/plan.hpp>

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

namespace troupe {

/// Bounds how many calls are inside at once, so that one slow service cannot take everything with
/// it.
struct bulkhead {
  std::string name{};     ///< bulkheads of one name are one; without a name it belongs to its place
  int max_in_flight = 16; ///< at least 1
  int max_queue = 0;      ///< calls that may wait; beyond, calls are rejected
  std::optional<duration> max_wait{}; ///< how long a call may wait in the queue
};

value troupe_describe(const bulkhead& options);
void troupe_check(const bulkhead& options, option_check& report);

/// Decides who is let in and who is next. Pure. Every ticket is unique for the life of the object.
class bulkhead_state {
public:
  using ticket = std::uint64_t;
  enum class answer : std::uint8_t { admitted, queued, rejected };
  struct decision {
    answer what;
    ticket number;
  };

  explicit bulkhead_state(bulkhead options);
  [[nodiscard]] decision enter();
  /// The same for a call that is never turned away: the queue may grow beyond its bound.
  [[nodiscard]] decision enter_or_wait();
  /// An admitted call ended. Returns who is admitted in its place.
  [[nodiscard]] std::optional<ticket> leave();
  /// A queued call gave up; false when it was not queued (any more).
  bool abandon(ticket number);
  /// Place in the queue from 1; 0 when not queued.
  [[nodiscard]] std::size_t position(ticket number) const;
  [[nodiscard]] int in_flight() const noexcept { return in_flight_; }
  [[nodiscard]] std::size_t queued() const noexcept { return queue_.size(); }
  [[nodiscard]] const bulkhead& options() const noexcept { return options_; }

private:
  bulkhead options_;
  int in_flight_ = 0;
  ticket next_ = 1;
  std::list<ticket> queue_;
  std::unordered_map<ticket, std::list<ticket>::iterator> where_;
};

} // namespace troupe
