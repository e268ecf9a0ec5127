#include <troupe/policies/random.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace troupe {
namespace {

TEST(RandomSource, FollowsTheSplitMix64Reference) {
  random_source random(1234567);

  EXPECT_EQ(random.next(), 6457827717110365317U);
  EXPECT_EQ(random.next(), 3203168211198807973U);
  EXPECT_EQ(random.next(), 9817491932198370423U);
}

TEST(RandomSource, ForksTheSameGeneratorHoweverMuchWasDrawn) {
  random_source fresh(7);
  random_source used(7);
  (void)used.next();

  EXPECT_EQ(fresh.fork(3).next(), used.fork(3).next());
}

TEST(RandomSource, ForksDifferentGeneratorsForDifferentNumbers) {
  const random_source root(7);

  EXPECT_NE(root.fork(0).next(), root.fork(1).next());
  EXPECT_NE(root.fork(0).next(), random_source(7).next());
}

RC_GTEST_PROP(RandomSource, StaysBelowOne, (std::uint64_t seed)) {
  random_source random(seed);
  for (int i = 0; i < 100; ++i) {
    const auto drawn = random.unit();
    RC_ASSERT(drawn >= 0.0);
    RC_ASSERT(drawn < 1.0);
  }
}

} // namespace
} // namespace troupe
