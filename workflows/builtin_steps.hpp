#pragma once

#include <troupe/workflows/step_registry.hpp>

namespace troupe {

// The step types that ship with troupe.

[[nodiscard]] step_type value_step_type();
[[nodiscard]] step_type sleep_step_type();
[[nodiscard]] step_type fail_step_type();
[[nodiscard]] step_type http_request_step_type();
[[nodiscard]] step_type llm_chat_step_type();
[[nodiscard]] step_type exec_step_type();
[[nodiscard]] step_type script_step_type();

} // namespace troupe
