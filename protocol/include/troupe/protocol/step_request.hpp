#pragma once

#include <troupe/protocol/context.hpp>
#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/run_scope.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/value.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace troupe {

namespace actors {
class saga_log;
}

/// Which item of a map and which turn of a loop a request belongs to, innermost first. Null outside
/// of both.
struct turn {
  std::uint64_t index;
  std::shared_ptr<const turn> outer;
};

/// Asks a stage to do its work once. Answered by exactly one `step_result`.
struct step_request {
  request_id id{};
  std::shared_ptr<run_scope> run{};
  value input{};
  context ctx{};
  instant deadline = no_deadline;       ///< absolute; a stage refuses what is already late
  std::uint32_t attempt = 1;            ///< counts from 1; set by the innermost retry
  std::shared_ptr<usage_meter> meter{}; ///< where steps report what they spend
  std::shared_ptr<const turn> turns{};
  /// Takes what would have to be undone if the work around this request fails; null where nothing
  /// is ever undone.
  std::shared_ptr<actors::saga_log> saga{};
  /// Which calls of recorded stages around it this request belongs to, innermost first; null where
  /// nothing is recorded.
  std::shared_ptr<const turn> calls{};
  /// What the process that owns the run has decided for this call beforehand; null where it decides
  /// nothing.
  value ticket{};
  bool shielded = false; ///< undoes something: runs in spite of a cancel or a broken usage limit
};

} // namespace troupe
