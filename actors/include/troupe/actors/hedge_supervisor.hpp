#pragma once

#include <troupe/actors/shared_decision.hpp>
#include <troupe/actors/stage.hpp>
#include <troupe/policies/hedge.hpp>

#include <memory>

namespace troupe::actors {

/// Starts extra attempts while the first is slow; the first success wins.
struct hedge_supervisor {
  stage_ref child;
  hedge options;
  std::shared_ptr<shared_decision<recent_latencies>> latencies;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                hedge_supervisor parts);

} // namespace troupe::actors
