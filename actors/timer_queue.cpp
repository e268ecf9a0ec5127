#include <troupe/actors/timer_queue.hpp>

namespace troupe::actors {

timer_queue::handle timer_queue::set(instant due, call_id call, std::uint32_t which,
                                     handle next_of_call) {
  handle timer;
  if (free_.empty()) {
    timer = static_cast<handle>(slots_.size());
    slots_.emplace_back();
  } else {
    timer = free_.back();
    free_.pop_back();
  }
  const auto place = static_cast<std::uint32_t>(heap_.size());
  slots_[timer] = {due, next_order_++, call, which, place, next_of_call};
  heap_.push_back(timer);
  sift_up(place);
  return timer;
}

timer_queue::handle timer_queue::drop(handle timer) {
  const auto place = slots_[timer].place;
  const auto last = heap_.back();
  heap_.pop_back();
  if (last != timer) {
    put(place, last);
    sift_up(place);
    sift_down(slots_[last].place);
  }
  free_.push_back(timer);
  return slots_[timer].next_of_call;
}

std::optional<instant> timer_queue::next_due() const {
  if (heap_.empty()) return std::nullopt;
  return slots_[heap_.front()].due;
}

std::optional<timer_queue::handle> timer_queue::first_due(instant now) const {
  if (heap_.empty() || slots_[heap_.front()].due > now) return std::nullopt;
  return heap_.front();
}

bool timer_queue::before(handle left, handle right) const {
  const auto& a = slots_[left];
  const auto& b = slots_[right];
  return a.due != b.due ? a.due < b.due : a.order < b.order;
}

void timer_queue::put(std::uint32_t place, handle timer) {
  heap_[place] = timer;
  slots_[timer].place = place;
}

void timer_queue::sift_up(std::uint32_t place) {
  const auto timer = heap_[place];
  while (place > 0) {
    const auto parent = (place - 1) / 2;
    if (!before(timer, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, timer);
}

void timer_queue::sift_down(std::uint32_t place) {
  const auto timer = heap_[place];
  const auto size = static_cast<std::uint32_t>(heap_.size());
  for (;;) {
    auto child = 2 * place + 1;
    if (child >= size) break;
    if (child + 1 < size && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], timer)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, timer);
}

} // namespace troupe::actors
