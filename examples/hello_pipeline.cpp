// The smallest program: two steps in a row, the first one protected.
// Shows: step, >>, |, runtime, deploy, start, wait.
// Prints 41.
#include <troupe/troupe.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

int main() {
  auto twice = troupe::step("twice", [](int x) { return 2 * x; }) | troupe::timeout{.after = 1s}
               | troupe::retry{.max_retries = 1};
  auto plus = troupe::step("plus", [](int x) { return x + 1; });

  troupe::runtime rt;
  auto live = rt.deploy(twice >> plus);

  auto result = live.start(20).wait();
  std::cout << (result ? *result : -1) << '\n';
}
