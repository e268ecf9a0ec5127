#pragma once

#include <troupe/actors/block_options.hpp>
#include <troupe/actors/sequencer.hpp>
#include <troupe/actors/stage.hpp>

#include <memory>

namespace troupe::actors {

/// Repeats its body until the condition holds, and fails when the turns are used up before.
struct looper {
  listed_child body;
  loop_options options;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                looper parts);

} // namespace troupe::actors
