#include <troupe/protocol/usage.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <vector>

namespace troupe {
namespace {

constexpr auto most_tokens = std::numeric_limits<std::int64_t>::max();

TEST(UsageLimit, IsBrokenOnlyAboveTheLimit) {
  const usage_limit limit{.cost_usd = 1.0, .tokens = 100};

  EXPECT_EQ(limit.broken_by({1.0, 100}), std::nullopt);
  EXPECT_EQ(limit.broken_by({1.0 + 5e-10, 100}), std::nullopt);
  EXPECT_NE(limit.broken_by({1.0 + 2e-9, 0}), std::nullopt);
  EXPECT_NE(limit.broken_by({0, 101}), std::nullopt);
}

TEST(UsageLimit, TellsUnitTotalAndLimit) {
  EXPECT_EQ(usage_limit{.cost_usd = 0.25}.broken_by({0.1 + 0.2, 0}),
            "cost 0.3 USD exceeds the limit of 0.25 USD");
  EXPECT_EQ(usage_limit{.tokens = 10}.broken_by({0, 12}),
            "used 12 tokens, which exceeds the limit of 10 tokens");
  EXPECT_NE(usage_limit{.cost_usd = 0}.broken_by({1e308, 0}), std::nullopt);
}

TEST(UsageMeter, CountsForEveryMeterAbove) {
  const auto run = std::make_shared<usage_meter>(usage_limit{.tokens = 10});
  usage_meter step({}, run);

  step.add({0.5, 6});
  run->add({0.25, 5});

  EXPECT_EQ(step.total(), (usage{0.5, 6}));
  EXPECT_EQ(run->total(), (usage{0.75, 11}));
  EXPECT_TRUE(step.broken().has_value());
}

TEST(UsageMeter, CountsBadAmountsAsNothing) {
  usage_meter meter;

  EXPECT_FALSE(meter.add({std::numeric_limits<double>::quiet_NaN(), 1}));
  EXPECT_FALSE(meter.add({std::numeric_limits<double>::infinity(), 1}));
  EXPECT_FALSE(meter.add({-1, -1}));
  EXPECT_TRUE(meter.add({0, 0}));
  EXPECT_EQ(meter.total(), (usage{0, 2}));
}

TEST(UsageMeter, StopsAtTheLargestNumbers) {
  usage_meter meter;
  meter.add({1.7e308, most_tokens});
  meter.add({1.7e308, most_tokens});

  EXPECT_EQ(meter.total(), (usage{std::numeric_limits<double>::max(), most_tokens}));
}

TEST(UsageMeter, LosesNothingBetweenThreads) {
  usage_meter meter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&meter] {
      for (int turn = 0; turn < 1000; ++turn) meter.add({0.25, 1});
    });
  }
  for (auto& one : threads) one.join();

  EXPECT_EQ(meter.total(), (usage{1000, 4000}));
}

} // namespace
} // namespace troupe
