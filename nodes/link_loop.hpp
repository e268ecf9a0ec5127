#pragma once

#include "byte_channel.hpp"
#include "link.hpp"

#include <functional>
#include <memory>

namespace troupe::nodes {

/// Moves the bytes of connections that are made: one CAF broker for each link, and one thread, that
/// of CAF's multiplexer, for all of them. Handlers are called on that thread. Thread-safe.
class link_loop {
public:
  /// REQUIRES: `counters` outlives it.
  link_loop(const transport_options& options, transport_counters& counters);
  ~link_loop();

  /// Makes a link of a connection, and tells the handler.
  void adopt(byte_channel connection, link_peer peer, std::uint64_t ticket,
             std::shared_ptr<link_handler> handler);
  /// Calls it on the thread of the loop.
  void post(std::function<void()> task);
  [[nodiscard]] std::size_t links() const;
  /// Ends all links. REQUIRES: nothing else is called from now on, and this is not a handler's
  /// call.
  void shut_down();

private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace troupe::nodes
