#include "outbox.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace troupe::nodes {
namespace {

using effect = outbox::effect;
using haste = outbox::haste;

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

/// A system that takes so many bytes.
struct taker {
  std::string taken;
  std::size_t room;
  outbox::writer writer() {
    return [this](const char* from, std::size_t size) {
      const auto count = std::min(size, room);
      taken.append(from, count);
      room -= count;
      return count;
    };
  }
};

TEST(Outbox, LetsWhoIsInHasteWriteWhileNothingWaits) {
  outbox waiting(1000);
  taker system{{}, 100};
  waiting.let_senders_write(system.writer());

  EXPECT_EQ(waiting.add({"a"}, haste::great), effect::none);

  EXPECT_EQ(system.taken, std::string("\0\0\0\1a", 5));
  EXPECT_EQ(waiting.unsent_bytes(), 0U);
}

TEST(Outbox, LeavesToTheLoopWhatTheSystemDoesNotTake) {
  outbox waiting(1000);
  taker system{{}, 3};
  waiting.let_senders_write(system.writer());
  EXPECT_EQ(waiting.add({"a"}, haste::great), effect::wakes);
  EXPECT_EQ(waiting.unsent_bytes(), 2U);

  // From here on the loop has bytes that come first.
  system.room = 100;
  EXPECT_EQ(waiting.add({"b"}, haste::great), effect::none);
  std::vector<char> out;
  waiting.take(out);
  EXPECT_EQ(waiting.add({"c"}, haste::great), effect::wakes);
  EXPECT_EQ(system.taken.size(), 3U);
  EXPECT_EQ(std::string(out.begin(), out.end()), std::string("\1a\0\0\0\1b", 7));

  out.clear();
  waiting.take(out);
  waiting.all_written();
  EXPECT_EQ(waiting.add({"d"}, haste::great), effect::none);
  EXPECT_EQ(system.taken.substr(3), std::string("\0\0\0\1d", 5));
}

TEST(Outbox, LeavesItToTheLoopWithoutHaste) {
  outbox waiting(1000);
  taker system{{}, 100};
  waiting.let_senders_write(system.writer());

  EXPECT_EQ(waiting.add({"a"}), effect::wakes);

  EXPECT_EQ(system.taken, "");
}

TEST(Outbox, LetsNobodyWriteOnceItIsShut) {
  outbox waiting(1000);
  taker system{{}, 100};
  waiting.let_senders_write(system.writer());
  waiting.shut();

  EXPECT_EQ(waiting.add({"a"}, haste::great), effect::none);

  EXPECT_EQ(system.taken, "");
}

TEST(Outbox, LeavesALoopThatIsAboutToLookItsWork) {
  outbox waiting(1000);
  taker system{{}, 100};
  waiting.let_senders_write(system.writer());
  waiting.expect_look();

  EXPECT_EQ(waiting.add({"a"}, haste::great), effect::none);

  EXPECT_EQ(system.taken, "");
}

} // namespace
} // namespace troupe::nodes
