#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::nodes {

/// Handles events one at a time, in the order they came, on the thread that brings one while no
/// other is at work. So nothing waits for a thread to wake up, and what comes while one is busy is
/// handled together. Thread-safe.
template <class Event>
class serial_queue {
public:
  /// `handle` takes an event; `idle` is called when there is nothing more to handle.
  serial_queue(std::function<void(Event&)> handle, std::function<void()> idle)
      : handle_(std::move(handle)), idle_(std::move(idle)) {}

  void post(Event event) {
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) return;
      waiting_.push_back(std::move(event));
      if (std::exchange(busy_, true)) return;
    }
    work();
  }

  /// From now on events vanish; returns once none is being handled. Not from inside a handler.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    ended_.wait(lock, [this] { return !busy_; });
    waiting_.clear();
  }

private:
  void work() {
    std::vector<Event> taken;
    auto rested = false;
    for (;;) {
      {
        const std::scoped_lock lock(mutex_);
        if (waiting_.empty() && rested) {
          busy_ = false;
          ended_.notify_all();
          return;
        }
        taken.swap(waiting_);
      }
      rested = taken.empty();
      for (auto& each : taken) handle_(each);
      if (rested) idle_();
      taken.clear();
    }
  }

  std::function<void(Event&)> handle_;
  std::function<void()> idle_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::vector<Event> waiting_;
  bool busy_ = false;
  bool closed_ = false;
};

} // namespace troupe::nodes
