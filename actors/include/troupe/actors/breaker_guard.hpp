#pragma once

#include <troupe/actors/shared_decision.hpp>
#include <troupe/actors/stage.hpp>
#include <troupe/policies/breaker.hpp>

#include <memory>

namespace troupe::actors {

using shared_breaker = shared_decision<breaker_state>;

/// Stands in front of its child and turns calls away while the child keeps failing.
struct breaker_guard {
  stage_ref child;
  std::shared_ptr<shared_breaker> state;
  bool remembers = false; ///< who was let in before a pause
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                breaker_guard parts);

/// `closed -> open`
[[nodiscard]] std::string transition_text(breaker_phase from, breaker_phase to);

} // namespace troupe::actors
