#pragma once

#include "heap_count.hpp"

#include <troupe/troupe.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <semaphore>
#include <string>
#include <vector>

namespace core_bench {

/// One row of the table: what is measured, and what it may come to.
struct row {
  std::string name;
  std::string unit;
  double at_most; ///< 0: stated only
  std::function<double()> measure;
};

[[nodiscard]] std::vector<row> speed_rows();
[[nodiscard]] std::vector<row> memory_rows();

using troupe::benchmarks::heap_count;

constexpr int at_once = 64; ///< requests or runs that are outstanding where many are
constexpr int batch = 20'000;

/// Seconds for `batch` requests with their answers between two bare actors, 64 outstanding.
[[nodiscard]] double hop_batch();
/// The median time of a request and its answer, one outstanding, in seconds.
[[nodiscard]] double lone_hop();

[[nodiscard]] double median(std::vector<double> of);
[[nodiscard]] double seconds(const std::function<void()>& work);

[[nodiscard]] inline troupe::runtime_options quiet(std::size_t threads = 2) {
  troupe::runtime_options options;
  options.log = false;
  options.workers = threads;
  return options;
}

[[nodiscard]] inline auto identity() {
  return troupe::inline_step("identity", [](int x) { return x; });
}

/// Starts `count` runs, at most `window` at a time, and waits for all of them.
template <class Deployment, class Input>
void run_many(const Deployment& live, int count, int window, Input&& input_of) {
  std::counting_semaphore<> slots(window);
  for (int number = 0; number < count; ++number) {
    slots.acquire();
    static_cast<void>(live.start(input_of(number),
                                 {.on_done = [&](const troupe::run_result&) { slots.release(); }}));
  }
  for (int number = 0; number < window; ++number) slots.acquire();
}

} // namespace core_bench
