// Tests a pipeline without waiting: its clock is moved, not watched.
// Shows: virtual_runtime and scripted steps, the test kit that comes with the library.
// Prints how much virtual time a patient retry took.
#include <troupe/runtime/testing.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;
using namespace troupe;

int main() {
  testing::scripted_step service("service", {testing::transient("down"), testing::transient("down"),
                                             testing::ok("up again").taking(200ms)});
  testing::virtual_runtime rt;
  auto live = rt.deploy(service() | retry{.initial_delay = 20min, .max_delay = 1h});

  const auto before = rt.now();
  const auto answer = live.run("hello");
  std::cout << to_string(answer.value()) << " after " << service.call_count() << " calls and "
            << to_string(rt.now() - before) << ": an hour of back-off, done in a moment\n";
}
