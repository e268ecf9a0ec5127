#pragma once

#include <string>
#include <vector>

namespace troupe::detail {

/// One option of a command, or a word without a dash that it takes.
struct option_description {
  std::vector<std::string> names{}; ///< with their dashes; empty for a word
  std::string summary{};
  bool takes_value = false;
  std::vector<std::string> choices{}; ///< all values there are; empty: any
  bool takes_files = false;
};

/// A command as the shells see it.
struct command_tree {
  std::string name{};
  std::string summary{};
  std::vector<option_description> options{};
  std::vector<option_description> words{};
  std::vector<command_tree> commands{};
};

/// A script that completes the program's command line in `bash`, `zsh` or `fish`; empty for any
/// other shell.
[[nodiscard]] std::string completion_script(const std::string& shell, const command_tree& tree);

} // namespace troupe::detail
