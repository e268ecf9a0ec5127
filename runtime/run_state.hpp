#pragma once

#include <troupe/actors/message.hpp>
#include <troupe/runtime/run.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace troupe::detail {

class deployment_core;

/// One run as its owner sees it: takes the final result, and lets others wait for it. It is the
/// requester of the run, so it has the part of a mailbox.
class run_state : public actors::mailbox, public std::enable_shared_from_this<run_state> {
public:
  /// `scope` lives as long as this.
  run_state(std::shared_ptr<deployment_core> home, const run_scope& scope)
      : home_(std::move(home)), scope_(scope) {}

  void put(actors::message content) override;
  /// Ends the run without anything having been started.
  void end_with(step_result&& result);
  bool cancel(std::shared_ptr<const failure> reason);
  [[nodiscard]] bool done() const;
  bool wait_until(instant limit) const;
  /// The clock of the runtime; the beginning of time once the run has ended.
  [[nodiscard]] instant now() const;
  const run_result& result();

  /// A paused run is gone on with once: false when it has been. `keep_pause` takes that back.
  bool leave_pause() { return !left_pause_.exchange(true); }
  void keep_pause() { left_pause_ = false; }

  [[nodiscard]] const run_scope& scope() const noexcept { return scope_; }

protected:
  /// Makes what others see of the result; called once. Lets go of what the user gave: it may hold
  /// this run.
  virtual void settle(step_result&& result) = 0;
  /// Until the end, where the run works.
  [[nodiscard]] deployment_core& home_now() const noexcept { return *home_; }

private:
  std::shared_ptr<deployment_core> home() const;

  mutable std::mutex mutex_;
  mutable std::condition_variable ended_;
  std::shared_ptr<deployment_core> home_; // until the end
  const run_scope& scope_;
  std::size_t replica_ = 0; // where it runs
  bool cancelled_ = false;
  bool done_ = false;
  std::atomic<bool> left_pause_{false};
  run_result result_;

  friend class deployment_core;
};

} // namespace troupe::detail
