#pragma once

#include <troupe/protocol/failure.hpp>
#include <troupe/protocol/run_scope.hpp>
#include <troupe/protocol/step_request.hpp>
#include <troupe/protocol/step_result.hpp>
#include <troupe/protocol/time.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

enum class event_kind : std::uint8_t {
  run_started,
  run_finished,       ///< `result` is the whole run; `why` is set when it did not succeed
  run_paused,         ///< a stage asks a person; `detail` is the prompt
  step_started,       ///< an attempt of a step begins
  step_finished,      ///< an attempt of a step ended; `result`, and `why` when it failed
  retry_scheduled,    ///< `why` the attempt failed, `delay` until the next one
  fallback_started,   ///< `why` the level before failed; `detail` names the fallback
  fallback_succeeded, ///< `detail` names the fallback
  fallback_failed,    ///< every level failed
  cache_hit,
  cache_miss,
  breaker_changed, ///< `detail` is `closed -> open` and so on; belongs to no run when an operator
                   ///< did it
  hedge_started,
  call_rejected,   ///< `why` says by what
  call_waiting,    ///< `detail` says for what
  step_abandoned,  ///< a step ignored its stop token for the whole grace period
  stage_restarted, ///< `why` it failed
  warning,         ///< `detail` is for people; `why` is set when it is an error of the program
};

[[nodiscard]] std::string_view to_string(event_kind kind);

/// A fact about a run, told to observers as it happens. The references are good only during the
/// call.
struct run_event {
  event_kind kind;
  instant at{};
  const run_scope* run = nullptr; ///< null for what belongs to no run
  std::string_view step{};        ///< name of the step or stage
  std::uint32_t attempt = 0;
  const failure* why = nullptr;
  const step_result* result = nullptr;
  duration delay{};
  std::string_view detail{};
  std::string_view path{};     ///< place of the stage in the plan, such as `0/2/1`
  std::string_view node{};     ///< where it happens; empty: in the process of the run
  const turn* turns = nullptr; ///< of the blocks around it, the innermost first
};

} // namespace troupe
