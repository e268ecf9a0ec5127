#pragma once

#include "link_loop.hpp"
#include "tls_context.hpp"

#include <optional>

namespace troupe::nodes {

/// Makes connections and hands them to the loop: listens, looks up names, connects, and does what
/// TLS needs, all without blocking, on one thread, so that a slow peer holds up nobody.
///
/// Whoever accepts greets, with an empty frame, once the peer's certificate is verified. Whoever
/// connects waits for that: in TLS 1.3 its own half of the handshake ends before the other side has
/// looked at its certificate, so a link would seem to open and then break.
class greeter {
public:
  /// REQUIRES: `loop` and `counters` outlive it.
  greeter(const transport_options& options, std::optional<tls_context> tls, link_loop& loop,
          transport_counters& counters);
  ~greeter();

  outcome<endpoint> listen(const endpoint& where, std::shared_ptr<link_handler> handler);
  void connect(const endpoint& where, std::uint64_t ticket, std::shared_ptr<link_handler> handler);
  /// Stops listening, drops what is not yet a link, and ends the thread.
  void shut_down();

private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace troupe::nodes
