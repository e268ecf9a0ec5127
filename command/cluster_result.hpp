#pragma once

#include <troupe/actors/run_event.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/runtime/run_result.hpp>

#include <functional>
#include <optional>

namespace troupe::detail {

/// The result of a run as a cluster has sent it; what is missing in it is left as it is. Snapshots
/// do not travel.
[[nodiscard]] run_result run_result_from(const value& content);

/// Shows an event as a cluster has sent it to somebody who knows events of this process. `begun` is
/// when the run was started, on the clock of this process. Nothing for events of other kinds.
void replay_event(const value& content, instant begun,
                  const std::function<void(const run_event&)>& show);

} // namespace troupe::detail
