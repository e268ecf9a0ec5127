#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/deployment.hpp>
#include <troupe/runtime/protect.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/runtime/step.hpp>

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <utility>

namespace troupe {
namespace {

using ::testing::HasSubstr;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// Handles that are used after their runtime has gone.
struct HandlesTest : ::testing::Test {
  static runtime_options options() {
    runtime_options chosen;
    chosen.log = false;
    chosen.workers = 2;
    chosen.cancel_grace = 200ms;
    return chosen;
  }

  static step<int, int> plus_one() {
    return inline_step("a", [](int x) { return x + 1; });
  }

  std::optional<runtime> rt{std::in_place, options()};
};

TEST_F(HandlesTest, FinishedRunKeepsItsResult) {
  const auto finished = rt->deploy(plus_one()).start(1);
  EXPECT_EQ(*finished.wait(), 2);

  rt.reset();

  EXPECT_EQ(*finished.wait(), 2);
  EXPECT_TRUE(finished.done());
  EXPECT_FALSE(finished.cancel());
  EXPECT_TRUE(finished.wait_for(1s));
  EXPECT_FALSE(finished.id().is_nil());
}

TEST_F(HandlesTest, StartAfterTheEndGivesACancelledRunThatSaysSo) {
  const auto live = rt->deploy(plus_one());
  rt.reset();
  bool told = false;
  run_options how;
  how.on_done = [&](const run_result&) { told = true; };

  const auto late = live.start(1, how);

  ASSERT_TRUE(late.done());
  EXPECT_EQ(late.result().status, run_status::cancelled);
  EXPECT_THAT(late.result().feedback(), HasSubstr("the runtime is going down"));
  EXPECT_TRUE(told);
}

TEST_F(HandlesTest, DeploymentStillTellsWhatItDid) {
  const auto live = rt->deploy(plus_one());
  EXPECT_EQ(*live.run(1), 2);

  rt.reset();

  EXPECT_EQ(live.metrics().total_requests, 1u);
  EXPECT_THAT(live.describe(), HasSubstr("a"));
}

TEST_F(HandlesTest, BreakerHandleMayBeOperated) {
  const auto live = rt->deploy(plus_one() | breaker{.name = "shared"});
  const auto own = live.breaker("a");
  const auto shared = rt->breaker("shared");
  ASSERT_TRUE(own && shared);

  rt.reset();
  shared->force_open();

  EXPECT_EQ(own->state(), breaker_phase::forced_open);
  own->reset();
  EXPECT_EQ(shared->state(), breaker_phase::half_open);
}

TEST_F(HandlesTest, CacheHandleMayBeOperated) {
  const auto live = rt->deploy(plus_one() | cache{.name = "shared"});
  EXPECT_EQ(*live.run(1), 2);
  const auto store = rt->cache("shared");
  ASSERT_TRUE(store);

  rt.reset();

  EXPECT_EQ(store->statistics().size, 1u);
  store->clear();
  EXPECT_EQ(live.cache("shared")->statistics().size, 0u);
}

TEST_F(HandlesTest, CompletionThatIsKeptMayBeAnsweredAfterTheEnd) {
  std::promise<completion<int>> handed_out;
  const auto open =
      rt->deploy(async_step<int, int>(
                     "a", [&](int, const completion<int>& done) { handed_out.set_value(done); }))
          .start(1);
  const auto done = handed_out.get_future().get();

  rt.reset();

  EXPECT_EQ(open.result().status, run_status::cancelled);
  EXPECT_TRUE(done.context().stop_requested());
  done.context().report_usage({0.1, 1});
  done.context().after(1ms, [] {});
  done(5);
  EXPECT_EQ(done.context().step_name(), "a");
}

TEST_F(HandlesTest, AbandonedStepMayUseItsContextAndItselfAfterTheEnd) {
  std::promise<void> release;
  std::promise<std::string> ended;
  std::latch begun(1);
  // The deployment and the step are gone while the function is still at work.
  const auto stuck = rt->deploy(step("stuck",
                                     [&, go_on = release.get_future().share(),
                                      word = std::string(64, 'x')](int x, step_context& context) {
                                       begun.count_down();
                                       go_on.wait();
                                       context.set("key", 1);
                                       context.checkpoint("late");
                                       context.warn("late");
                                       ended.set_value(word + context.step_name());
                                       return x;
                                     }))
                         .start(1);
  begun.wait();

  rt.reset();
  release.set_value();

  EXPECT_EQ(ended.get_future().get(), std::string(64, 'x') + "stuck");
  EXPECT_EQ(stuck.result().status, run_status::cancelled);
}

TEST_F(HandlesTest, DeploymentMayGoBeforeItsRuns) {
  std::promise<completion<int>> handed_out;
  auto live = std::make_optional(rt->deploy(async_step<int, int>(
      "a", [&](int, const completion<int>& done) { handed_out.set_value(done); })));
  const auto open = live->start(1);

  live.reset();
  handed_out.get_future().get()(7);

  EXPECT_EQ(*open.wait(), 7);
}

TEST_F(HandlesTest, LastHandleMayGoWithTheRunItself) {
  std::promise<void> done;
  auto live = std::make_shared<deployment<int, int>>(rt->deploy(plus_one()));
  run_options how;
  how.on_done = [&, live](const run_result&) { done.set_value(); };

  (void)live->start(1, std::move(how));
  live.reset();

  done.get_future().wait();
}

TEST_F(HandlesTest, OnDoneIsLetGoOfWhenTheRunHasEnded) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  run_options how;
  how.on_done = [captured = std::move(captured)](const run_result&) {};
  const auto finished = rt->deploy(plus_one()).start(1, std::exchange(how, {}));

  EXPECT_EQ(*finished.wait(), 2);
  rt.reset();

  EXPECT_TRUE(watched.expired());
}

TEST_F(HandlesTest, ServedRequestIsAnsweredAfterTheEnd) {
  const auto live = rt->deploy(plus_one());
  rt.reset();
  std::optional<step_result> answer;

  const auto cancel = live.serve({}, [&](step_result result) { answer = std::move(result); });
  cancel();

  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->failed_with(failure_kind::cancelled));
}

} // namespace
} // namespace troupe
