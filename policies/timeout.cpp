#include "description.hpp"

#include <troupe/policies/timeout.hpp>

namespace troupe {

value troupe_describe(const timeout& options) {
  return description::map({{"after", description::of(options.after)}});
}

void troupe_check(const timeout& options, option_check& report) {
  report.positive("after", options.after);
}

} // namespace troupe
