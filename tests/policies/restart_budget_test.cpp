#include <troupe/policies/restart_budget.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST(RestartBudget, AllowsFiveRestartsInTenSecondsByDefault) {
  restart_budget budget;

  for (int i = 0; i < 5; ++i) EXPECT_TRUE(budget.take(instant{}));
  EXPECT_FALSE(budget.take(instant{9s}));
}

TEST(RestartBudget, SlidesWithTime) {
  restart_budget budget({.max_restarts = 2, .within = 10s});
  EXPECT_TRUE(budget.take(instant{0s}));
  EXPECT_TRUE(budget.take(instant{6s}));

  EXPECT_FALSE(budget.take(instant{10s - 1ns}));
  EXPECT_TRUE(budget.take(instant{10s})) << "the first one is forgotten";
  EXPECT_FALSE(budget.take(instant{11s}));
  EXPECT_TRUE(budget.take(instant{16s}));
}

TEST(RestartBudget, DoesNotCountRefusals) {
  restart_budget budget({.max_restarts = 1, .within = 10s});
  EXPECT_TRUE(budget.take(instant{0s}));
  for (int i = 1; i < 10; ++i) EXPECT_FALSE(budget.take(instant{i * 1s}));

  EXPECT_TRUE(budget.take(instant{10s}));
}

TEST(RestartBudget, AllowsNothingWithoutRestarts) {
  EXPECT_FALSE(restart_budget({.max_restarts = 0}).take(instant{}));
}

} // namespace
} // namespace troupe
