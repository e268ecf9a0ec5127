#pragma once

#include <troupe/actors/stage.hpp>
#include <troupe/protocol/value.hpp>

#include <functional>
#include <memory>

namespace troupe::actors {

/// Stands for a stage that works in another process: sends its requests there, and sees to the
/// usage limit of the run here, where all of its branches add up.
struct remote_stage {
  stage_ref there;
  /// Decides for a call what its step cannot decide where it runs; may be empty.
  std::function<value(const value& input)> ticket{};
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                remote_stage parts);

} // namespace troupe::actors
