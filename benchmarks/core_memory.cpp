#include "core_bench.hpp"

#include <chrono>
#include <memory>
#include <mutex>

using namespace std::chrono_literals;
using namespace troupe;

namespace core_bench {

namespace {

runtime_options one_replica() {
  auto options = quiet();
  options.replicas = 1;
  return options;
}

double bytes_of_a_stage() {
  constexpr std::size_t stages = 1'000;
  runtime rt{one_replica()};
  const auto tree = parallel(std::vector(stages, identity()));
  static_cast<void>(rt.deploy(identity()).run(1));
  const heap_count heap;
  auto live = rt.deploy(tree);
  return heap.bytes() / stages;
}

// Each waits for its answer in an async step.
double bytes_of_an_open_run() {
  constexpr int runs = 10'000;
  runtime rt{one_replica()};
  std::mutex mutex;
  std::vector<completion<int>> open;
  open.reserve(runs);
  std::counting_semaphore<> begun(0);
  auto live = rt.deploy(async_step<int, int>("waits", [&](int, completion<int> done) {
    const std::scoped_lock lock(mutex);
    open.push_back(std::move(done));
    begun.release();
  }));
  const heap_count heap;
  for (int number = 0; number < runs; ++number) static_cast<void>(live.start(number));
  for (int number = 0; number < runs; ++number) begun.acquire();
  const auto bytes = heap.bytes() / runs;
  for (const auto& each : open) each(1);
  open.clear();
  static_cast<void>(rt.wait_until_idle(10s));
  return bytes;
}

double bytes_of_a_cached_entry() {
  constexpr int entries = 10'000;
  runtime rt{one_replica()};
  auto live = rt.deploy(identity() | cache{.max_size = entries});
  const heap_count heap;
  run_many(live, entries, at_once, [](int number) { return number; });
  static_cast<void>(rt.wait_until_idle(10s));
  return heap.bytes() / entries;
}

// Beyond the list of items itself: what is in flight, the outputs, and the history.
double peak_of_a_map(int items, int in_flight) {
  runtime rt{one_replica()};
  auto live = rt.deploy(map_over(identity(), map_options(in_flight)));
  const std::vector<int> numbers(static_cast<std::size_t>(items), 7);
  const heap_count heap;
  static_cast<void>(live.run(numbers));
  return heap.peak_bytes();
}

double bytes_of_an_item() {
  return (peak_of_a_map(110'000, 100) - peak_of_a_map(10'000, 100)) / 100'000;
}

double bytes_in_flight() {
  return (peak_of_a_map(100'000, 10'100) - peak_of_a_map(100'000, 100)) / 10'000;
}

} // namespace

std::vector<row> memory_rows() {
  return {
      {"memory of a deployed stage", "bytes", 0, bytes_of_a_stage},
      {"memory of an open run", "bytes", 0, bytes_of_an_open_run},
      {"memory of a cached entry", "bytes", 0, bytes_of_a_cached_entry},
      {"memory of a map: item, its output and its place in the history", "bytes", 0,
       bytes_of_an_item},
      {"memory of a map: item in flight", "bytes", 0, bytes_in_flight},
  };
}

} // namespace core_bench
