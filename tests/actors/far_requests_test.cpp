#include <troupe/actors/far_requests.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <utility>

namespace troupe::actors {
namespace {

class silent_mailbox final : public mailbox {
public:
  void put(message) override {}
};

TEST(FarRequests, KeepsTheFirstCallOfAKey) {
  const silent_mailbox one;
  far_requests open;

  open.add({&one, request_id{1}}, {7, 1});
  open.add({&one, request_id{1}}, {8, 1});

  EXPECT_EQ(open.find({&one, request_id{1}}), (call_id{7, 1}));
  EXPECT_FALSE(open.find({&one, request_id{2}}));
  EXPECT_FALSE(open.find({nullptr, request_id{1}}));
  EXPECT_TRUE(open.erase({&one, request_id{1}}));
  EXPECT_FALSE(open.erase({&one, request_id{1}}));
}

TEST(FarRequests, HoldsWhatAMapHolds) {
  const std::array<silent_mailbox, 3> askers;
  std::mt19937 chance(20);
  std::map<std::pair<const mailbox*, std::uint64_t>, std::uint32_t> expected;
  far_requests open;

  for (std::uint32_t step = 1; step < 50'000; ++step) {
    const auto* from = &askers[chance() % askers.size()];
    const std::uint64_t id = chance() % 200;
    if (chance() % 2 == 0) {
      open.add({from, request_id{id}}, {step, 1});
      expected.try_emplace({from, id}, step);
    } else {
      ASSERT_EQ(open.erase({from, request_id{id}}), expected.erase({from, id}) == 1);
    }
    ASSERT_EQ(open.size(), expected.size());
    const auto known = expected.find({from, id});
    const auto found = open.find({from, request_id{id}});
    ASSERT_EQ(static_cast<bool>(found), known != expected.end());
    if (found) {
      ASSERT_EQ(found.index, known->second);
    }
  }
}

TEST(FarRequests, GivesBackWhatABurstTook) {
  constexpr std::uint64_t many = 100'000;
  far_requests open;
  for (std::uint64_t id = 0; id < many; ++id) open.add({nullptr, request_id{id}}, {1, 1});
  const auto at_most = open.capacity();

  for (std::uint64_t id = 0; id < many; ++id) ASSERT_TRUE(open.erase({nullptr, request_id{id}}));

  EXPECT_GE(at_most, many);
  EXPECT_LE(open.capacity(), 16'384U);
}

} // namespace
} // namespace troupe::actors
