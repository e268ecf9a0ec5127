#include "issues_of.hpp"

#include <troupe/policies/breaker.hpp>

#include <gmock/gmock.h>

#include <cmath>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BreakerWindow : public testing::Test {
protected:
  void start(breaker options) { state.emplace(std::move(options)); }
  void finish(bool failed, duration took = 1ms) {
    const auto permit = state->admit(now);
    ASSERT_TRUE(permit);
    state->record(*permit, failed ? breaker_verdict::failure : breaker_verdict::success, took, now);
  }
  breaker_phase phase() const { return state->phase(); }

  instant now{1h};
  std::optional<breaker_state> state;
};

TEST_F(BreakerWindow, RefusesRatesOutOfBounds) {
  EXPECT_THAT(issues_of(breaker{.failure_rate = 0.0}), ElementsAre(HasSubstr("failure_rate")));
  EXPECT_THAT(issues_of(breaker{.failure_rate = 1.1}), ElementsAre(HasSubstr("failure_rate")));
  EXPECT_THAT(issues_of(breaker{.failure_rate = std::nan("")}),
              ElementsAre(HasSubstr("failure_rate")));
  EXPECT_THAT(issues_of(breaker{.failure_rate = 1.0}), IsEmpty());
  EXPECT_THAT(issues_of(breaker{.slow_call_rate = 0}), ElementsAre(HasSubstr("slow_call_rate")));
  EXPECT_THAT(issues_of(breaker{.slow_call_duration = 0s}),
              ElementsAre(HasSubstr("slow_call_duration")));
}

TEST_F(BreakerWindow, RefusesWindowsOutOfBounds) {
  EXPECT_THAT(issues_of(breaker{.window = 0}), ElementsAre(HasSubstr("window")));
  EXPECT_THAT(issues_of(breaker{.window = 100'001}), ElementsAre(HasSubstr("window")));
  EXPECT_THAT(issues_of(breaker{.window_time = 0s}), ElementsAre(HasSubstr("window_time")));
  EXPECT_THAT(issues_of(breaker{.minimum_calls = 0}), ElementsAre(HasSubstr("minimum_calls")));
  EXPECT_THAT(issues_of(breaker{.failure_rate = 0.5, .window = 5}),
              ElementsAre(HasSubstr("minimum_calls")))
      << "rates that can never say anything";
}

TEST_F(BreakerWindow, OpensAtTheFailureRateInsteadOfAtFailuresInARow) {
  start({.failure_threshold = 2, .failure_rate = 0.3, .minimum_calls = 10});
  for (int i = 0; i < 7; ++i) finish(false);
  finish(true);
  finish(true);

  EXPECT_EQ(phase(), breaker_phase::closed);
  finish(true);
  EXPECT_EQ(phase(), breaker_phase::open);
}

TEST_F(BreakerWindow, SaysNothingBelowTheMinimumOfCalls) {
  start({.failure_rate = 0.5, .minimum_calls = 4});
  for (int i = 0; i < 3; ++i) finish(true);

  EXPECT_EQ(phase(), breaker_phase::closed);
  finish(true);
  EXPECT_EQ(phase(), breaker_phase::open);
}

TEST_F(BreakerWindow, ForgetsCallsBeyondItsLength) {
  start({.failure_rate = 0.5, .window = 4, .minimum_calls = 4});
  finish(true);
  for (int i = 0; i < 4; ++i) finish(false);
  finish(true);

  EXPECT_EQ(phase(), breaker_phase::closed) << "one of the last four";
  finish(true);
  EXPECT_EQ(phase(), breaker_phase::open);
}

TEST_F(BreakerWindow, ForgetsCallsBeyondItsTime) {
  start({.failure_rate = 1.0, .window_time = 10s, .minimum_calls = 2});
  finish(true);
  now += 10s + 1ns;
  finish(true);

  EXPECT_EQ(phase(), breaker_phase::closed);
  now += 10s;
  finish(true);
  EXPECT_EQ(phase(), breaker_phase::open);
}

TEST_F(BreakerWindow, OpensWhenTooManyCallsAreSlow) {
  start({.minimum_calls = 4, .slow_call_duration = 1s, .slow_call_rate = 0.5});
  finish(false, 1s);
  finish(false, 1s);
  finish(false, 1s + 1ns);
  EXPECT_EQ(phase(), breaker_phase::closed);
  finish(false, 2s);
  EXPECT_EQ(phase(), breaker_phase::open);
}

TEST_F(BreakerWindow, CountsASlowSuccessAsASuccessInARow) {
  start({.failure_threshold = 2, .slow_call_duration = 1s});
  finish(true);
  finish(false, 5s);
  finish(true);

  EXPECT_EQ(phase(), breaker_phase::closed);
}

TEST_F(BreakerWindow, CountsASlowProbeThatSucceededAsASuccess) {
  start({.failure_threshold = 1, .success_threshold = 1, .wait = 1s, .slow_call_duration = 1s});
  finish(true);
  now += 1s;
  finish(false, 5s);

  EXPECT_EQ(phase(), breaker_phase::closed);
}

TEST_F(BreakerWindow, StartsOverWhenTheBreakerCloses) {
  start({.success_threshold = 1, .wait = 1s, .failure_rate = 0.5, .minimum_calls = 2});
  finish(true);
  finish(true);
  now += 1s;
  finish(false);
  finish(true);

  EXPECT_EQ(phase(), breaker_phase::closed);
}

} // namespace
} // namespace troupe
