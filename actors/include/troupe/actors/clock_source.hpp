#pragma once

#include <troupe/protocol/time.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

namespace troupe::actors {

/// Where all time comes from. Thread-safe.
class clock_source {
public:
  virtual ~clock_source() = default;
  [[nodiscard]] virtual instant now() = 0;
  /// Blocks the calling thread until `due`; false when it was stopped before.
  virtual bool sleep_until(instant due, const std::stop_token& stop) = 0;
  /// Says that something outside is at work, so that time must not be moved; until the object is
  /// gone.
  [[nodiscard]] virtual std::shared_ptr<void> hold() = 0;
};

/// The monotonic clock of the machine.
class steady_time final : public clock_source {
public:
  [[nodiscard]] instant now() override;
  bool sleep_until(instant due, const std::stop_token& stop) override;
  [[nodiscard]] std::shared_ptr<void> hold() override { return nullptr; }
};

/// A clock that stands still until it is moved. Threads that sleep on it do not keep it from
/// moving; threads and devices that are at work do.
class virtual_time final : public clock_source {
public:
  [[nodiscard]] instant now() override;
  bool sleep_until(instant due, const std::stop_token& stop) override;
  [[nodiscard]] std::shared_ptr<void> hold() override;

  /// Calls `wake` once the clock has reached `due`, on the thread that moves it.
  void wake_at(instant due, std::function<void()> wake);
  /// When something is next due.
  [[nodiscard]] std::optional<instant> next_due();
  /// Moves the clock forward and wakes whatever is due by then.
  void move_to(instant when);
  /// Waits until nothing outside is at work, or `interrupted` holds.
  void wait_until_idle(const std::function<bool()>& interrupted);
  /// Something happened that whoever waits for idleness should look at.
  void notify();

private:
  struct sleeper {
    instant due;
    bool awake = false;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  instant now_{};
  int at_work_ = 0;
  std::multimap<instant, std::function<void()>> wakes_;
  std::list<sleeper> sleepers_;
};

} // namespace troupe::actors
