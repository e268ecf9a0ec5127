#include "caller.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

class Caller : public ::testing::Test {
protected:
  // How long it waits until it calls again.
  duration pause() {
    const auto from = now;
    while (calls.due(now).empty()) now += 1ms;
    return now - from;
  }

  // Has a link at last.
  void link() {
    (void)calls.due(now);
    ASSERT_TRUE(calls.opened(1, 42));
  }

  instant now{1h};
  caller calls{{{"10.0.0.1", 7801}}, 7};
};

TEST_F(Caller, CallsAtOnceAndOnce) {
  EXPECT_THAT(calls.due(now), SizeIs(1));
  EXPECT_THAT(calls.due(now + 1h), IsEmpty());
}

TEST_F(Caller, PausesLongerAfterEachFailureInARow) {
  (void)calls.due(now);
  for (const auto most : {100ms, 200ms, 400ms, 800ms, 1'600ms, 3'200ms, 5'000ms, 5'000ms}) {
    (void)calls.failed(1, "no answer", now);
    const auto waited = pause();
    EXPECT_GE(waited, most / 2);
    EXPECT_LE(waited, most);
  }
}

TEST_F(Caller, SaysOnceThatThereIsNoLink) {
  (void)calls.due(now);

  EXPECT_THAT(calls.failed(1, "no answer", now),
              Optional(HasSubstr("no link to the coordinator at 10.0.0.1:7801: no answer")));
  pause();
  EXPECT_EQ(calls.failed(1, "no answer", now), std::nullopt);
}

TEST_F(Caller, BeginsAnewOnceItWasWelcome) {
  (void)calls.due(now);
  for (int times = 0; times < 9; ++times) {
    (void)calls.failed(1, "no answer", now);
    pause();
  }
  link();
  calls.welcomed(42);

  EXPECT_THAT(calls.ended(42, "gone", now), Optional(HasSubstr("gone")));
  EXPECT_LE(pause(), 100ms);
}

TEST_F(Caller, PausesLongAfterARefusal) {
  link();
  calls.refused(42);

  EXPECT_NE(calls.ended(42, "refused", now), std::nullopt);
  EXPECT_GE(pause(), 15s);
}

TEST_F(Caller, SaysNothingWhenTheOtherSideHasCalled) {
  link();
  calls.has_called(42);

  EXPECT_EQ(calls.ended(42, "there is a link already", now), std::nullopt);
  EXPECT_LE(pause(), 5s);
}

TEST_F(Caller, LeavesAloneWhatItIsToForget) {
  link();
  calls.forget(42);

  EXPECT_EQ(calls.ended(42, "it is this node", now), std::nullopt);
  EXPECT_THAT(calls.due(now + 24h), IsEmpty());
}

TEST_F(Caller, KnowsNoLinkThatItHasNotAskedFor) {
  EXPECT_FALSE(calls.opened(0, 42));
  EXPECT_FALSE(calls.opened(2, 42));
  EXPECT_EQ(calls.ended(42, "gone", now), std::nullopt);
  EXPECT_EQ(calls.failed(2, "gone", now), std::nullopt);
}

} // namespace
} // namespace troupe::nodes
