#include "support/simulated_cluster.hpp"

#include <algorithm>

// What goes wrong in a simulated cluster.

namespace troupe::testing {

using std::chrono_literals::operator""ms;

namespace {

constexpr std::size_t first_worker_machine = 10;

} // namespace

void simulated_cluster::plan_trouble() {
  for (auto left = world_.time.below(5); left > 0; --left) {
    ++troubles_ahead_;
    world_.time.call_after(world_.time.up_to(1500ms), [this] {
      --troubles_ahead_;
      trouble();
    });
  }
}

// Mostly short enough to be borne, sometimes so long that nodes are given up.
duration simulated_cluster::some_time() {
  auto& time = world_.time;
  return time.chance(0.6) ? time.up_to(600ms) : time.between(800ms, 1900ms);
}

void simulated_cluster::lasts(duration length) {
  trouble_ends_ = std::max(trouble_ends_, later(world_.time.now(), length));
}

simulated_process* simulated_cluster::any_process(bool of_worker) {
  if (!of_worker) {
    const auto& each = coordinators_[world_.time.below(coordinators_.size())];
    return each ? &each->process() : nullptr;
  }
  const auto& each = workers_[world_.time.below(workers_.size())];
  return each ? &each->process() : nullptr;
}

void simulated_cluster::trouble() {
  lasts(600ms);
  const auto what = world_.time.below(14);
  if (what < 8) trouble_processes(what);
  else trouble_network(what);
}

void simulated_cluster::trouble_processes(std::size_t what) {
  auto& time = world_.time;
  const auto which = time.below(workers_.size());
  switch (what) {
  case 0:
  case 1: {
    const auto* process = any_process(true);
    if (!process) return;
    const auto place = process->machine() - first_worker_machine;
    kill(process->number(), time.chance(0.7));
    if (time.chance(0.3)) return;
    time.call_after(time.up_to(500ms), [this, place] {
      if (!workers_[place]) start_worker(place);
    });
    return;
  }
  case 2: return freeze(any_process(true));
  case 3: return freeze(any_process(false));
  case 4: {
    const auto* process = any_process(false);
    if (!process) return;
    const auto place = process->machine();
    kill(process->number(), time.chance(0.7));
    time.call_after(time.up_to(400ms), [this, place] {
      start_coordinator(place);
      start_run(place);
    });
    return;
  }
  case 5:
    labels_.emplace_back();
    credits_.push_back(1 + time.below(3));
    return start_worker(workers_.size());
  case 6:
    if (auto* of = worker_at(which); of && !of->process().is_frozen()) of->drain();
    return;
  default:
    for (const auto& each : coordinators_) {
      if (each && !each->process().is_frozen()) each->drain("w" + std::to_string(which));
    }
  }
}

void simulated_cluster::freeze(simulated_process* of) {
  if (!of || of->is_frozen()) return;
  const auto length = some_time();
  troubled_ += length;
  lasts(length);
  world_.trace("process " + std::to_string(of->number()) + " stands still for "
               + troupe::to_string(length));
  of->freeze();
  world_.time.call_after(length, [this, self = of->shared_from_this()] {
    world_.trace("process " + std::to_string(self->number()) + " goes on");
    self->thaw();
  });
}

void simulated_cluster::trouble_network(std::size_t what) {
  const auto* coordinator = any_process(false);
  const auto* worker = any_process(true);
  if (!coordinator || !worker) return;
  switch (what) {
  case 8:
  case 9:
    world_.trace("links are reset to process " + std::to_string(worker->number()));
    return world_.network.reset(coordinator->machine(), worker->machine());
  case 10:
  case 11: return part(true);
  default: return part(false);
  }
}

void simulated_cluster::part(bool both_ways) {
  auto& time = world_.time;
  auto from = time.below(coordinators_.size());
  auto to = first_worker_machine + time.below(workers_.size());
  if (coordinators_.size() > 1 && time.chance(0.3)) to = (from + 1) % coordinators_.size();
  if (time.chance(0.5)) std::swap(from, to);
  const auto length = some_time();
  troubled_ += length;
  lasts(length);
  world_.trace("nothing comes from " + std::to_string(from) + " to " + std::to_string(to)
               + (both_ways ? " and back for " : " for ") + troupe::to_string(length));
  world_.network.cut(from, to);
  if (both_ways) world_.network.cut(to, from);
  time.call_after(length, [this, from, to] {
    world_.trace("healed");
    world_.network.heal(from, to);
    world_.network.heal(to, from);
  });
}

// At the end there is a worker for everything again.
void simulated_cluster::end_trouble() {
  calm_ = true;
  world_.network.heal_all();
  for (const auto& [number, each] : processes_) each->thaw();
  labels_.push_back({{"gpu", "true"}});
  credits_.push_back(2);
  start_worker(workers_.size());
}

} // namespace troupe::testing
