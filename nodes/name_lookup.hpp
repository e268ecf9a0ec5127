#pragma once

#include "sockets.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace troupe::nodes {

/// One look-up of a host, on a thread of its own that nobody waits for: the system's resolver may
/// take half a minute and cannot be interrupted. At most 16 at a time in a process. Thread-safe.
class name_lookup {
public:
  using addresses = outcome<std::vector<socket_address>>;

  /// Starts; `done` is called on that thread, possibly long after nobody is interested any more.
  static std::shared_ptr<name_lookup> start(const endpoint& where, std::function<void()> done);

  /// Nothing while it goes on.
  [[nodiscard]] std::optional<addresses> result() const;

private:
  void finish(addresses found);

  mutable std::mutex mutex_;
  std::optional<addresses> result_;
};

} // namespace troupe::nodes
