#include <troupe/actors/thread_pool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <future>
#include <latch>
#include <set>
#include <thread>
#include <vector>

namespace troupe::actors {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// Keeps threads busy until it is opened.
class gate {
public:
  void pass() const { opened_.wait(); }
  void open() { open_.set_value(); }

private:
  std::promise<void> open_;
  std::shared_future<void> opened_ = open_.get_future().share();
};

struct ThreadPoolTest : ::testing::Test {
  steady_time clock;
};

TEST_F(ThreadPoolTest, DoesWhatItIsGiven) {
  thread_pool pool({}, clock);
  std::latch done(100);

  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.submit([&] { done.count_down(); }));

  done.wait();
}

TEST_F(ThreadPoolTest, WorksOnSeveralThreadsAtOnce) {
  thread_pool pool({.max_threads = 4}, clock);
  std::barrier together(4);
  std::latch done(4);

  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(pool.submit([&] {
      together.arrive_and_wait();
      done.count_down();
    }));
  }

  done.wait();
}

// Some find a thread that looks for work, some one that sleeps or is on its way.
TEST_F(ThreadPoolTest, ForgetsNothingHoweverItComes) {
  constexpr int each = 500;
  thread_pool pool({.max_threads = 3}, clock);
  std::latch done(4 * each);
  std::vector<std::jthread> givers;
  for (int giver = 0; giver < 4; ++giver) {
    givers.emplace_back([&, giver] {
      for (int number = 0; number < each; ++number) {
        while (!pool.submit([&] { done.count_down(); })) std::this_thread::yield();
        for (int pause = number * giver % 97; pause > 0; --pause) std::this_thread::yield();
      }
    });
  }

  done.wait();
}

TEST_F(ThreadPoolTest, WhatBlocksHoldsNothingUp) {
  gate blocked;
  std::promise<void> passed;
  thread_pool pool({.max_threads = 2}, clock);
  ASSERT_TRUE(pool.submit([&] { blocked.pass(); }));
  for (int number = 0; number < 10; ++number) ASSERT_TRUE(pool.submit([] {}));
  ASSERT_TRUE(pool.submit([&] { passed.set_value(); }));

  EXPECT_EQ(passed.get_future().wait_for(20s), std::future_status::ready);
  blocked.open();
  pool.stop(20s);
}

TEST_F(ThreadPoolTest, StartsNoMoreThreadsThanItMay) {
  thread_pool pool({.max_threads = 3}, clock);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::latch done(200);

  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(pool.submit([&] {
      {
        const std::scoped_lock lock(mutex);
        threads.insert(std::this_thread::get_id());
      }
      done.count_down();
    }));
  }

  done.wait();
  EXPECT_LE(threads.size(), 3u);
}

TEST_F(ThreadPoolTest, RefusesWhatItsQueueCannotHold) {
  gate busy;
  thread_pool pool({.max_threads = 2, .max_queued = 3}, clock);
  std::latch begun(2);
  std::latch done(5);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(pool.submit([&] {
      begun.count_down();
      busy.pass();
      done.count_down();
    }));
  }
  begun.wait();

  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.submit([&] { done.count_down(); }));
  EXPECT_FALSE(pool.submit([] {}));
  EXPECT_EQ(pool.running(), 2u);
  EXPECT_EQ(pool.queued(), 3u);

  busy.open();
  done.wait();
}

TEST_F(ThreadPoolTest, UsesAThreadAgain) {
  thread_pool pool({.max_threads = 1}, clock);
  std::set<std::thread::id> threads;

  for (int i = 0; i < 10; ++i) {
    std::promise<std::thread::id> on;
    ASSERT_TRUE(pool.submit([&] { on.set_value(std::this_thread::get_id()); }));
    threads.insert(on.get_future().get());
  }

  EXPECT_EQ(threads.size(), 1u);
}

TEST_F(ThreadPoolTest, RefusesEverythingOnceItIsStopped) {
  thread_pool pool({}, clock);

  pool.stop(1s);

  EXPECT_FALSE(pool.submit([] {}));
}

TEST_F(ThreadPoolTest, StopWaitsForWhatHasBegun) {
  gate busy;
  std::latch begun(1);
  std::atomic<bool> ended{false};
  thread_pool pool({.max_threads = 1}, clock);
  ASSERT_TRUE(pool.submit([&] {
    begun.count_down();
    busy.pass();
    ended = true;
  }));
  begun.wait();
  busy.open();

  pool.stop(60s);

  EXPECT_TRUE(ended);
  EXPECT_EQ(pool.running(), 0u);
}

TEST_F(ThreadPoolTest, StopDropsWhatHasNotBegun) {
  gate busy;
  std::latch begun(1);
  std::atomic<bool> dropped_ran{false};
  thread_pool pool({.max_threads = 1}, clock);
  ASSERT_TRUE(pool.submit([&] {
    begun.count_down();
    busy.pass();
  }));
  ASSERT_TRUE(pool.submit([&] { dropped_ran = true; }));
  begun.wait();
  pool.stop(duration::zero());
  busy.open();

  pool.stop(60s);

  EXPECT_FALSE(dropped_ran);
}

TEST_F(ThreadPoolTest, StopLeavesAStuckThreadToItself) {
  auto busy = std::make_shared<gate>();
  auto gone = std::make_shared<std::promise<void>>();
  std::latch begun(1);
  {
    thread_pool pool({.max_threads = 1}, clock);
    ASSERT_TRUE(pool.submit([&, busy, gone] {
      begun.count_down();
      busy->pass();
      gone->set_value();
    }));
    begun.wait();

    pool.stop(20ms);

    EXPECT_EQ(pool.running(), 1u);
  }
  busy->open();
  gone->get_future().wait();
}

TEST_F(ThreadPoolTest, HoldsTheClockWhileItWorks) {
  gate busy;
  virtual_time still;
  thread_pool pool({.max_threads = 1}, still);
  ASSERT_TRUE(pool.submit([&] { busy.pass(); }));

  bool asked = false;
  still.wait_until_idle([&] { return asked = true; });
  EXPECT_TRUE(asked) << "the clock could move while a step was at work";

  busy.open();
  still.wait_until_idle([] { return false; });
  pool.stop(60s);
}

} // namespace
} // namespace troupe::actors
