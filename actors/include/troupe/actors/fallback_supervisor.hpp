#pragma once

#include <troupe/actors/stage.hpp>

#include <memory>
#include <vector>

namespace troupe::actors {

/// Tries its levels in order until one succeeds. Each gets the original input and context.
struct fallback_supervisor {
  std::vector<stage_ref> levels;  ///< the primary first
  std::vector<std::string> names; ///< theirs, for events
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                fallback_supervisor parts);

} // namespace troupe::actors
