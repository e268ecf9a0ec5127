#pragma once

#include "process_runner.hpp"

#include <string>
#include <string_view>

namespace troupe {

/// Returns an output without its final newline, and with the replacement character for each byte
/// that is no UTF-8.
[[nodiscard]] std::string text_of_output(std::string_view output);

/// Returns `PROGRAM exited with code N`, or which signal killed it, and the last lines of what it
/// said on its standard error: at most ten, without control characters.
[[nodiscard]] std::string how_it_ended(const std::string& program, const process_reply& reply);

} // namespace troupe
