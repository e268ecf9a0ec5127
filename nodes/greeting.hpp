#pragma once

#include "byte_channel.hpp"
#include "frame_buffer.hpp"
#include "name_lookup.hpp"

#include <troupe/protocol/time.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::nodes {

/// One connection on its way to become a link.
//
// looking_up  --addresses-->            connecting
// connecting  --connected-->            handshaking  (or the next address, when it fails)
// handshaking --accepted, TLS is done-->  ready      (having greeted)
// handshaking --connected, TLS is done--> awaiting
// awaiting    --greeted-->              ready
// any         --limit, error-->         failed
class greeting {
public:
  enum class phase { looking_up, connecting, handshaking, awaiting, ready, failed };

  /// Of a connection that was accepted.
  greeting(byte_channel connection, instant now, duration limit);
  /// Of one to be made; `lookup` is null for an address in numbers.
  using session_maker = std::function<openssl_ptr<ssl_st>(int socket)>;
  greeting(std::vector<socket_address> addresses, std::shared_ptr<name_lookup> lookup,
           session_maker make_session, instant now, duration limit);

  /// Goes as far as it can.
  void advance(instant now);

  [[nodiscard]] phase at() const noexcept { return phase_; }
  [[nodiscard]] bool accepted() const noexcept { return accepted_; }
  [[nodiscard]] instant began() const noexcept { return began_; }
  [[nodiscard]] instant due() const noexcept { return due_; }
  /// True for an accepted connection that has not said a word.
  [[nodiscard]] bool silent() const;
  [[nodiscard]] const std::string& why() const noexcept { return why_; }
  /// What to poll: a descriptor, or -1, and the events.
  [[nodiscard]] int descriptor() const noexcept;
  [[nodiscard]] short events() const noexcept { return events_; }
  /// REQUIRES: `ready`.
  byte_channel connection() { return std::move(*channel_); }

private:
  void enter(phase next, instant now);
  void fail(std::string why);
  void look_up(instant now);
  void try_next(instant now);
  void finish_connect(instant now);
  void shake_hands();
  void greet();
  void await_greeting();
  void wait_for(channel_state state);
  void time_out(instant now);

  const bool accepted_;
  const instant began_;
  const duration limit_;
  phase phase_;
  instant due_;
  instant last_due_{}; ///< for the last of the addresses
  short events_ = 0;
  std::vector<socket_address> addresses_{};
  std::size_t next_address_ = 0;
  std::shared_ptr<name_lookup> lookup_{};
  session_maker make_session_{};
  socket_handle connecting_{};
  std::optional<byte_channel> channel_{};
  std::array<char, frame_header_bytes> greeting_{};
  std::size_t greeting_size_ = 0;
  std::string why_{};
};

} // namespace troupe::nodes
