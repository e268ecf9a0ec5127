#include <troupe/protocol/time.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsPrintedInTheUnitsPeopleWrite) {
  EXPECT_EQ(to_string(0s), "0s");
  EXPECT_EQ(to_string(250ms), "250ms");
  EXPECT_EQ(to_string(1500ms), "1.5s");
  EXPECT_EQ(to_string(60s), "1m");
  EXPECT_EQ(to_string(90s), "1m30s");
  EXPECT_EQ(to_string(2h), "2h");
  EXPECT_EQ(to_string(1h + 250ms), "1h0.25s");
  EXPECT_EQ(to_string(1500ns), "1.5us");
  EXPECT_EQ(to_string(7ns), "7ns");
  EXPECT_EQ(to_string(-90s), "-1m30s");
}

TEST(Duration, IsPrintedExactly) {
  EXPECT_EQ(to_string(1s + 1ns), "1.000000001s");
  EXPECT_EQ(to_string(duration::max()), "2562047h47m16.854775807s");
  EXPECT_EQ(to_string(duration::min()), "-2562047h47m16.854775808s");
}

TEST(Instant, IsNeverLaterThanNoDeadline) {
  const instant start(5s);

  EXPECT_EQ(later(start, 2s), instant(7s));
  EXPECT_EQ(later(start, -2s), instant(3s));
  EXPECT_EQ(later(start, duration::max()), no_deadline);
  EXPECT_EQ(later(no_deadline, -1s), no_deadline);
  EXPECT_EQ(later(instant(-5s), duration::min()), instant::min());
}

} // namespace
} // namespace troupe
