#pragma once

#include "source_text.hpp"

#include <troupe/workflows/workflow_file.hpp>

#include <string>

namespace troupe {

/// Reads a whole workflow from its text. Throws `workflow_error` with every error.
[[nodiscard]] workflow read_whole(source_text source, const step_registry& registry,
                                  const environment_reader& environment);

} // namespace troupe
