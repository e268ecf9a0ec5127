#include <troupe/policies/latency_histogram.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <thread>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST(LatencyHistogram, KnowsNothingAtFirst) {
  const latency_histogram seen;

  EXPECT_EQ(seen.count(), 0U);
  EXPECT_EQ(seen.quantile(0.5), 0s);
}

TEST(LatencyHistogram, KeepsWhatIsOutOfRangeAtTheEnds) {
  latency_histogram seen;
  seen.record(-1s);
  seen.record(0s);
  seen.record(duration::max());

  EXPECT_EQ(seen.count(), 3U);
  EXPECT_LT(seen.quantile(0.5), 2us);
  EXPECT_GT(seen.quantile(1), 48h);
}

TEST(LatencyHistogram, AddsUpWhenMerged) {
  latency_histogram left;
  latency_histogram right;
  left.record(1ms);
  right.record(1s);
  right.record(1s);
  left.merge(right);

  EXPECT_EQ(left.count(), 3U);
  EXPECT_GT(left.quantile(0.9), 900ms);
}

TEST(LatencyHistogram, LosesNothingWhenSeveralThreadsRecord) {
  latency_histogram seen;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int call = 0; call < 10'000; ++call) seen.record(5ms);
    });
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(seen.count(), 40'000U);
}

RC_GTEST_PROP(LatencyHistogram, IsWithinFourPercentOfTheExactQuantile, ()) {
  auto lengths = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(
      rc::gen::inRange<std::int64_t>(1'000, 172'800'000'000'000)));
  const auto share = *rc::gen::inRange(0, 1'001) / 1'000.0;
  const auto seen = std::make_unique<latency_histogram>();
  for (const auto length : lengths) seen->record(duration(length));

  std::sort(lengths.begin(), lengths.end());
  const auto rank = std::ceil(share * static_cast<double>(lengths.size()));
  const auto exact =
      static_cast<double>(lengths[static_cast<std::size_t>(std::max(rank, 1.0)) - 1]);
  const auto told = static_cast<double>(seen->quantile(share).count());
  RC_ASSERT(std::abs(told - exact) <= exact * 0.04);
}

} // namespace
} // namespace troupe
