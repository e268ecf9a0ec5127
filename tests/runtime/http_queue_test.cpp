#include "http_queue.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const instant start{};

std::vector<std::uint64_t> all_next(http_queue& queue, instant now = start) {
  std::vector<std::uint64_t> result;
  while (const auto id = queue.next(now)) result.push_back(*id);
  return result;
}

void wait_all(http_queue& queue, const std::string& origin, std::uint64_t first,
              std::uint64_t last) {
  for (auto id = first; id <= last; ++id) queue.wait(id, origin, no_deadline);
}

TEST(HttpQueue, LetsHostsTakeTurns) {
  http_queue queue({});
  wait_all(queue, "a", 1, 3);
  wait_all(queue, "b", 4, 5);

  EXPECT_THAT(all_next(queue), ElementsAre(1, 4, 2, 5, 3));
}

TEST(HttpQueue, BoundsAllRequestsTogether) {
  http_queue queue({.max_active = 2});
  wait_all(queue, "a", 1, 2);
  wait_all(queue, "b", 3, 3);
  EXPECT_THAT(all_next(queue), ElementsAre(1, 3));

  queue.leave(3);

  EXPECT_THAT(all_next(queue), ElementsAre(2));
  EXPECT_EQ(queue.active(), 2u);
}

TEST(HttpQueue, BoundsTheRequestsOfOneHost) {
  http_queue queue({.max_host_active = 1});
  wait_all(queue, "a", 1, 2);
  wait_all(queue, "b", 3, 3);
  EXPECT_THAT(all_next(queue), ElementsAre(1, 3));

  queue.leave(1);

  EXPECT_THAT(all_next(queue), ElementsAre(2));
}

TEST(HttpQueue, LetsFewLookForAnAddressAndAllUseIt) {
  http_queue queue({.max_lookups = 2});
  wait_all(queue, "a", 1, 9);
  EXPECT_THAT(all_next(queue), ElementsAre(1, 2));

  queue.resolved(2, true, start);

  EXPECT_THAT(all_next(queue), ElementsAre(3, 4, 5, 6, 7, 8, 9));
}

TEST(HttpQueue, ForgetsAnAddressAfterAWhile) {
  http_queue queue({.max_lookups = 1, .address_known = 50s});
  wait_all(queue, "a", 1, 1);
  EXPECT_THAT(all_next(queue), ElementsAre(1));
  queue.resolved(1, true, start);
  queue.leave(1);

  wait_all(queue, "a", 2, 4);

  EXPECT_THAT(all_next(queue, start + 50s), ElementsAre(2));
}

TEST(HttpQueue, LearnsNoAddressWithoutALookup) {
  http_queue queue({.max_lookups = 1});
  wait_all(queue, "a", 1, 4);
  EXPECT_THAT(all_next(queue), ElementsAre(1));

  queue.resolved(1, false, start);

  EXPECT_THAT(all_next(queue), ElementsAre(2));
}

TEST(HttpQueue, LetsTheNextLookAfterOneThatFailed) {
  http_queue queue({.max_lookups = 1});
  wait_all(queue, "a", 1, 2);
  EXPECT_THAT(all_next(queue), ElementsAre(1));

  queue.leave(1);

  EXPECT_THAT(all_next(queue), ElementsAre(2));
}

TEST(HttpQueue, NamesWhoWaitsForTheSameHost) {
  http_queue queue({.max_lookups = 1});
  wait_all(queue, "a", 1, 3);
  wait_all(queue, "b", 4, 4);
  ASSERT_EQ(queue.next(start), 1u);

  EXPECT_THAT(queue.waiting_with(1), ElementsAre(2, 3));
}

TEST(HttpQueue, ForgetsWhatLeavesWhileItWaits) {
  http_queue queue({});
  queue.wait(1, "a", start + 1s);
  queue.leave(1);

  EXPECT_THAT(all_next(queue), IsEmpty());
  EXPECT_EQ(queue.first_deadline(), no_deadline);
}

TEST(HttpQueue, NamesWhatIsOverdueWhileItWaits) {
  http_queue queue({.max_active = 1});
  queue.wait(1, "a", start + 1s);
  queue.wait(2, "a", start + 3s);
  queue.wait(3, "a", start + 2s);
  ASSERT_EQ(queue.next(start), 1u);

  EXPECT_EQ(queue.first_deadline(), start + 2s);
  EXPECT_EQ(queue.overdue(start + 1s), std::nullopt);
  EXPECT_EQ(queue.overdue(start + 5s), 3u);
}

TEST(HttpQueue, ForgetsHostsThatNobodyUses) {
  http_queue queue({});
  for (std::uint64_t id = 1; id <= 10'000; ++id) {
    queue.wait(id, "host " + std::to_string(id), no_deadline);
    ASSERT_EQ(queue.next(start), id);
    queue.leave(id);
  }

  EXPECT_EQ(queue.active(), 0u);
}

} // namespace
} // namespace troupe
