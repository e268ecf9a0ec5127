#pragma once

#include "link.hpp"

#include <troupe/nodes/node_identity.hpp>
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::nodes {

/// Version of the protocol between nodes: equal major numbers understand each other.
inline constexpr std::int64_t protocol_major = 1;
inline constexpr std::int64_t protocol_minor = 0;

/// A longer body travels in pieces of this size, so that others get in between.
inline constexpr std::size_t chunk_bytes = 256u << 10;

/// The most that one item of a message may have.
inline constexpr std::size_t max_item_bytes = 63u << 20;

/// What a frame is about: its first element. The others are the items of the message.
enum class message_kind : std::uint8_t {
  hello = 1,   ///< worker to coordinator, first: who it is
  welcome,     ///< the answer: who the coordinator is
  refusal,     ///< instead of an answer: why not; the link ends
  heartbeat,   ///< both ways: alive, and how busy
  deploy,      ///< to a worker: a branch, before the first work for it
  retire,      ///< to a worker: branches that get no more work
  work,        ///< to a worker: requests
  cancel,      ///< to a worker: requests that are to stop
  results,     ///< to a coordinator
  progress,    ///< to a coordinator: what happens in open requests
  chunk,       ///< both ways: a piece of a longer body
  chunk_taken, ///< both ways: the next piece may come
  drain,       ///< to a worker: take nothing new, finish and leave
  leaving,     ///< to a coordinator: takes nothing new from now on

  // Between coordinators.
  shared,        ///< breakers and rate limits
  cache_ask,     ///< to the home of a key: an entry, or leave to compute it
  cache_answer,  ///< of the home
  cache_store,   ///< to the home: what was computed
  cache_release, ///< to the home: the question or the computation has ended without an entry
  cache_erase,   ///< to all: an entry, or all of a cache, is to go
  cache_erased,  ///< the answer
};

[[nodiscard]] std::string_view to_string(message_kind kind);

/// Builds the body of one message, item by item: a MessagePack list that begins with the kind.
class frame_writer {
public:
  explicit frame_writer(message_kind kind);
  /// On failure (a value that cannot leave the process) the message is as it was.
  outcome<std::size_t> add(const value& item);
  /// The same for an item that is a list; nulls at its end are left out.
  outcome<std::size_t> add_list(std::span<const value> parts);
  [[nodiscard]] std::size_t items() const noexcept { return items_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.size(); }
  /// The body; the writer is as new.
  [[nodiscard]] frame take();

private:
  void begin();
  outcome<std::size_t> check(std::size_t before, outcome<std::size_t> written);

  message_kind kind_;
  std::vector<std::uint8_t> bytes_;
  std::size_t items_ = 0;
};

[[nodiscard]] frame write_frame(message_kind kind, std::initializer_list<value> items = {});

struct message {
  message_kind kind;
  value items; ///< a list; item 0 is the kind
  [[nodiscard]] value item(std::size_t index) const { return items.at(index + 1); }
  [[nodiscard]] std::size_t size() const noexcept { return items.size() - 1; }
};

/// Reads the body of a message; `malformed` for anything that is none.
outcome<message> read_frame(const frame& body);

/// How a node introduces itself.
struct node_facts {
  node_identity identity{};
  std::string role{}; ///< `worker` or `coordinator`
  std::string version{};
  std::int64_t major = protocol_major;
  std::int64_t minor = protocol_minor;
  std::map<std::string, std::string> labels{};
  std::vector<std::string> step_types{}; ///< sorted
  std::vector<std::string> pipelines{};  ///< hashes of what was registered in C++, in hex, sorted
  std::size_t credit = 0;
  duration heartbeat{};
  duration lost_after{};
};

[[nodiscard]] value to_value(const node_facts& facts);
outcome<node_facts> node_facts_from(const value& content);

/// Says why these two cannot work together; nothing when they can.
[[nodiscard]] std::optional<std::string> incompatible(const node_facts& mine,
                                                      const node_facts& theirs);

} // namespace troupe::nodes
