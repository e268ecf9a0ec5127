#include "shared_port.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace troupe::nodes {
namespace {

std::vector<std::string> keys(int count) {
  std::vector<std::string> made;
  for (int each = 0; each < count; ++each) made.push_back("key-" + std::to_string(each));
  return made;
}

TEST(HomeAmong, IsTheSameWhateverTheOrderOfTheMembers) {
  std::vector<std::string> members{"a", "b", "c"};
  for (const auto& key : keys(50)) {
    const auto home = home_among(members, key);
    std::rotate(members.begin(), members.begin() + 1, members.end());
    EXPECT_EQ(home_among(members, key), home);
  }
}

TEST(HomeAmong, SpreadsKeys) {
  const std::vector<std::string> members{"node-1", "node-2", "node-3", "node-4"};
  std::map<std::string, int> owned;
  for (const auto& key : keys(4'000)) ++owned[home_among(members, key)];
  for (const auto& member : members) {
    EXPECT_GT(owned[member], 800) << member;
    EXPECT_LT(owned[member], 1'200) << member;
  }
}

TEST(HomeAmong, MovesOnlyTheKeysOfTheMemberThatIsGone) {
  const std::vector<std::string> before{"a", "b", "c"};
  const std::vector<std::string> after{"a", "c"};
  for (const auto& key : keys(200)) {
    const auto& home = home_among(before, key);
    if (home == "b") continue;
    EXPECT_EQ(home_among(after, key), home);
  }
}

} // namespace
} // namespace troupe::nodes
