#pragma once

#include <troupe/actors/sequencer.hpp>
#include <troupe/actors/stage.hpp>

#include <memory>

namespace troupe::actors {

/// Root of every run: bounds it by its deadline, tells observers when it begins and ends, and makes
/// the run's result of the root stage's.
struct run_keeper {
  listed_child root;
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                run_keeper parts);

} // namespace troupe::actors
