#pragma once

#include <troupe/actors/clock_source.hpp>
#include <troupe/actors/stage_engine.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::actors {

struct thread_pool_options {
  std::size_t max_threads = 32;    ///< started when needed, kept until the end
  std::size_t max_queued = 10'000; ///< beyond, work is refused
};

/// Threads for blocking steps: bounded in number, with a bounded queue.
class thread_pool final : public step_executor {
public:
  thread_pool(thread_pool_options options, clock_source& clock);
  /// Drops what has not begun, and waits until everything else has ended or `stop_within` has
  /// passed; threads that are still at work then are left to themselves.
  ~thread_pool() override;

  [[nodiscard]] bool submit(std::function<void()> work) override;
  void stop(duration within);
  [[nodiscard]] std::size_t running() const;
  [[nodiscard]] std::size_t queued() const;

private:
  struct item {
    std::function<void()> work;
    std::shared_ptr<void> hold;
  };
  /// Outlives the pool while threads of it are left behind.
  struct shared_state {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<item> queue;
    std::size_t idle = 0;
    std::size_t threads = 0;
    bool waking = false;  ///< a thread was told of work and has not come for it yet
    bool looking = false; ///< an idle thread has not gone to sleep yet
    bool stopping = false;
  };
  static void work_off(const std::shared_ptr<shared_state>& state);
  static void wake_one(shared_state& state);
  static void wait_for_work(shared_state& state, std::unique_lock<std::mutex>& lock);

  thread_pool_options options_;
  clock_source& clock_;
  std::shared_ptr<shared_state> state_;
};

} // namespace troupe::actors
