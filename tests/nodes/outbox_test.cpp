#include "outbox.hpp"

#include <gmock/gmock.h>

namespace troupe::nodes {
namespace {

using effect = outbox::effect;

TEST(Outbox, WakesTheLoopForTheFirstFrameOnly) {
  outbox waiting(1000);

  EXPECT_EQ(waiting.add({"a"}), effect::wakes);
  EXPECT_EQ(waiting.add({"b"}), effect::none);
}

TEST(Outbox, WakesItAgainOnceItHasLooked) {
  outbox waiting(1000);
  std::vector<char> out;
  waiting.add({"a"});
  waiting.take(out);

  EXPECT_EQ(waiting.add({"b"}), effect::wakes);
}

TEST(Outbox, DoesNotWakeALoopThatIsAboutToLook) {
  outbox waiting(1000);
  waiting.expect_look();

  EXPECT_EQ(waiting.add({"a"}), effect::none);
}

TEST(Outbox, KeepsTheOrderBehindWhatIsThere) {
  outbox waiting(1000);
  std::vector<char> out;
  waiting.add({"a"});
  waiting.take(out);
  waiting.add({"b", "c"});
  waiting.take(out);

  EXPECT_EQ(std::string(out.begin(), out.end()), std::string("\0\0\0\1a\0\0\0\1b\0\0\0\1c", 15));
}

TEST(Outbox, CountsUntilBytesAreWritten) {
  outbox waiting(1000);
  std::vector<char> out;
  waiting.add({"abc"});
  waiting.take(out);
  EXPECT_EQ(waiting.unsent_bytes(), 7U);

  waiting.written(5);

  EXPECT_EQ(waiting.unsent_bytes(), 2U);
}

TEST(Outbox, OverflowsOnceAndTakesNothingMore) {
  outbox waiting(20);
  EXPECT_EQ(waiting.add({"0123456789012345"}), effect::wakes);

  EXPECT_EQ(waiting.add({""}), effect::overflows);
  EXPECT_EQ(waiting.add({""}), effect::none);
}

TEST(Outbox, TakesNothingOnceItIsShutButGivesWhatItHas) {
  outbox waiting(1000);
  std::vector<char> out;
  waiting.add({"a"});
  EXPECT_TRUE(waiting.shut());
  EXPECT_FALSE(waiting.shut());
  waiting.add({"b"});

  waiting.take(out);

  EXPECT_EQ(out.size(), 5U);
}

} // namespace
} // namespace troupe::nodes
