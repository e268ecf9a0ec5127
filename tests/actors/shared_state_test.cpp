#include "support/signal_box.hpp"

#include <troupe/actors/admission_gate.hpp>
#include <troupe/actors/shared_cache.hpp>
#include <troupe/actors/shared_decision.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <utility>
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

  shared.share(key, [] { return std::make_shared<const cache_entry>(); });

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
  shared.share(key, [] { return std::make_shared<const cache_entry>(); });

  EXPECT_EQ(signalled(shared_cache::shared_signal), (std::vector<std::uint32_t>{3}));
}

TEST_F(SharedCacheTest, WhoeverLookedBeforeAComputationEndedLooksAgain) {
  const auto seen = shared.ended();
  (void)shared.join(key, caller(1), seen);
  shared.share(key, [] { return std::make_shared<const cache_entry>(); });

  EXPECT_EQ(shared.join(key, caller(2), seen), role::look_again);
  EXPECT_EQ(shared.join(key, caller(2), shared.ended()), role::leader);
}

/// Notes what it is told about keys.
class noting_backend final : public waiting_cache_backend {
public:
  std::shared_ptr<const cache_entry> get(const digest&, instant) override { return nullptr; }
  void put(const digest&, cache_entry, std::optional<duration>, instant) override {}
  bool erase(const digest&) override { return false; }
  void clear() override {}
  [[nodiscard]] std::size_t size() const override { return 0; }
  [[nodiscard]] std::size_t bytes() const override { return 0; }
  [[nodiscard]] std::uint64_t evictions() const override { return 0; }
  void start_get(const digest&, instant, std::function<void(found)>) override {}
  std::optional<failure> start_put(const digest&, const cache_entry&, std::optional<duration>,
                                   std::function<void()>) override {
    return std::nullopt;
  }
  void settled(const digest&, bool awaited) override { noted.push_back(awaited); }
  void pass_on() override {
    for (const auto each : std::exchange(noted, {})) told.push_back(each);
  }

  std::vector<bool> noted;
  std::vector<bool> told; ///< whether calls still waited
};

/// What a backend that has to be waited for is told when nothing is under way for a key.
struct SharedCacheSettlesTest : SharedCacheTest {
  /// What was told since the last time.
  std::vector<bool> told() {
    EXPECT_TRUE(backend->noted.empty());
    return std::exchange(backend->told, {});
  }
  role look_and_join(std::uint32_t number) {
    return waited.join_after_look(key, caller(number), waited.begin_look(key));
  }

  std::shared_ptr<noting_backend> backend = std::make_shared<noting_backend>();
  shared_cache waited{cache{.backend = backend}};
  using list = std::vector<bool>;
};

TEST_F(SharedCacheSettlesTest, WhenTheLastLookEndsWithoutAComputation) {
  (void)waited.begin_look(key);
  (void)waited.begin_look(key);
  waited.end_look(key);
  EXPECT_EQ(told(), list{});
  waited.end_look(key);
  EXPECT_EQ(told(), list{false});
}

TEST_F(SharedCacheSettlesTest, NotWhileSomebodyComputes) {
  EXPECT_EQ(look_and_join(1), role::leader);
  (void)waited.begin_look(key);
  waited.end_look(key);
  EXPECT_EQ(look_and_join(2), role::waiter);
  EXPECT_EQ(told(), list{});
}

TEST_F(SharedCacheSettlesTest, WhenAResultIsShared) {
  (void)look_and_join(1);
  waited.share(key, [] { return std::make_shared<const cache_entry>(); });
  EXPECT_EQ(told(), list{false});
}

TEST_F(SharedCacheSettlesTest, SaysWhetherOthersStillLook) {
  (void)look_and_join(1);
  const auto seen = waited.begin_look(key);
  waited.share(key, [] { return std::make_shared<const cache_entry>(); });
  EXPECT_EQ(told(), list{true});

  // Who looked meanwhile looks again, perhaps without asking.
  EXPECT_EQ(waited.join_after_look(key, caller(2), seen), role::look_again);
  EXPECT_EQ(told(), list{false});
}

TEST_F(SharedCacheSettlesTest, WhenTheLeaderGivesUpAlone) {
  (void)look_and_join(1);
  waited.leave(key, caller(1));
  EXPECT_EQ(told(), list{false});
}

TEST_F(SharedCacheSettlesTest, NotWhenAWaiterTakesOver) {
  (void)look_and_join(1);
  (void)look_and_join(2);
  waited.leave(key, caller(1));
  EXPECT_EQ(told(), list{});
  waited.leave(key, caller(2));
  EXPECT_EQ(told(), list{false});
}

TEST_F(SharedCacheSettlesTest, AlsoAfterAComputationThatNobodyLookedBefore) {
  (void)waited.join(key, caller(1), waited.ended());
  waited.leave(key, caller(1));
  EXPECT_EQ(told(), list{false});
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
