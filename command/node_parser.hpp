#pragma once

#include "command_options.hpp"
#include "console.hpp"

#include <string>

namespace CLI {
class App;
}

namespace troupe::detail {

/// What is given to the commands that make nodes.
struct node_requests {
  node_request node{};
  node_request config{};
  up_request up{};
  certs_request certs{};
  health_request health{};
};

/// Adds the commands that make nodes; what is given goes to `into`.
void add_node_commands(CLI::App& app, node_requests& into);
/// Throws `usage_error` when the command lacks a word.
void check_node_words(const std::string& program, const std::string& command,
                      const node_requests& given);

} // namespace troupe::detail
