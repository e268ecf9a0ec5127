#include <troupe/protocol/outcome.hpp>

#include <gtest/gtest.h>

#include <memory>

namespace troupe {
namespace {

const failure lost{.kind = failure_kind::worker_lost, .message = "gone"};

TEST(Outcome, HoldsAValue) {
  const outcome<int> result = 7;

  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 7);
  EXPECT_EQ(result.value(), 7);
  EXPECT_EQ(result.value_or(1), 7);
}

TEST(Outcome, HoldsAFailure) {
  const outcome<int> result = lost;

  EXPECT_FALSE(result.has_value());
  EXPECT_EQ(result.why(), lost);
  EXPECT_EQ(result.value_or(1), 1);
}

TEST(Outcome, ThrowsItsFailureWhenAskedForAMissingValue) {
  const outcome<int> result = lost;

  try {
    static_cast<void>(result.value());
    FAIL() << "nothing was thrown";
  } catch (const step_error& error) {
    EXPECT_EQ(error.why(), lost);
  }
}

TEST(Outcome, GivesAwayWhatCannotBeCopied) {
  outcome<std::unique_ptr<int>> result = std::make_unique<int>(3);

  const auto taken = std::move(result).value();

  EXPECT_EQ(*taken, 3);
}

} // namespace
} // namespace troupe
