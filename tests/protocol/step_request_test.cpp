#include <troupe/protocol/step_request.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(StepRequest, IsAFirstAttemptWithoutADeadlineByDefault) {
  const step_request request;

  EXPECT_EQ(request.attempt, 1U);
  EXPECT_EQ(request.deadline, no_deadline);
  EXPECT_EQ(request.turns, nullptr);
}

} // namespace
} // namespace troupe
