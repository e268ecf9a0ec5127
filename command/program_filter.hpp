#pragma once

#include <string>
#include <vector>

namespace troupe::detail {

struct filtered {
  bool started = false;
  int exit_status = -1; ///< -1 when a signal has ended it
  std::string output{};
  std::string errors{}; ///< what it said, or why it could not be started
};

/// Runs a program, without a shell, on a text, and waits for it.
[[nodiscard]] filtered filter_through(const std::vector<std::string>& argv,
                                      const std::string& input);

} // namespace troupe::detail
