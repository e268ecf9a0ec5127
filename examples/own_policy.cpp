// Gives a name to a way of protecting steps, and uses it like a policy of the library.
// Shows: a policy of your own is any callable from step to step.
// Prints the answer of the third attempt.
#include <troupe/troupe.hpp>

#include <atomic>
#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using namespace troupe;

/// How our services are called: every attempt is bounded, and so is the whole.
struct patient {
  std::chrono::milliseconds in_all = 5s;

  template <class In, class Out>
  auto operator()(const step<In, Out>& to) const {
    return to | timeout{.after = in_all / 5} | retry{.max_retries = 4, .initial_delay = 10ms}
           | timeout{.after = in_all};
  }
};

int main() {
  std::atomic<int> calls = 0;
  auto flaky = step("flaky", [&calls](const std::string& what) -> outcome<std::string> {
    if (++calls < 3) return failure{failure_kind::transient, "not yet"};
    return what + " time lucky";
  });

  runtime rt{{.log = false}};
  auto live = rt.deploy(flaky | patient{.in_all = 2s});
  std::cout << live.run("third").value_or("no luck") << '\n';
}
