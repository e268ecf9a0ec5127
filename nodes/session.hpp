#pragma once

#include "wire.hpp"

#include <troupe/protocol/outcome.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace troupe::nodes {

struct session_limits {
  std::size_t max_body = 64u << 20;       ///< of one message, its pieces together
  std::size_t max_gathering = 256u << 20; ///< of all messages that have come in part
  std::size_t window = 4;                 ///< pieces of one message under way at a time
};

/// One side of the conversation on a link: cuts long messages into pieces and puts pieces together,
/// so that no message keeps another one waiting for long. Pure: bytes in, bytes out.
///
/// A piece is answered by `chunk_taken`, and at most `window` of a message are unanswered: what a
/// slow reader has not taken waits here, and heartbeats and cancels pass by it. Only work waits for
/// a `deploy` in pieces, which it may need; and long messages for each other, once they are
/// together more than the other side gathers.
class session {
public:
  explicit session(session_limits limits = {}) : limits_(limits) {}

  /// Queues a message. `rejected` when it is longer than the other side takes.
  outcome<std::size_t> post(frame body);
  /// Takes what has arrived; returns the messages that are complete, in the order of their ends.
  /// `malformed` for what breaks the rules: the link is to be closed.
  outcome<std::vector<message>> receive(std::vector<frame> arrived);
  /// What is to be written to the link now.
  [[nodiscard]] std::vector<frame> take_output();
  [[nodiscard]] bool has_output() const noexcept { return !ready_.empty(); }

private:
  struct outgoing {
    frame body;
    std::size_t sent = 0;
    std::size_t under_way = 0;
  };

  void begin(frame body);
  void begin_waiting();
  void send_pieces(std::uint64_t number, outgoing& of);
  outcome<bool> take(message piece, std::vector<message>& complete);
  void taken(std::uint64_t number);

  session_limits limits_;
  std::vector<frame> ready_;
  std::map<std::uint64_t, outgoing> outgoing_;
  std::uint64_t last_number_ = 0;
  std::size_t under_way_ = 0; // bytes of all messages that are going out in pieces
  std::deque<frame> waiting_; // long ones that would be too much at a time
  std::deque<frame> held_;    // work behind a `deploy`
  std::size_t deploys_ = 0;   // that are not wholly written
  std::map<std::uint64_t, frame> incoming_;
  std::uint64_t last_incoming_ = 0;
  std::size_t gathering_ = 0;
};

} // namespace troupe::nodes
