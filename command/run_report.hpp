#pragma once

#include "terminal_text.hpp"

#include <troupe/runtime/run_result.hpp>

#include <cstddef>
#include <string>

namespace troupe::detail {

/// `0.25 USD`, with as many digits as it takes.
[[nodiscard]] std::string dollars(double amount);

/// One line about a run that has ended.
[[nodiscard]] std::string summary_of(const run_result& result, bool colored);

/// What the report of a failure needs to know besides the result.
struct failure_surroundings {
  std::size_t top_level_steps = 0; ///< of the whole pipeline
  std::string again{};             ///< the command that does the same run again
  bool colored = false;
};

/// Why a run failed, where, and what to do next, for people; ends with a line end.
[[nodiscard]] std::string explain_failure(const run_result& result,
                                          const failure_surroundings& about);

/// What helps against such a failure of a step.
[[nodiscard]] std::string advice_on(const failure& why, const std::string& step);

} // namespace troupe::detail
