#pragma once

#include <troupe/actors/stage.hpp>

#include <memory>
#include <vector>

namespace troupe::actors {

/// A child of a composite, and whether its history is shown as the composite's own.
struct listed_child {
  stage_ref stage;
  bool spliced = false;
};

/// Adds the result of a child to a history: as one entry, or as its entries.
void append_history(std::vector<step_result>& history, step_result&& result, bool spliced);

/// Runs its children one after the other; each gets the output of the one before. Stops at the
/// first that fails.
struct sequencer {
  std::vector<listed_child> children;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                sequencer parts);

} // namespace troupe::actors
