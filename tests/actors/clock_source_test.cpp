#include <troupe/actors/clock_source.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stop_token>
#include <thread>
#include <vector>

namespace troupe::actors {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

bool never() {
  return false;
}

TEST(VirtualTimeTest, StandsStillUntilItIsMoved) {
  virtual_time clock;

  EXPECT_EQ(clock.now(), instant());
  clock.move_to(instant(5s));
  EXPECT_EQ(clock.now(), instant(5s));
}

TEST(VirtualTimeTest, NeverGoesBack) {
  virtual_time clock;

  clock.move_to(instant(5s));
  clock.move_to(instant(3s));

  EXPECT_EQ(clock.now(), instant(5s));
}

TEST(VirtualTimeTest, CallsWhoIsDueInTheOrderOfTime) {
  virtual_time clock;
  std::vector<int> called;
  clock.wake_at(instant(2s), [&] { called.push_back(2); });
  clock.wake_at(instant(1s), [&] { called.push_back(1); });
  clock.wake_at(instant(3s), [&] { called.push_back(3); });

  EXPECT_EQ(clock.next_due(), instant(1s));
  clock.move_to(instant(2s));

  EXPECT_EQ(called, (std::vector<int>{1, 2}));
  EXPECT_EQ(clock.next_due(), instant(3s));
}

TEST(VirtualTimeTest, SleepEndsWhenTheClockGetsThere) {
  virtual_time clock;
  bool slept = false;
  auto hold = clock.hold();
  std::jthread sleeper([&, hold = std::move(hold)] {
    slept = clock.sleep_until(instant(1h), {}) && clock.now() == instant(1h);
  });

  clock.wait_until_idle(never);
  EXPECT_EQ(clock.next_due(), instant(1h));
  clock.move_to(instant(1h));
  sleeper.join();

  EXPECT_TRUE(slept);
  EXPECT_EQ(clock.next_due(), std::nullopt);
}

TEST(VirtualTimeTest, SleepUntilThePastReturnsAtOnce) {
  virtual_time clock;
  clock.move_to(instant(5s));

  EXPECT_TRUE(clock.sleep_until(instant(5s), {}));
}

TEST(VirtualTimeTest, StopWakesASleeper) {
  virtual_time clock;
  std::stop_source stop;
  bool slept = true;
  auto hold = clock.hold();
  std::jthread sleeper(
      [&, hold = std::move(hold)] { slept = clock.sleep_until(instant(1h), stop.get_token()); });

  clock.wait_until_idle(never);
  stop.request_stop();
  sleeper.join();

  EXPECT_FALSE(slept);
  EXPECT_EQ(clock.now(), instant());
}

TEST(VirtualTimeTest, SleepAfterAStopReturnsAtOnce) {
  virtual_time clock;
  std::stop_source stop;
  stop.request_stop();
  const auto hold = clock.hold();

  EXPECT_FALSE(clock.sleep_until(instant(1h), stop.get_token()));
  EXPECT_EQ(clock.next_due(), std::nullopt);
}

TEST(VirtualTimeTest, WokenSleeperCountsAsBusyBeforeItRuns) {
  virtual_time clock;
  std::promise<void> go_on;
  auto hold = clock.hold();
  std::jthread sleeper([&, hold = std::move(hold)]() mutable {
    EXPECT_TRUE(clock.sleep_until(instant(1s), {}));
    go_on.get_future().wait();
    hold.reset();
  });
  clock.wait_until_idle(never);

  clock.move_to(instant(1s));

  bool asked = false;
  clock.wait_until_idle([&] { return std::exchange(asked, true) || true; });
  EXPECT_TRUE(asked) << "idle although the sleeper was woken";
  go_on.set_value();
  clock.wait_until_idle(never);
}

TEST(VirtualTimeTest, HoldKeepsTheClockBusyUntilItIsGone) {
  virtual_time clock;
  std::atomic<bool> released{false};
  auto hold = clock.hold();
  std::jthread worker([&, hold = std::move(hold)]() mutable {
    released = true;
    hold.reset();
  });

  clock.wait_until_idle(never);

  EXPECT_TRUE(released);
}

TEST(VirtualTimeTest, NotifyMakesWhoeverWaitsLookAgain) {
  virtual_time clock;
  std::atomic<bool> happened{false};
  const auto hold = clock.hold();
  std::jthread other([&] {
    happened = true;
    clock.notify();
  });

  clock.wait_until_idle([&] { return happened.load(); });

  EXPECT_TRUE(happened);
}

TEST(SteadyTimeTest, SleepLastsUntilItsTime) {
  steady_time clock;
  const auto due = clock.now() + 1ms;

  EXPECT_TRUE(clock.sleep_until(due, {}));
  EXPECT_GE(clock.now(), due);
}

TEST(SteadyTimeTest, StopWakesASleeper) {
  steady_time clock;
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });

  EXPECT_FALSE(clock.sleep_until(clock.now() + 1h, stop.get_token()));
}

} // namespace
} // namespace troupe::actors
