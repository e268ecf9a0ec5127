#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/deployment.hpp>
#include <troupe/runtime/metrics.hpp>
#include <troupe/runtime/protect.hpp>
#include <troupe/runtime/run.hpp>
#include <troupe/runtime/run_result.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/runtime/step.hpp>

#include <gmock/gmock.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace troupe {
namespace {

using ::testing::HasSubstr;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// Real time and real threads.
runtime_options real_options(bool fused = true) {
  runtime_options options;
  options.log = false;
  options.workers = 2;
  options.replicas = 3;
  options.fuse_stages = fused;
  options.cancel_grace = 500ms;
  return options;
}

/// A step that waits until it is asked to stop.
step<int, int> obedient(std::shared_ptr<std::latch> begun) {
  return step("obedient", [begun](int x, step_context& context) {
    begun->count_down();
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, context.stop_token(), [] { return false; });
    return x;
  });
}

/// A step that ignores its stop token until a future is ready; says when it ends.
struct stubborn {
  std::promise<void> release{};
  std::promise<void> ended{};
  std::latch begun{1};

  static step<int, int> as_step(const std::shared_ptr<stubborn>& state) {
    return step("stubborn", [state, go_on = state->release.get_future().share()](int x) {
      state->begun.count_down();
      go_on.wait();
      state->ended.set_value();
      return x;
    });
  }
};

TEST(RuntimeTest, EndOfTheRuntimeCancelsOpenRuns) {
  auto begun = std::make_shared<std::latch>(2);
  std::vector<run<int>> runs;
  std::optional<runtime> rt(std::in_place, real_options());
  const auto live = rt->deploy(obedient(begun));
  for (int i = 0; i < 2; ++i) runs.push_back(live.start(i));
  begun->wait();

  rt.reset();

  for (const auto& each : runs) {
    ASSERT_TRUE(each.done());
    EXPECT_EQ(each.result().status, run_status::cancelled);
    EXPECT_THAT(each.result().feedback(), HasSubstr("going down"));
  }
}

TEST(RuntimeTest, EndOfTheRuntimeAbandonsAStepThatIgnoresItsToken) {
  auto state = std::make_shared<stubborn>();
  auto ended = state->ended.get_future();
  std::optional<runtime> rt(std::in_place, real_options());
  const auto stuck = rt->deploy(stubborn::as_step(state)).start(1);
  state->begun.wait();
  const auto before = std::chrono::steady_clock::now();

  rt.reset();

  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
  ASSERT_TRUE(stuck.done());
  EXPECT_EQ(stuck.result().status, run_status::cancelled);
  state->release.set_value();
  ended.wait();
}

TEST(RuntimeTest, StepThatIgnoresItsTokenIsAbandonedAndOtherRunsGoOn) {
  auto state = std::make_shared<stubborn>();
  auto ended = state->ended.get_future();
  runtime rt(real_options());
  const auto stuck = rt.deploy(stubborn::as_step(state)).start(1);
  state->begun.wait();

  EXPECT_TRUE(stuck.cancel());

  EXPECT_EQ(stuck.result().status, run_status::cancelled);
  EXPECT_EQ(rt.metrics().abandoned_steps, 1u);
  EXPECT_EQ(*rt.deploy(step("next", [](int x) { return x + 1; })).run(1), 2);
  state->release.set_value();
  ended.wait();
}

TEST(RuntimeTest, CancelReachesABlockingStepThroughItsStopToken) {
  auto begun = std::make_shared<std::latch>(1);
  runtime rt(real_options());
  const auto waiting = rt.deploy(obedient(begun)).start(1);
  begun->wait();

  EXPECT_TRUE(waiting.cancel());
  EXPECT_FALSE(waiting.cancel());

  EXPECT_EQ(waiting.result().status, run_status::cancelled);
  EXPECT_EQ(rt.metrics().abandoned_steps, 0u);
}

TEST(RuntimeTest, DeadlineStopsABlockingStep) {
  auto begun = std::make_shared<std::latch>(1);
  runtime rt(real_options());
  run_options how;
  how.deadline = 50ms;

  const auto result = rt.deploy(obedient(begun)).start(1, how).wait();

  ASSERT_FALSE(result);
  EXPECT_EQ(result.why().kind, failure_kind::timed_out);
}

TEST(RuntimeTest, BlockingStepsWorkAtTheSameTime) {
  auto together = std::make_shared<std::barrier<>>(4);
  runtime rt(real_options());
  const auto meet = step("meet", [together](int x) {
    together->arrive_and_wait();
    return x;
  });

  const auto result = rt.deploy(parallel(meet, meet, meet, meet)).run(7);

  ASSERT_TRUE(result);
  EXPECT_EQ(*result, std::tuple(7, 7, 7, 7));
}

TEST(RuntimeTest, StepsBeyondTheQueueAreRejected) {
  auto state = std::make_shared<stubborn>();
  auto options = real_options();
  options.blocking_threads = 1;
  options.max_queued_steps = 1;
  runtime rt(options);
  const auto busy = rt.deploy(stubborn::as_step(state)).start(1);
  state->begun.wait();
  const auto live = rt.deploy(step("next", [](int x) { return x; }));
  const auto queued = live.start(2);
  while (rt.metrics().blocking_steps_queued == 0) std::this_thread::yield();

  const auto rejected = live.run(3);
  state->release.set_value();

  ASSERT_FALSE(rejected);
  EXPECT_EQ(rejected.why().kind, failure_kind::rejected);
  EXPECT_EQ(*busy.wait(), 1);
  EXPECT_EQ(*queued.wait(), 2);
}

TEST(RuntimeTest, OnDoneIsCalledOnceWithTheResult) {
  runtime rt(real_options());
  std::promise<int> done;
  run_options how;
  how.on_done = [&](const run_result& result) {
    done.set_value(static_cast<int>(*result.output.if_integer()));
  };

  const auto live = rt.deploy(inline_step("a", [](int x) { return x + 1; }));
  const auto started = live.start(1, how);

  EXPECT_EQ(done.get_future().get(), 2);
  EXPECT_EQ(*started.wait(), 2);
}

TEST(RuntimeTest, OnDoneIsCalledForACancelledRunToo) {
  auto begun = std::make_shared<std::latch>(1);
  std::promise<run_status> done;
  run_options how;
  how.on_done = [&](const run_result& result) { done.set_value(result.status); };
  runtime rt(real_options());
  const auto waiting = rt.deploy(obedient(begun)).start(1, how);
  begun->wait();

  EXPECT_TRUE(waiting.cancel());

  EXPECT_EQ(done.get_future().get(), run_status::cancelled);
}

TEST(RuntimeTest, DefinedStepIsUsedByName) {
  runtime rt(real_options());
  rt.define("twice", inline_step("times two", [](int x) { return x * 2; }));

  EXPECT_EQ(*rt.deploy(use<int, int>("twice") >> use<int, int>("twice")).run(3), 12);
}

TEST(RuntimeTest, LaterDefinitionCountsForLaterDeployments) {
  runtime rt(real_options());
  rt.define("step", inline_step("old", [](int) { return 1; }));
  const auto early = rt.deploy(use<int, int>("step"));
  rt.define("step", inline_step("new", [](int) { return 2; }));
  const auto late = rt.deploy(use<int, int>("step"));

  EXPECT_EQ(*early.run(0), 1);
  EXPECT_EQ(*late.run(0), 2);
}

TEST(RuntimeTest, UnknownNameIsRefused) {
  runtime rt(real_options());

  EXPECT_THROW((void)rt.deploy(use<int, int>("nothing")), plan_error);
}

TEST(RuntimeTest, WaitForGivesUpAtItsLimit) {
  auto begun = std::make_shared<std::latch>(1);
  runtime rt(real_options());
  const auto waiting = rt.deploy(obedient(begun)).start(1);

  EXPECT_FALSE(waiting.wait_for(1ms));
  EXPECT_FALSE(waiting.done());
  EXPECT_TRUE(waiting.cancel());
  EXPECT_TRUE(waiting.wait_for(60s));
}

TEST(RuntimeTest, RunGoesOnWithoutHandles) {
  std::promise<void> done;
  run_options how;
  how.on_done = [&](const run_result&) { done.set_value(); };
  runtime rt(real_options());

  (void)rt.deploy(step("a", [](int x) { return x; })).start(1, how);

  done.get_future().wait();
}

struct ManyRuns : ::testing::TestWithParam<bool> {};

TEST_P(ManyRuns, AreSpreadOverReplicasAndDoNotMix) {
  runtime rt(real_options(GetParam()));
  const auto live = rt.deploy(inline_step("a", [](int x) { return x + 1; })
                              >> step("b", [](int x) { return x * 2; })
                              >> (inline_step("c", [](int x) { return x - 1; }) | retry{}));

  std::vector<run<int>> runs;
  for (int i = 0; i < 1000; ++i) runs.push_back(live.start(i));

  for (int i = 0; i < 1000; ++i) {
    const auto result = runs[static_cast<std::size_t>(i)].wait();
    ASSERT_TRUE(result) << result.why().message;
    EXPECT_EQ(*result, 2 * (i + 1) - 1);
  }
  EXPECT_EQ(live.metrics().total_requests, 1000u);
}

TEST_P(ManyRuns, MayBeStartedAndCancelledFromSeveralThreads) {
  runtime rt(real_options(GetParam()));
  const auto live =
      rt.deploy(step("a", [](int x) { return x; }) >> inline_step("b", [](int x) { return x; }));
  std::atomic<int> ended{0};

  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i) {
          const auto one = live.start(i);
          if (i % 3 == 0) (void)one.cancel();
          const auto status = one.result().status;
          if (status == run_status::completed || status == run_status::cancelled) ++ended;
        }
      });
    }
  }

  EXPECT_EQ(ended, 400);
  EXPECT_EQ(rt.metrics().open_runs, 0u);
}

INSTANTIATE_TEST_SUITE_P(Hosting, ManyRuns, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Fused" : "Unfused"; });

} // namespace
} // namespace troupe
