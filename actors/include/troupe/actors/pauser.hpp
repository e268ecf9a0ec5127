#pragma once

#include <troupe/actors/stage.hpp>
#include <troupe/protocol/behavior.hpp>
#include <troupe/protocol/plan.hpp>
#include <troupe/protocol/run_journal.hpp>
#include <troupe/protocol/step_request.hpp>

#include <memory>
#include <string>

namespace troupe {

/// Asks a person.
struct pause_options {
  behavior<std::string(const value& input, const context&, const step_request&)> prompt{};
  answer_rule rule{};
};

value troupe_describe(const pause_options& options);
void troupe_check(const pause_options& options, option_check& report);

namespace actors {

/// Stops the run until somebody has answered: the answer is its output. It looks for it in the
/// run's journal, and where there is none yet, ends as `paused`.
struct pauser {
  pause_options options;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                pauser parts);

/// Where a call is in its run: the path of the stage, and the turns of the blocks around it.
[[nodiscard]] std::string path_of(const stage_identity& who, const step_request& request);
/// The same, and how many calls have been there with it.
[[nodiscard]] run_journal::place place_of(const stage_identity& who, const step_request& request);

} // namespace actors
} // namespace troupe
