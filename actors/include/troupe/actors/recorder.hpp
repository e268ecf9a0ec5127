#pragma once

#include <troupe/actors/stage.hpp>

#include <memory>

namespace troupe::actors {

/// Keeps the results of its child in the run's journal, and answers from there what a run that was
/// started again has done before. What a replayed result spent counts for the run.
struct recorder {
  stage_ref child;
  /// For an attempt that may pause or be undone later: only when it has failed it is over.
  bool failures_only = false;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                recorder parts);

} // namespace troupe::actors
