#pragma once

#include <troupe/actors/stage.hpp>
#include <troupe/policies/timeout.hpp>

#include <memory>

namespace troupe::actors {

/// Bounds one execution of its child: answers at the limit, and drops what still comes.
struct timeout_supervisor {
  stage_ref child;
  timeout options;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                timeout_supervisor parts);

} // namespace troupe::actors
