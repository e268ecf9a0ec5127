// Watches what happens inside a run: attempts, retries, and the end.
// Shows: hooks, checkpoints, metrics of a deployment.
// Prints one line for each thing that happens.
#include <troupe/troupe.hpp>

#include <atomic>
#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using namespace troupe;

int main() {
  // Hooks run on threads of the runtime; with one run at a time there is no need to guard the
  // output.
  const auto watcher = make_observer({
      .before_step =
          [](const run_event& event) {
            std::cout << event.step << ": attempt " << event.attempt << '\n';
          },
      .on_failure =
          [](const run_event& event) {
            std::cout << event.step << ": " << event.why->message << '\n';
          },
  });

  std::atomic<int> calls = 0;
  auto load = step("load", [&calls](int id, step_context& context) -> outcome<int> {
    if (++calls == 1) return failure{failure_kind::transient, "the network blinked"};
    context.checkpoint("loaded");
    context.report_usage({.cost_usd = 0.01, .tokens = 20});
    return id * 10;
  });

  runtime rt{{.observers = {watcher}, .log = false}};
  auto live = rt.deploy(load | retry{.initial_delay = 10ms});
  const auto run = live.start(4);
  const auto& result = run.result();
  std::cout << "checkpoint: " << result.checkpoints.at(0).name << '\n'
            << "cost: $" << result.total_cost_usd << ", retries: " << result.metrics.retry_count
            << '\n'
            << "run " << to_string(result.status) << '\n';
}
