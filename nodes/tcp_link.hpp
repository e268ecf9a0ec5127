#pragma once

#include "link.hpp"
#include "outbox.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::nodes {

/// What a link asks of the loop that moves its bytes.
enum class link_signal : std::uint8_t {
  look,     ///< there is something to write
  read_on,  ///< there is more to read, inside of TLS
  close,    ///< write what waits, then end
  overflow, ///< too much waits; end now
  halt,     ///< the loop itself ends
  over,     ///< the link has ended
};

/// The side of a link that everybody may use from any thread. Outlives the connection for as long
/// as somebody holds it; from then on it does nothing.
class tcp_link final : public link {
public:
  tcp_link(link_peer peer, std::size_t max_unsent_bytes)
      : waiting(max_unsent_bytes), peer_(std::move(peer)) {}

  /// Throws `std::length_error` for a frame over `max_frame_bytes`.
  void send(std::vector<frame> frames) override;
  void send_at_once(std::vector<frame> frames) override;
  void close() override;
  [[nodiscard]] const link_peer& peer() const noexcept override { return peer_; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept override {
    return waiting.unsent_bytes();
  }

  using signal_sink = std::function<void(link_signal)>;
  void attach(std::shared_ptr<const signal_sink> sink);
  void detach();
  void signal(link_signal which);

  outbox waiting;

private:
  void send(const std::vector<frame>& frames, outbox::haste how);

  const link_peer peer_;
  std::mutex mutex_;
  std::shared_ptr<const signal_sink> sink_;
};

} // namespace troupe::nodes
