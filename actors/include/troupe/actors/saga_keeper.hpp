#pragma once

#include <troupe/actors/stage.hpp>

#include <chrono>
#include <memory>

namespace troupe::actors {

/// Around a stage that can be undone: notes that it was started.
struct saga_member {
  stage_ref child;
  stage_ref compensation;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                saga_member parts);

/// Around everything whose failure somebody deals with: a whole run, an attempt, a level of a
/// fallback, a branch that may fail. When it does not succeed, what was started in it is undone,
/// the latest first, one after the other, with the input and context it was started with. A cancel
/// does not stop that. When it succeeds, undoing it is up to the scope around it.
struct saga_keeper {
  stage_ref child;
  /// For a scope that deals with no end of the run (a retry, say): then all is left to the scope
  /// around it, which knows the order.
  bool passes_ends_on = false;
};

/// How long one stage may take to undo another. When everything is about to end, all of them
/// together get the grace period instead.
inline constexpr auto compensation_limit = std::chrono::hours(1);

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                saga_keeper parts);

} // namespace troupe::actors
