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

} // namespace
} // namespace troupe
