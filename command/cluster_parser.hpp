#pragma once

#include "command_options.hpp"
#include "console.hpp"

#include <string>

namespace CLI {
class App;
}

namespace troupe::detail {

/// Adds the commands that speak to a cluster; what is given goes to `into`.
void add_cluster_commands(CLI::App& app, cluster_request& into, console_options& speaks);
/// Adds the options that say where a cluster is.
void add_access(CLI::App& to, cluster_access& into);
/// Throws `usage_error` when the command lacks a word.
void check_cluster_words(const std::string& program, const std::string& command,
                         const cluster_request& given);
/// True for the commands above.
[[nodiscard]] bool is_cluster_command(const std::string& name);

} // namespace troupe::detail
