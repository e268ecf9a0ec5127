#pragma once

#include "command_options.hpp"
#include "command_tree.hpp"
#include "console.hpp"

#include <troupe/workflows/step_registry.hpp>

#include <string>
#include <vector>

namespace troupe::detail {

// Each returns the exit status and throws `usage_error` or `cluster_error`.
int run_command(console& speaker, run_request request, std::vector<std::string> words,
                const step_registry& registry);
int validate_command(console& speaker, const validate_request& request,
                     const step_registry& registry);
int graph_command(console& speaker, const graph_request& request, const step_registry& registry);
int types_command(console& speaker, const types_request& request, const step_registry& registry);
int submit_command(console& speaker, const cluster_request& request,
                   const std::vector<std::string>& words);
int cluster_command(console& speaker, const std::string& name, const cluster_request& request);
int top_command(console& speaker, const cluster_request& request);
int node_command(console& speaker, const node_request& request, const step_registry& registry);
int config_command(console& speaker, const node_request& request);
int up_command(console& speaker, const up_request& request);
int health_command(console& speaker, const health_request& request);
int certs_command(console& speaker, const certs_request& request);
int completion_command(console& speaker, const std::string& shell, const command_tree& tree);

} // namespace troupe::detail
