#pragma once

#include "command_options.hpp"
#include "console.hpp"

#include <troupe/service/cluster_client.hpp>
#include <troupe/workflows/step_registry.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::detail {

/// `run --cluster`: what `run` does, with the work done elsewhere. Returns the exit status; throws
/// `usage_error` and `cluster_error`.
int run_on_cluster(console& speaker, const run_request& request,
                   const std::vector<std::string>& words, const step_registry& registry);

/// Starts one run, shows how it gets on, and what came of it.
struct cluster_run {
  service::submission what{};
  std::string file{};  ///< that it came from; empty for a name
  std::string again{}; ///< the command that does the same again
  bool json = false;
  bool cancels = true; ///< Ctrl-C cancels the run, or else only the waiting for it
};
int run_one(console& speaker, cluster_client& cluster, const cluster_run& given,
            const step_registry& registry);

/// Many runs of one workflow.
struct cluster_batch {
  service::submission what{};
  std::vector<value> inputs{};
  std::string source{}; ///< of the inputs, for messages
  std::size_t concurrency = 1;
  bool json = false;
};
int run_batch(console& speaker, cluster_client& cluster, const cluster_batch& given);

/// The words as a line for a shell; empty when standard input is among them.
[[nodiscard]] std::string line_again(const std::vector<std::string>& words);

} // namespace troupe::detail
