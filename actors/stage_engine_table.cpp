// The table of open calls, and their timers.
#include <troupe/actors/stage_engine.hpp>

#include <cstdint>

namespace troupe::actors {

stage_engine::record* stage_engine::find(call_id id) {
  if (id.index >= records_.size()) return nullptr;
  auto& place = records_[id.index];
  return place.open && place.generation == id.generation ? &place : nullptr;
}

call_id stage_engine::allocate() {
  std::uint32_t index;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(records_.size());
    records_.add_place();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  auto& place = records_[index];
  place.open = true;
  if (++place.generation == 0) ++place.generation;
  ++open_calls_;
  return {index, place.generation};
}

void stage_engine::release(call_id id) {
  auto& place = records_[id.index];
  const auto generation = place.generation;
  place = record{};
  place.generation = generation;
  free_.push_back(id.index);
  --open_calls_;
}

void stage_engine::link(call_id child, call_id parent) {
  auto& mine = records_[child.index];
  auto& above = records_[parent.index];
  mine.parent = parent;
  mine.next_sibling = above.first_child;
  if (above.first_child != nobody) records_[above.first_child].previous_sibling = child.index;
  above.first_child = child.index;
  ++above.children;
}

void stage_engine::unlink(std::uint32_t child) {
  auto& mine = records_[child];
  if (!mine.parent) return;
  auto& above = records_[mine.parent.index];
  if (mine.previous_sibling != nobody) {
    records_[mine.previous_sibling].next_sibling = mine.next_sibling;
  } else {
    above.first_child = mine.next_sibling;
  }
  if (mine.next_sibling != nobody) {
    records_[mine.next_sibling].previous_sibling = mine.previous_sibling;
  }
  mine.next_sibling = mine.previous_sibling = nobody;
  mine.parent = {};
  --above.children;
}

call_id stage_engine::settle(call& of) {
  if (!of.id_) {
    of.id_ = allocate();
    records_[of.id_.index].stage = of.stage_;
  }
  return of.id_;
}

void stage_engine::set_timer(call& of, std::uint32_t which, instant due) {
  if (due == no_deadline) return;
  if (auto* trial = of.trial_; trial && trial->timers_set < call_trial::most_timers && !of.id_) {
    trial->timers[trial->timers_set++] = {which, due};
    return;
  }
  const auto id = settle(of);
  auto* place = find(id);
  if (!place) return;
  place->first_timer = timers_.set(due, id, which, place->first_timer);
}

void stage_engine::drop_timers(record& of) {
  while (of.first_timer != timer_queue::none) of.first_timer = timers_.drop(of.first_timer);
}

} // namespace troupe::actors
