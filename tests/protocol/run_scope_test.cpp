#include <troupe/protocol/run_scope.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST(RunScope, SaysWhoTheRunIs) {
  const auto id = run_id::make();
  const run_scope run(id, "order-7", instant(1s), {.tokens = 5});

  EXPECT_EQ(run.id(), id);
  EXPECT_EQ(run.correlation_id(), "order-7");
  EXPECT_EQ(run.started(), instant(1s));
  EXPECT_FALSE(run.meter()->broken());
}

TEST(RunScope, MeasuresCheckpointsFromTheStart) {
  run_scope run({}, "", instant(1s), {});

  run.add_checkpoint("cache.miss", instant(1500ms));

  ASSERT_EQ(run.checkpoints().size(), 1U);
  EXPECT_EQ(run.checkpoints()[0].name, "cache.miss");
  EXPECT_EQ(run.checkpoints()[0].at, 500ms);
}

TEST(RunScope, CountsTheCheckpointsItDoesNotKeep) {
  run_scope run({}, "", {}, {});

  for (int i = 0; i < 10'003; ++i) run.add_checkpoint("point", {});

  EXPECT_EQ(run.checkpoints().size(), 10'000U);
  EXPECT_EQ(run.dropped_checkpoints(), 3U);
}

TEST(RunScope, PutsEarlierCheckpointsInFront) {
  run_scope run({}, "", {}, {});
  run.add_checkpoint("new", instant(1s));

  run.restore({{"old", 5s}});

  ASSERT_EQ(run.checkpoints().size(), 2U);
  EXPECT_EQ(run.checkpoints()[0].name, "old");
  EXPECT_EQ(run.checkpoints()[1].name, "new");
}

TEST(RunScope, CountsCallsByPlace) {
  run_scope run({}, "", {}, {});

  EXPECT_EQ(run.next_call_at("0/1"), 1U);
  EXPECT_EQ(run.next_call_at("0/1"), 2U);
  EXPECT_EQ(run.next_call_at("0/2"), 1U);
}

TEST(RunScope, KnowsWhatWasAskedByTheVeryFailure) {
  run_scope run({}, "", {}, {});
  const auto first = std::make_shared<const failure>(failure{failure_kind::paused, "ok?"});
  const auto second = std::make_shared<const failure>(*first);

  run.add_pause(first, {"a", "ok?", {}, {"0", 1}});
  run.add_pause(second, {"b", "ok?", {}, {"1", 1}});

  EXPECT_EQ(run.pause(first.get())->step, "a");
  EXPECT_EQ(run.pause(second.get())->step, "b");
  EXPECT_FALSE(run.pause(nullptr));
}

} // namespace
} // namespace troupe
