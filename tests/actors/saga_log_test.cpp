#include "support/signal_box.hpp"

#include <troupe/actors/context_saver.hpp>
#include <troupe/actors/pauser.hpp>
#include <troupe/actors/recorder.hpp>
#include <troupe/actors/saga_keeper.hpp>
#include <troupe/actors/saga_log.hpp>

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace troupe::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

saga_log::entry entry_of(const std::string& name) {
  saga_log::entry made;
  made.name = name;
  return made;
}

std::vector<std::string> names_of(const std::vector<saga_log::entry>& entries) {
  std::vector<std::string> names;
  for (const auto& each : entries) names.push_back(each.name);
  return names;
}

TEST(SagaLog, ClosesWithTheLatestFirst) {
  saga_log log;
  EXPECT_TRUE(log.open(entry_of("a")));
  EXPECT_TRUE(log.open(entry_of("b")));

  EXPECT_THAT(names_of(log.close()), ElementsAre("b", "a"));
  EXPECT_THAT(log.close(), IsEmpty());
}

TEST(SagaLog, TakesNothingMoreOnceItIsClosed) {
  saga_log log;
  (void)log.close();

  EXPECT_FALSE(log.open(entry_of("a")));
  std::vector<saga_log::entry> inner(1);
  EXPECT_FALSE(log.append(inner));
  EXPECT_EQ(inner.size(), 1u) << "they stay with whoever has them";
}

TEST(SagaLog, OrdersByTheStartsAcrossLogs) {
  saga_log outer;
  saga_log inner;
  (void)outer.open(entry_of("a"));
  (void)inner.open(entry_of("b"));
  (void)outer.open(entry_of("c"));
  (void)inner.open(entry_of("d"));

  auto done = inner.take();
  EXPECT_TRUE(outer.append(done));

  EXPECT_THAT(done, IsEmpty());
  EXPECT_THAT(names_of(outer.close()), ElementsAre("d", "c", "b", "a"));
}

TEST(SagaLog, TellsWhoWaitsForEnds) {
  auto box = std::make_shared<testing::signal_box>();
  saga_log log;
  auto first = entry_of("a");
  auto second = entry_of("b");
  const auto marks = std::vector{first.ended, second.ended};
  (void)log.open(std::move(first));
  (void)log.open(std::move(second));
  log.end(marks[0]);
  EXPECT_TRUE(box->received.empty()) << "nobody waits yet";
  const auto entries = log.close();

  EXPECT_TRUE(log.wait_for_ends(entries, {box, {1, 1}}));
  log.end(marks[1]);

  ASSERT_EQ(box->received.size(), 1u);
  EXPECT_EQ(box->received[0].content.what, saga_log::ended_signal);
  EXPECT_FALSE(log.wait_for_ends(entries, {box, {1, 1}}));
}

TEST(SagaLog, LosesNothingAmongThreads) {
  constexpr std::size_t each = 1'000;
  saga_log outer;
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&outer] {
      for (std::size_t at = 0; at < each; ++at) {
        saga_log inner;
        (void)inner.open(entry_of("inner"));
        auto done = inner.take();
        (void)outer.append(done);
        auto direct = entry_of("direct");
        const auto mark = direct.ended;
        (void)outer.open(std::move(direct));
        outer.end(mark);
      }
    });
  }
  for (auto& one : threads) one.join();

  const auto all = outer.close();
  ASSERT_EQ(all.size(), 4 * 2 * each);
  for (std::size_t at = 1; at < all.size(); ++at) EXPECT_GT(all[at - 1].started, all[at].started);
}

TEST(PlaceOf, NamesTurnsAndCallsAndCounts) {
  stage_identity who;
  who.path = "0/2";
  step_request request;
  request.run = std::make_shared<run_scope>(run_id(), "", instant(), usage_limit());
  EXPECT_EQ(place_of(who, request), (run_journal::place{"0/2", 1}));
  EXPECT_EQ(place_of(who, request), (run_journal::place{"0/2", 2}));

  request.turns = std::make_shared<const turn>(turn{3, std::make_shared<const turn>(turn{1, {}})});
  request.calls = std::make_shared<const turn>(turn{2, {}});
  EXPECT_EQ(place_of(who, request), (run_journal::place{"0/2#3#1@2", 1}));
}

} // namespace
} // namespace troupe::actors
