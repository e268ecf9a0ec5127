#include <troupe/troupe.hpp>

#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace troupe {
namespace {

using ::testing::ElementsAre;
using std::chrono_literals::operator""ms;

/// Real time and real threads, fused and not.
class SagaAndPauseTest : public ::testing::TestWithParam<bool> {
protected:
  static runtime_options options() {
    runtime_options chosen;
    chosen.log = false;
    chosen.workers = 4;
    chosen.replicas = 2;
    chosen.fuse_stages = GetParam();
    chosen.cancel_grace = 500ms;
    return chosen;
  }

  step<int, int> undo(const std::string& name) {
    return step("undo " + name, [this, name](int input) {
      const std::scoped_lock lock(mutex_);
      undone_.push_back(name);
      return input;
    });
  }

  std::vector<std::string> undone() {
    const std::scoped_lock lock(mutex_);
    return undone_;
  }

  static step<int, int> waits_for(const std::shared_ptr<std::latch>& begun) {
    return step("waits", [begun](int input, step_context& ctx) -> outcome<int> {
      begun->count_down();
      ctx.sleep_for(std::chrono::hours(1));
      return input;
    });
  }

private:
  std::mutex mutex_;
  std::vector<std::string> undone_;
};
INSTANTIATE_TEST_SUITE_P(Hosting, SagaAndPauseTest, ::testing::Bool(),
                         [](const auto& hosting) { return hosting.param ? "Fused" : "Unfused"; });

step<int, int> plus_one(const std::string& name) {
  return step(name, [](int x) { return x + 1; });
}

step<int, int> failing(const std::string& name) {
  return step(name, [](int) -> outcome<int> { return failure{failure_kind::permanent, "f"}; });
}

TEST_P(SagaAndPauseTest, UndoesManyRunsAtOnceEachOnce) {
  runtime rt(options());
  std::atomic<int> backward{0};
  const auto back = inline_step("back", [&backward](int x) {
    ++backward;
    return x;
  });
  const auto one = plus_one("one") | compensate(back);
  const auto both = parallel(one, one);
  auto live = rt.deploy(both >> step("sum", [](const std::tuple<int, int>& parts) -> outcome<int> {
                          if (std::get<0>(parts) % 2 == 0) return std::get<1>(parts);
                          return failure{failure_kind::permanent, "odd"};
                        }));
  std::vector<run<int>> runs;
  for (int input = 0; input < 200; ++input) runs.push_back(live.start(input));
  int failed = 0;
  for (const auto& each : runs) failed += each.wait() ? 0 : 1;

  EXPECT_EQ(failed, 100);
  EXPECT_EQ(backward, 200);
}

TEST_P(SagaAndPauseTest, ACancelIsUndoneInOrder) {
  runtime rt(options());
  auto begun = std::make_shared<std::latch>(1);
  auto live = rt.deploy((plus_one("a") | compensate(undo("a")))
                        >> (waits_for(begun) | compensate(undo("b"))));
  auto run = live.start(1);
  begun->wait();

  run.cancel();

  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_THAT(undone(), ElementsAre("b", "a"));
}

TEST_P(SagaAndPauseTest, TheEndOfTheRuntimeUndoesWhatIsOpen) {
  std::optional<runtime> rt(std::in_place, options());
  auto begun = std::make_shared<std::latch>(1);
  auto run = rt->deploy((plus_one("a") | compensate(undo("a")))
                        >> (waits_for(begun) | compensate(undo("b"))))
                 .start(1);
  begun->wait();

  rt.reset();

  ASSERT_TRUE(run.done());
  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_THAT(undone(), ElementsAre("b", "a"));
}

TEST_P(SagaAndPauseTest, TheEndOfTheRuntimeWaitsForNoCompensationForEver) {
  std::optional<runtime> rt(std::in_place, options());
  auto undoing = std::make_shared<std::latch>(1);
  auto run = rt->deploy(failing("a") | compensate(waits_for(undoing))).start(1);
  undoing->wait();

  rt.reset();

  ASSERT_TRUE(run.done());
  EXPECT_EQ(run.result().why->message, "the runtime is going down");
}

TEST_P(SagaAndPauseTest, ManyRunsPauseAndGoOn) {
  runtime rt(options());
  std::atomic<int> first_calls{0};
  const auto first = step("first", [&first_calls](int x) {
    ++first_calls;
    return x + 1;
  });
  const auto sides = parallel(
      first, pause<int, int>("ask", [](int x) { return "add to " + std::to_string(x) + "?"; }));
  auto live = rt.deploy(sides >> step("sum", [](const std::tuple<int, int>& parts) {
                          return std::get<0>(parts) + std::get<1>(parts);
                        }));
  std::vector<run<int>> runs;
  for (int input = 0; input < 100; ++input) runs.push_back(live.start(input));

  for (int input = 0; input < 100; ++input) {
    const auto& paused = runs[static_cast<std::size_t>(input)];
    ASSERT_EQ(paused.result().status, run_status::paused);
    EXPECT_EQ(paused.result().snapshot->pause.prompt, "add to " + std::to_string(input) + "?");
    const auto next = live.resume(paused, 1000);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->wait().value(), input + 1 + 1000);
  }
  EXPECT_EQ(first_calls, 100);
}

TEST_P(SagaAndPauseTest, ARunIsGoneOnWithOnce) {
  runtime rt(options());
  auto live = rt.deploy(pause<int, int>("ask", "?"));
  const auto paused = live.start(1);
  std::atomic<int> accepted{0};
  std::vector<std::jthread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&] {
      if (const auto next = live.resume(paused, 1)) accepted += next->wait() ? 1 : 0;
    });
  }
  threads.clear();

  EXPECT_EQ(accepted, 1);
}

} // namespace
} // namespace troupe
