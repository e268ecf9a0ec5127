#pragma once

#include <troupe/protocol/failure.hpp>
#include <troupe/protocol/ids.hpp>

#include <memory>

namespace troupe {

/// Asks a stage to give up a request. The stage still answers it, once everything below has
/// stopped.
struct cancel_request {
  request_id id{};
  std::shared_ptr<const failure>
      reason{}; ///< `cancelled`, or `timed_out` when a limit around it has passed
};

} // namespace troupe
