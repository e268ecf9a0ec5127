#include "support/signal_box.hpp"

#include <troupe/actors/admission_gate.hpp>
#include <troupe/actors/shared_cache.hpp>
#include <troupe/actors/shared_decision.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace troupe::actors {
namespace {

/// Calls of several hosts that share one cache.
struct SharedCacheTest : ::testing::Test {
  call_address caller(std::uint32_t number) { return {box, {number, 1}}; }

  /// The callers that got signals, in order.
  std::vector<std::uint32_t> signalled(std::uint32_t what) const {
    std::vector<std::uint32_t> numbers;
    for (const auto& each : box->received) {
      if (each.content.what == what) numbers.push_back(each.call.index);
    }
    return numbers;
  }

  std::shared_ptr<testing::signal_box> box = std::make_shared<testing::signal_box>();
  shared_cache shared{cache{}};
  digest key{};
  using role = shared_cache::role;
};

TEST_F(SharedCacheTest, FirstCallerLeadsAndTheOthersWait) {
  EXPECT_EQ(shared.join(key, caller(1), shared.ended()), role::leader);
  EXPECT_EQ(shared.join(key, caller(2), shared.ended()), role::waiter);
  EXPECT_EQ(shared.join(key, caller(3), shared.ended()), role::waiter);
}

TEST_F(SharedCacheTest, EveryoneWhoWaitsGetsTheResult) {
  for (std::uint32_t number = 1; number <= 3; ++number) {
    (void)shared.join(key, caller(number), shared.ended());
  }

  shared.share(key, std::make_shared<const cache_entry>());

  EXPECT_EQ(signalled(shared_cache::shared_signal), (std::vector<std::uint32_t>{2, 3}));
}

TEST_F(SharedCacheTest, OnlyTheFirstWhoWaitsTakesOverFromALeaderThatLeaves) {
  for (std::uint32_t number = 1; number <= 3; ++number) {
    (void)shared.join(key, caller(number), shared.ended());
  }

  shared.leave(key, caller(1));
  EXPECT_EQ(signalled(shared_cache::lead_signal), (std::vector<std::uint32_t>{2}));

  shared.leave(key, caller(2));
  EXPECT_EQ(signalled(shared_cache::lead_signal), (std::vector<std::uint32_t>{2, 3}));
}

TEST_F(SharedCacheTest, CallerWhoWaitsAndLeavesGetsNothing) {
  for (std::uint32_t number = 1; number <= 3; ++number) {
    (void)shared.join(key, caller(number), shared.ended());
  }

  shared.leave(key, caller(2));
  shared.share(key, std::make_shared<const cache_entry>());

  EXPECT_EQ(signalled(shared_cache::shared_signal), (std::vector<std::uint32_t>{3}));
}

TEST_F(SharedCacheTest, WhoeverLookedBeforeAComputationEndedLooksAgain) {
  const auto seen = shared.ended();
  (void)shared.join(key, caller(1), seen);
  shared.share(key, std::make_shared<const cache_entry>());

  EXPECT_EQ(shared.join(key, caller(2), seen), role::look_again);
  EXPECT_EQ(shared.join(key, caller(2), shared.ended()), role::leader);
}

/// Calls of several hosts in front of one bulkhead of a single place.
struct SharedBulkheadTest : ::testing::Test {
  bulkhead_state::decision enter(std::uint32_t number) { return shared.enter({box, {number, 1}}); }

  using answer = bulkhead_state::answer;
  std::shared_ptr<testing::signal_box> box = std::make_shared<testing::signal_box>();
  shared_bulkhead shared{bulkhead{.max_in_flight = 1, .max_queue = 2}};
};

TEST_F(SharedBulkheadTest, CallsThatWaitAreLetInInOrder) {
  EXPECT_EQ(enter(1).what, answer::admitted);
  EXPECT_EQ(enter(2).what, answer::queued);
  EXPECT_EQ(enter(3).what, answer::queued);
  EXPECT_EQ(enter(4).what, answer::rejected);

  shared.leave();
  shared.leave();

  ASSERT_EQ(box->received.size(), 2u);
  EXPECT_EQ(box->received[0].call.index, 2u);
  EXPECT_EQ(box->received[1].call.index, 3u);
}

TEST_F(SharedBulkheadTest, CallThatGivesUpIsPassedOver) {
  (void)enter(1);
  const auto second = enter(2);
  (void)enter(3);

  shared.give_up(second.number);
  EXPECT_EQ(shared.queued(), 1u);
  shared.leave();

  ASSERT_EQ(box->received.size(), 1u);
  EXPECT_EQ(box->received[0].call.index, 3u);
}

TEST_F(SharedBulkheadTest, CallThatGivesUpAfterItWasLetInMakesRoom) {
  (void)enter(1);
  const auto second = enter(2);
  (void)enter(3);
  shared.leave();

  shared.give_up(second.number);

  ASSERT_EQ(box->received.size(), 2u);
  EXPECT_EQ(box->received[1].call.index, 3u);
  EXPECT_EQ(shared.in_flight(), 1);
}

TEST(SharedDecisionTest, IsUsedByOneThreadAtATime) {
  shared_decision<int> sum(0);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) sum.with([](int& number) { ++number; });
      });
    }
  }

  EXPECT_EQ(sum.with([](int& number) { return number; }), 4000);
}

} // namespace
} // namespace troupe::actors
