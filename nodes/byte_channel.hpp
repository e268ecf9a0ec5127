#pragma once

#include "openssl_handles.hpp"
#include "sockets.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace troupe::nodes {

enum class channel_state {
  ready,
  wants_read,  ///< more when the socket is readable
  wants_write, ///< more when the socket is writable
  ended,       ///< no more of this; `why_ended` says why
};

/// A connected, non-blocking socket, with or without TLS. Not thread-safe, except that after the
/// handshake one thread may write while another one reads.
class byte_channel {
public:
  byte_channel(socket_handle socket, openssl_ptr<ssl_st> session)
      : socket_(std::move(socket)), session_(std::move(session)) {}

  struct moved {
    std::size_t bytes = 0;
    channel_state state = channel_state::ready;
  };

  /// Goes on with the TLS handshake; `ready` when it is done, and without TLS.
  [[nodiscard]] channel_state shake_hands();
  /// Read as much as there is, and write as much as the system takes, up to `size`; `ready` when it
  /// was all of `size`. Bytes may have been moved in each of the states.
  moved read(char* into, std::size_t size);
  moved write(const char* from, std::size_t size);
  /// True when received bytes wait inside of TLS, where polling the socket does not show them.
  [[nodiscard]] bool holds_received() const;
  /// Tells the peer that nothing more will be written. It may still be read from.
  void finish_writing();

  [[nodiscard]] std::string why_ended() const;
  [[nodiscard]] std::string peer_name() const;
  [[nodiscard]] int descriptor() const noexcept;
  /// Whether anything was received so far; only known with TLS.
  [[nodiscard]] bool has_heard() const;
  /// Leaves the descriptor to somebody who closes it after the last use of the channel.
  int release_descriptor() noexcept;

private:
  // Without TLS.
  moved receive(char* into, std::size_t size);
  moved send(const char* from, std::size_t size);
  channel_state after_tls(int result);
  channel_state end(std::string why);

  socket_handle socket_;
  int released_ = -1; ///< whose closing is up to somebody else
  openssl_ptr<ssl_st> session_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>(); ///< of what follows, and TLS
  std::string why_ended_;
};

} // namespace troupe::nodes
