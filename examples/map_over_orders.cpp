// Makes an invoice for every order of a list, two orders at a time, and skips the one that fails.
// Shows: map over a list, a bound on what is at work, collecting failures, a struct that flows as
// it is. Prints how many invoices were made.
#include <troupe/troupe.hpp>

#include <iostream>
#include <optional>
#include <string>
#include <vector>

struct order {
  std::string id;
  int items = 0;
};
TROUPE_FIELDS(order, id, items);

struct invoice {
  std::string order_id;
  int cents = 0;
};

int main() {
  using namespace troupe;

  auto price = step("price", [](const order& placed) -> outcome<invoice> {
    if (placed.items == 0) return failure{failure_kind::permanent, placed.id + " has no items"};
    return invoice{placed.id, placed.items * 1999};
  });

  runtime rt;
  auto live = rt.deploy(collect_over(price, map_options(2)));

  const auto run = live.start({{"A-1", 2}, {"A-2", 0}, {"A-3", 1}, {"A-4", 5}});
  const auto invoices = run.wait();
  int made = 0;
  for (const auto& each : invoices.value()) {
    if (!each) continue;
    std::cout << each->order_id << ": " << each->cents << " cents\n";
    ++made;
  }
  for (const auto& entry : run.result().step_history.at(0).step_history) {
    if (!entry.success()) std::cout << "skipped: " << entry.feedback() << '\n';
  }
  std::cout << made << " invoices\n";
}
