#pragma once

#include <troupe/protocol/time.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::testing {

/// What is seen of a cluster from outside.
enum class fact_kind : std::uint8_t {
  run_started,
  run_ended,
  requested,    ///< `process` asks for a piece of work of `run`
  cancel_asked, ///< and does not want it any more
  answered,     ///< `text` is the output of a success; `failed` says that it is none
  started,      ///< `process` begins an execution of `step` for a request
  spent,        ///< by an execution: `amount`
  ended,        ///< `text` is what the execution gave, unless it `failed`
  died,         ///< `process` is no more, and what it did has ended
  gave_up,      ///< `process` has given up `other`
  lost_link,    ///< `process` has no link to `other` any more
  queued,       ///< at `process`: `amount` requests wait
  explained,    ///< `process` names `amount` reasons why `run` waits
  counted,      ///< `run` has spent `amount` in the books of `process`
  calm,         ///< nothing was disturbed for long: what can go on has gone on
};

[[nodiscard]] std::string_view to_string(fact_kind kind);

/// One thing that was seen to happen. Names are numbers, each used once: of a process one for each
/// of its lives, of a request one for each time that it is asked.
struct fact {
  fact_kind what{};
  instant at{};
  std::uint64_t run = 0;
  std::uint64_t request = 0;
  std::uint64_t execution = 0;
  std::uint64_t process = 0;
  std::uint64_t other = 0;
  std::uint64_t amount = 0;
  std::uint32_t attempt = 1;
  bool failed = false;
  bool once = false;       ///< a step that must not be done twice
  duration stubborn_for{}; ///< how long an execution goes on when it is told to stop
  std::string step{};
  std::string text{};
};

[[nodiscard]] std::string to_string(const fact& what);

/// What a history has to keep to.
struct history_rules {
  duration stops_within{};                       ///< after its end, or the end of who asked
  std::size_t max_queued = SIZE_MAX;             ///< at one process
  std::map<std::uint64_t, std::size_t> credit{}; ///< of processes, for each who asks
  /// The network lost, repeated or exchanged messages inside of links: what is not done and what
  /// is done twice says nothing then.
  bool broken_network = false;
};

/// Says what is wrong with a history, a line for each. Knows nothing of what made it.
[[nodiscard]] std::vector<std::string> violations(const std::vector<fact>& history,
                                                  const history_rules& rules);

} // namespace troupe::testing
