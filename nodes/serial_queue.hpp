#pragma once

#include <troupe/actors/gather_scope.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::nodes {

/// Handles events one at a time, in the order they came, on the thread that brings one while no
/// other is at work; in a turn of a stage (see `gather_scope`), at the end of the turn. So nothing
/// waits for a thread to wake up, and what comes together is handled together. Thread-safe.
template <class Event>
class serial_queue {
public:
  /// `handle` takes an event; `idle` is called when there is nothing more to handle.
  serial_queue(std::function<void(Event&)> handle, std::function<void()> idle)
      : core_(std::make_shared<core>(std::move(handle), std::move(idle))) {}

  void post(Event event) { core_->post(std::move(event), actors::gather_scope::current()); }
  /// The same, but not at the end of a turn: for who waits until it is done.
  void post_now(Event event) { core_->post(std::move(event), nullptr); }

  /// From now on events vanish; returns once none is being handled. Not from inside a handler.
  void close() { core_->close(); }

private:
  /// Turns that have not ended may still know it when the queue is gone.
  class core final : public actors::gatherer, public std::enable_shared_from_this<core> {
  public:
    core(std::function<void(Event&)> handle, std::function<void()> idle)
        : handle_(std::move(handle)), idle_(std::move(idle)) {}

    void post(Event event, actors::gather_scope* turn) {
      {
        const std::scoped_lock lock(mutex_);
        if (closed_) return;
        waiting_.push_back(std::move(event));
        if (busy_) return;
        if (turn) {
          if (!std::exchange(noted_, true)) turn->note(this->shared_from_this());
          return;
        }
        busy_ = true;
      }
      work();
    }

    void release() override {
      {
        const std::scoped_lock lock(mutex_);
        noted_ = false;
        if (busy_ || closed_ || waiting_.empty()) return;
        busy_ = true;
      }
      work();
    }

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
        const actors::gather_scope turn;
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
    bool noted_ = false; // in a turn that has not ended
    bool closed_ = false;
  };

  std::shared_ptr<core> core_;
};

} // namespace troupe::nodes
