#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/deployment.hpp>
#include <troupe/runtime/protect.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/runtime/step.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace troupe {
namespace {

using std::chrono_literals::operator""ms;

runtime_options two_threads(bool fused = true) {
  runtime_options options;
  options.log = false;
  options.workers = 2;
  options.fuse_stages = fused;
  return options;
}

TEST(VisitingThread, WorksOnTheRunItWaitsForWhenNothingElseGoesOn) {
  runtime rt{two_threads()};
  std::thread::id worker;
  const auto live = rt.deploy(inline_step("who", [&](int x) {
    worker = std::this_thread::get_id();
    return x + 1;
  }));

  EXPECT_EQ(live.run(1).value(), 2);

  EXPECT_EQ(worker, std::this_thread::get_id());
}

TEST(VisitingThread, LeavesTimersToTheHost) {
  runtime rt{two_threads()};
  std::atomic<int> tried{0};
  const auto flaky = inline_step("flaky", [&](int x) -> outcome<int> {
    if (++tried < 3) return failure{failure_kind::transient, "not yet"};
    return x;
  });
  const auto live = rt.deploy(flaky | retry{.initial_delay = 1ms});

  EXPECT_EQ(live.run(7).value(), 7);

  EXPECT_EQ(tried, 3);
}

// Threads that visit, threads that start runs, and the hosts take turns; nothing is lost between
// them.
class VisitingThreads : public ::testing::TestWithParam<bool> {};

TEST_P(VisitingThreads, LoseNoRun) {
  constexpr int threads = 4;
  constexpr int runs = 500;
  runtime rt{two_threads(GetParam())};
  const auto add = inline_step("add", [](int x) { return x + 1; });
  const auto slow = step("slow", [](int x) { return x + 1; });
  const auto live = rt.deploy(add >> slow >> add);
  const auto quick = rt.deploy(add);
  std::atomic<int> right{0};
  std::vector<std::thread> callers;

  for (int caller = 0; caller < threads; ++caller) {
    callers.emplace_back([&] {
      for (int number = 0; number < runs; ++number) {
        const auto started = quick.start(number);
        if (live.run(number).value() == number + 3) ++right;
        if (quick.run(number).value() == number + 1) ++right;
        if (started.wait().value() == number + 1) ++right;
      }
    });
  }
  for (auto& each : callers) each.join();

  EXPECT_EQ(right, threads * runs * 3);
}

INSTANTIATE_TEST_SUITE_P(Hosts, VisitingThreads, ::testing::Values(true, false));

} // namespace
} // namespace troupe
