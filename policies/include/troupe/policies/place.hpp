#pragma once

#include <troupe/protocol/plan.hpp>

#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// Which nodes of a cluster may run a stage: those that carry all of these labels. A process that
/// is no part of a cluster runs everything itself.
struct place {
  std::vector<std::pair<std::string, std::string>> labels{}; ///< name and content; at least one
};

value troupe_describe(const place& options);
void troupe_check(const place& options, option_check& report);

} // namespace troupe
