#pragma once

#include <mutex>
#include <utility>

namespace troupe::actors {

/// A decision object that several replicas of a stage share: a breaker is one breaker, however many
/// actors stand in front of it. Holding the lock is a few dozen nanoseconds; asking an actor of its
/// own would be a mailbox hop each way.
template <class Decision>
class shared_decision {
public:
  template <class... Args>
  explicit shared_decision(Args&&... args) : state_(std::forward<Args>(args)...) {}

  /// Lets `use` read and change the decision while nobody else does. `use` must not block.
  template <class Use>
  decltype(auto) with(Use&& use) {
    const std::scoped_lock lock(mutex_);
    return std::forward<Use>(use)(state_);
  }

private:
  std::mutex mutex_;
  Decision state_;
};

} // namespace troupe::actors
