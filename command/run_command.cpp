#include "cluster_run.hpp"
#include "commands.hpp"
#include "run_setup.hpp"

#include <utility>

namespace troupe::detail {

int run_command(console& speaker, run_request request, std::vector<std::string> words,
                const step_registry& registry) {
  if (request.access.url) {
    check_together(request);
    return run_on_cluster(speaker, request, words, registry);
  }
  auto setup = read_setup(std::move(request), std::move(words), registry, speaker);
  interrupts signals;
  const run_place place{speaker, signals};
  const auto many = setup.request.inputs.has_value();
  return many ? run_many(place, std::move(setup)) : run_once(place, std::move(setup));
}

} // namespace troupe::detail
