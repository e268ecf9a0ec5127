#pragma once

#include <troupe/actors/stage.hpp>
#include <troupe/protocol/plan.hpp>

#include <memory>
#include <string>

namespace troupe {

/// Puts the output of a stage into the context.
struct save_as {
  std::string key{};
};

value troupe_describe(const save_as& options);
void troupe_check(const save_as& options, option_check& report);

namespace actors {

/// Keeps the output of its child in the context, when the child succeeds.
struct context_saver {
  stage_ref child;
  save_as options;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                context_saver parts);

} // namespace actors
} // namespace troupe
