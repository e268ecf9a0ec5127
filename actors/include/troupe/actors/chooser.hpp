#pragma once

#include <troupe/actors/block_options.hpp>
#include <troupe/actors/sequencer.hpp>
#include <troupe/actors/stage.hpp>

#include <memory>
#include <string>
#include <vector>

namespace troupe::actors {

/// Runs the one branch that its key function names, or the one called `default`.
struct chooser {
  std::vector<listed_child> branches;
  std::vector<std::string> keys;
  branch_options options;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                chooser parts);

} // namespace troupe::actors
