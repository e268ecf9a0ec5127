#pragma once

#include <troupe/protocol/plan.hpp>

namespace troupe {

/// Bounds one execution of what it wraps. At the limit it answers `timed_out`; the late result is
/// dropped.
struct timeout {
  duration after; ///< greater than zero
};

value troupe_describe(const timeout& options);
void troupe_check(const timeout& options, option_check& report);

} // namespace troupe
