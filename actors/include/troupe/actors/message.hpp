#pragma once

#include <troupe/protocol/cancel_request.hpp>
#include <troupe/protocol/step_request.hpp>
#include <troupe/protocol/step_result.hpp>

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::actors {

/// Names one open call inside a host: a place in its table, and which of the calls that used the
/// place.
struct call_id {
  std::uint32_t index = 0;
  std::uint32_t generation = 0; ///< 0 names no call
  [[nodiscard]] explicit operator bool() const noexcept { return generation != 0; }
  friend bool operator==(const call_id&, const call_id&) = default;
};

[[nodiscard]] constexpr request_id to_request_id(call_id call) noexcept {
  return static_cast<request_id>(std::uint64_t{call.generation} << 32 | call.index);
}

[[nodiscard]] constexpr call_id to_call_id(request_id id) noexcept {
  const auto bits = static_cast<std::uint64_t>(id);
  return {static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32)};
}

class mailbox;

/// Asks stage number `stage` of a host to work on `request` and to send the result to `reply_to`.
struct start_message {
  std::uint32_t stage;
  step_request request;
  std::shared_ptr<mailbox> reply_to;
};

struct result_message {
  step_result result; ///< its id names the request
};

struct cancel_message {
  cancel_request request;
  const mailbox* requester;         ///< who sent the request; compared only
  std::vector<request_id> others{}; ///< of the same requester, given up for the same reason

  /// Calls `use` with the id of each request.
  template <class Use>
  void for_each(Use&& use) const {
    use(request.id);
    for (const auto id : others) use(id);
  }
};

/// Something that a call waits for has happened outside of its stage.
struct signal {
  std::uint32_t what = 0;
  std::shared_ptr<void> payload{};
};

struct signal_message {
  call_id call;
  signal content;
};

/// There is more to do, or a timer is due.
struct wake_message {};

/// Cancel every request that came from outside, answer it, and take no new ones.
struct close_message {
  std::shared_ptr<const failure> reason;
};

using message = std::variant<start_message, result_message, cancel_message, signal_message,
                             wake_message, close_message>;

/// What waits in a mailbox, and how often its host has come for it.
struct backlog {
  std::uint32_t waiting = 0;
  std::uint32_t taken = 0;
};

/// Where messages for a host go. Thread-safe; messages to a host that is gone vanish.
class mailbox {
public:
  virtual ~mailbox() = default;
  virtual void put(message content) = 0;
  /// The same; where the host has nothing to do, this thread works for it as long as there is more
  /// to do at once, up to a bound. The host goes on with what is left.
  virtual void put_and_work(message content) { put(std::move(content)); }
  /// How it is at this moment; where nobody counts, nothing ever waits.
  [[nodiscard]] virtual backlog behind() const noexcept { return {}; }
};

/// One call, wherever it is: where a signal for it goes.
struct call_address {
  std::shared_ptr<mailbox> host{};
  call_id call{};

  void send(signal content) const {
    if (host) host->put(signal_message{call, std::move(content)});
  }
};

/// A stage, in this host (no mailbox) or in another one.
struct stage_ref {
  std::shared_ptr<mailbox> host{};
  std::uint32_t number = 0;
};

} // namespace troupe::actors
