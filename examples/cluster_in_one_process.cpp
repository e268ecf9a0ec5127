// A coordinator and two workers, here as parts of one program; each may be a process of its own.
#include <troupe/nodes/node.hpp>
#include <troupe/troupe.hpp>

#include <chrono>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;

int main() {
  // What workers are to do has to be known on both sides.
  const auto square =
      troupe::step("square", [](int number) { return number * number; }, {.idempotent = true});
  const auto squares = troupe::map_over(square);
  troupe::step_registry registry;
  registry.add_pipeline("squares", squares);

  troupe::node_options at_home;
  at_home.role = troupe::node_role::coordinator;
  at_home.registry = registry;
  const troupe::node coordinator(at_home);

  troupe::node_options elsewhere;
  elsewhere.coordinators = {coordinator.listen_address()};
  elsewhere.registry = registry;
  elsewhere.name = "left";
  const troupe::node left(elsewhere);
  elsewhere.name = "right";
  const troupe::node right(elsewhere);
  if (!coordinator.wait_for_connections(2, 10s)) return 1;

  const auto live = coordinator.runtime().deploy(squares);
  const auto run = live.start(std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8});
  const auto output = run.wait();
  if (!output) return 1;
  auto sum = 0;
  for (const auto number : *output) sum += number;
  std::set<std::string> workers;
  for (const auto& item : run.result().step_history.at(0).step_history) {
    workers.insert(item.node.str());
  }
  std::printf("the sum is %d, from %zu workers\n", sum, workers.size());
}
