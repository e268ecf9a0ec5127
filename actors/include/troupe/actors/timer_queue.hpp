#pragma once

#include <troupe/actors/message.hpp>
#include <troupe/protocol/time.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace troupe::actors {

/// The timers of one host: a binary heap in which every timer knows its place, so that setting and
/// dropping one takes O(log n), and dropped ones take no room. Timers of one instant fire in the
/// order they were set.
class timer_queue {
public:
  using handle = std::uint32_t;
  static constexpr handle none = UINT32_MAX;

  struct due_timer {
    call_id call;
    std::uint32_t which;
  };

  handle set(instant due, call_id call, std::uint32_t which, handle next_of_call);
  /// Removes a timer; returns the next one of the same call.
  handle drop(handle timer);
  [[nodiscard]] std::optional<instant> next_due() const;
  /// Takes the first timer that is due. It leaves the list of its call through `unlink`.
  [[nodiscard]] std::optional<handle> first_due(instant now) const;
  [[nodiscard]] due_timer at(handle timer) const {
    return {slots_[timer].call, slots_[timer].which};
  }
  [[nodiscard]] handle next_of_call(handle timer) const { return slots_[timer].next_of_call; }
  void set_next_of_call(handle timer, handle next) { slots_[timer].next_of_call = next; }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

private:
  struct slot {
    instant due;
    std::uint64_t order;
    call_id call;
    std::uint32_t which;
    std::uint32_t place;
    handle next_of_call;
  };
  [[nodiscard]] bool before(handle left, handle right) const;
  void put(std::uint32_t place, handle timer);
  void sift_up(std::uint32_t place);
  void sift_down(std::uint32_t place);

  std::vector<slot> slots_;
  std::vector<handle> free_;
  std::vector<handle> heap_;
  std::uint64_t next_order_ = 0;
};

} // namespace troupe::actors
