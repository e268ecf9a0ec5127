#pragma once

#include <troupe/actors/message.hpp>
#include <troupe/protocol/step_request.hpp>
#include <troupe/protocol/step_result.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe::actors {

/// What was started within a scope and would have to be undone if the scope fails. Thread-safe: the
/// stages of a scope may live in different hosts.
class saga_log {
public:
  static constexpr std::uint32_t ended_signal = 0x5a6a;

  /// One stage that was started.
  struct entry {
    std::uint64_t started = 0; ///< in the order of the starts, across all logs
    std::string name{};        ///< of the stage
    stage_ref compensation{};
    step_request original{}; ///< what the stage was asked
    std::shared_ptr<compensation_slot> result{};
    std::shared_ptr<std::atomic<bool>> ended = std::make_shared<std::atomic<bool>>(false);
  };

  /// Adds a stage that starts now; false when the scope has been undone already: then it must not
  /// start.
  [[nodiscard]] bool open(entry what);
  /// A stage has ended. Tells whoever waits for that.
  void end(const std::shared_ptr<std::atomic<bool>>& mark);
  /// Adds what a scope within this one has done; false, and nothing is taken, when this scope has
  /// been undone already.
  [[nodiscard]] bool append(std::vector<entry>& inner);

  /// Closes the log and returns what to undo, the latest first.
  [[nodiscard]] std::vector<entry> close();
  /// The entries, without closing the log.
  [[nodiscard]] std::vector<entry> take();
  /// False when every stage of the log has ended. Else `waiter` gets a signal once one has.
  [[nodiscard]] bool wait_for_ends(const std::vector<entry>& of, call_address waiter);

private:
  std::mutex mutex_;
  std::vector<entry> entries_;
  call_address waiter_;
  bool closed_ = false;
};

} // namespace troupe::actors
