#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/service/endpoint.hpp>
#include <troupe/service/tls_files.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::nodes {

/// The bytes of one frame, without the length in front of them.
using frame = std::string;

/// A longer frame ends the link: larger values travel in chunks.
inline constexpr std::size_t max_frame_bytes = 1u << 20;

/// Who is at the other end of a link.
struct link_peer {
  std::string address;          ///< `HOST:PORT`
  std::string certificate_name; ///< common name of its certificate; empty without TLS
};

/// A connection to another node that moves whole frames, in order. Thread-safe.
class link {
public:
  virtual ~link() = default;
  /// Queues frames to be written in one go. Frames for a link that is closed vanish. Throws
  /// `std::length_error` for a frame over `max_frame_bytes`.
  virtual void send(std::vector<frame> frames) = 0;
  /// The same, but on the caller's thread where possible: soonest there when nothing else is going
  /// on, and the dearest way when much is, as less travels in each go.
  virtual void send_at_once(std::vector<frame> frames) { send(std::move(frames)); }
  /// Ends the link once what was queued is written and the peer has closed its side, at the latest
  /// after the handshake limit. Nothing more is received; `on_closed` follows when it has ended.
  virtual void close() = 0;
  [[nodiscard]] virtual const link_peer& peer() const noexcept = 0;
  /// What was queued and is not yet written.
  [[nodiscard]] virtual std::size_t unsent_bytes() const noexcept = 0;
};

/// Is told what happens on links: one call at a time for each link, on a thread of the transport.
/// Must not block, throw, or shut the transport down.
class link_handler {
public:
  virtual ~link_handler() = default;
  /// A link is ready: TLS and the identity of the peer are done. `ticket` is the one given to
  /// `connect`, 0 for a link that was accepted.
  virtual void on_open(const std::shared_ptr<link>& opened, std::uint64_t ticket) = 0;
  /// Something was received: all frames that are complete by now, in order. Empty when only part
  /// of a frame has come (the peer is alive all the same).
  virtual void on_frames(const std::shared_ptr<link>& from, std::vector<frame> frames) = 0;
  /// The link has ended; nothing more comes of it. Called once for each link that was opened.
  virtual void on_closed(const std::shared_ptr<link>& gone, const std::string& why) = 0;
  /// No link came of `connect(…, ticket, …)`.
  virtual void on_connect_failed(std::uint64_t ticket, const std::string& why) = 0;
};

struct transport_options {
  tls_files tls{}; ///< none: plain TCP
  /// For looking up a name, connecting, TLS, and closing, each.
  duration handshake_limit = std::chrono::seconds(2);
  /// Of accepted connections at a time; more wait in the listen queue. A connection that has not
  /// said a word for an eighth of the limit makes way for one that waits.
  std::size_t max_handshakes = 64;
  std::size_t max_links = 4096;
  std::size_t max_unsent_bytes = 256u << 20; ///< of one link; beyond, it is closed
};

/// What went wrong with peers so far. Thread-safe.
struct transport_counters {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};    ///< before they could say anything: TLS, limits, time
  std::atomic<std::uint64_t> violations{0}; ///< links ended for what the peer sent
  std::atomic<std::uint64_t> overflows{0};  ///< links ended for what the peer did not take
};

/// Makes links: listens, connects, and moves their bytes on threads of its own. Thread-safe.
class transport {
public:
  virtual ~transport() = default;
  /// Accepts links at that address until `shut_down`; returns where it listens. A failure says
  /// what the system said.
  virtual outcome<endpoint> listen(const endpoint& where,
                                   std::shared_ptr<link_handler> handler) = 0;
  /// Connects in the background; one of `on_open` and `on_connect_failed` follows, except after
  /// `shut_down`: then nothing does.
  virtual void connect(const endpoint& where, std::uint64_t ticket,
                       std::shared_ptr<link_handler> handler) = 0;
  [[nodiscard]] virtual const transport_counters& counters() const noexcept = 0;
  /// Ends all links and threads; `on_closed` of every link has been called when it returns, and no
  /// handler is called from then on. What is queued is written as far as the system takes it at
  /// once. Not to be called by a handler. The destructor does the same.
  virtual void shut_down() = 0;
};

/// Links over TCP: CAF's event loop, and TLS 1.3 with certificates on both sides where files are
/// given. Throws `std::runtime_error` when the files cannot be used, saying which and why.
[[nodiscard]] std::unique_ptr<transport> make_transport(transport_options options);

} // namespace troupe::nodes
