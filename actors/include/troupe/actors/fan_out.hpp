#pragma once

#include <troupe/actors/block_options.hpp>
#include <troupe/actors/stage.hpp>

#include <memory>
#include <string>
#include <vector>

namespace troupe::actors {

/// Runs branches side by side, isolated from each other: the declared ones (parallel), one per item
/// (map), or the ones chosen by key (router).
struct fan_out {
  plan_kind kind;
  std::vector<stage_ref> branches;
  std::vector<std::string> keys; ///< of the branches, as results name them
  block_options options;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                fan_out parts);

} // namespace troupe::actors
