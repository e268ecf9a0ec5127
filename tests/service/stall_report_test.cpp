#include "stall_report.hpp"

#include <gmock/gmock.h>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(StallReport, TellsAQueueThatDoesNotMoveFromNothingAtAll) {
  const service::run_book_options options;
  const std::vector<service::wait_reason> queue{
      {"no_worker", "no worker with label gpu=true", "0/1", "train", "", 9}};

  EXPECT_THAT(service::stall_report({}, 9s, {}, options), IsEmpty());
  EXPECT_THAT(service::stall_report({}, 10s, {}, options), HasSubstr("nothing is at work"));
  EXPECT_THAT(service::stall_report({}, 59s, queue, options), IsEmpty());
  EXPECT_THAT(service::stall_report({}, 60s, queue, options),
              HasSubstr("for 60.0 s; no worker with label gpu=true (train)"));
}

} // namespace
} // namespace troupe::testing
