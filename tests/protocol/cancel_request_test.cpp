#include <troupe/protocol/cancel_request.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(CancelRequest, NamesNoRequestAndNoReasonByDefault) {
  const cancel_request asked;

  EXPECT_EQ(asked.id, request_id{});
  EXPECT_EQ(asked.reason, nullptr);
}

} // namespace
} // namespace troupe
