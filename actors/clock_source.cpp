#include <troupe/actors/clock_source.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::actors {

instant steady_time::now() {
  return std::chrono::time_point_cast<duration>(std::chrono::steady_clock::now());
}

bool steady_time::sleep_until(instant due, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_until(lock, stop, due, [] { return false; });
  return !stop.stop_requested();
}

instant virtual_time::now() {
  const std::scoped_lock lock(mutex_);
  return now_;
}

// While it sleeps, the thread counts as idle; whoever wakes it counts it as busy again, before it
// even runs, so that the clock cannot move on in between.
bool virtual_time::sleep_until(instant due, const std::stop_token& stop) {
  std::list<sleeper>::iterator self;
  {
    const std::scoped_lock lock(mutex_);
    if (due <= now_) return !stop.stop_requested();
    self = sleepers_.insert(sleepers_.end(), sleeper{due});
    --at_work_;
  }
  auto wake = [&] {
    const std::scoped_lock lock(mutex_);
    if (self->awake) return;
    self->awake = true;
    ++at_work_;
    changed_.notify_all();
  };
  {
    const std::stop_callback on_stop(stop, wake);
    changed_.notify_all();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return self->awake; });
  }
  const std::scoped_lock lock(mutex_);
  sleepers_.erase(self);
  return !stop.stop_requested();
}

std::shared_ptr<void> virtual_time::hold() {
  const std::scoped_lock lock(mutex_);
  ++at_work_;
  return {this, [](virtual_time* clock) {
            const std::scoped_lock release_lock(clock->mutex_);
            --clock->at_work_;
            clock->changed_.notify_all();
          }};
}

void virtual_time::wake_at(instant due, std::function<void()> wake) {
  const std::scoped_lock lock(mutex_);
  wakes_.emplace(due, std::move(wake));
}

std::optional<instant> virtual_time::next_due() {
  const std::scoped_lock lock(mutex_);
  std::optional<instant> next;
  if (!wakes_.empty()) next = wakes_.begin()->first;
  for (const auto& each : sleepers_) {
    if (!each.awake && (!next || each.due < *next)) next = each.due;
  }
  return next;
}

void virtual_time::move_to(instant when) {
  std::vector<std::function<void()>> due;
  {
    const std::scoped_lock lock(mutex_);
    now_ = std::max(now_, when);
    while (!wakes_.empty() && wakes_.begin()->first <= now_) {
      due.push_back(std::move(wakes_.begin()->second));
      wakes_.erase(wakes_.begin());
    }
    for (auto& each : sleepers_) {
      if (each.awake || each.due > now_) continue;
      each.awake = true;
      ++at_work_;
    }
    changed_.notify_all();
  }
  for (const auto& wake : due) wake();
}

void virtual_time::wait_until_idle(const std::function<bool()>& interrupted) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return at_work_ == 0 || interrupted(); });
}

void virtual_time::notify() {
  const std::scoped_lock lock(mutex_);
  changed_.notify_all();
}

} // namespace troupe::actors
