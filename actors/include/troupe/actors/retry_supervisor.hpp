#pragma once

#include <troupe/actors/shared_decision.hpp>
#include <troupe/actors/stage.hpp>
#include <troupe/policies/retry.hpp>

#include <memory>
#include <optional>

namespace troupe::actors {

/// Tries its child again while that makes sense. Every attempt starts from the original input and
/// context.
struct retry_supervisor {
  stage_ref child;
  retry options;
  std::shared_ptr<shared_decision<retry_budget>> budget; ///< null without a budget
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                retry_supervisor parts);

} // namespace troupe::actors
