#include <troupe/protocol/time.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

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

TEST(ParseDuration, ReadsNumbersWithAUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("0.5h"), 30min);
  EXPECT_EQ(parse_duration("3us"), 3us);
  EXPECT_EQ(parse_duration("0.003us"), 3ns);
  EXPECT_EQ(parse_duration("7ns"), 7ns);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("007s"), 7s);
}

TEST(ParseDuration, ReadsSeveralUnitsFromLargeToSmall) {
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("1h0.25s"), 1h + 250ms);
  EXPECT_EQ(parse_duration("1m1s1ms1us1ns"), 1min + 1s + 1ms + 1us + 1ns);
  EXPECT_EQ(parse_duration("-1m30s"), -90s);
  EXPECT_FALSE(parse_duration("30m1h"));
  EXPECT_FALSE(parse_duration("1s1s"));
  EXPECT_FALSE(parse_duration("1ms1m"));
  EXPECT_FALSE(parse_duration("1m-30s"));
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const auto* text : {"",       "-",   "5",   "1.5", "s",    "-s",   "1.s", ".5s",  "1..5s",
                           "1.5.5s", "1 s", " 1s", "1s ", "+1s",  "--1s", "1S",  "1e3s", "0x1s",
                           "1sec",   "1d",  "1µs", "1s,", "1h30", "nan",  "inf", "1\0s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  EXPECT_FALSE(parse_duration(std::string_view("1s\0", 3)));
}

TEST(ParseDuration, RefusesWhatItCannotHoldExactly) {
  EXPECT_EQ(parse_duration("0.000000001s"), 1ns);
  EXPECT_FALSE(parse_duration("0.0000000001s"));
  EXPECT_FALSE(parse_duration("0.5ns"));
  EXPECT_EQ(parse_duration("2562047h"), std::chrono::hours(2'562'047));
  EXPECT_FALSE(parse_duration("2562048h"));
  EXPECT_EQ(parse_duration("9223372036854775807ns"), duration::max());
  EXPECT_FALSE(parse_duration("9223372036854775808ns"));
  EXPECT_EQ(parse_duration("-9223372036854775808ns"), duration::min());
  EXPECT_FALSE(parse_duration("-9223372036854775809ns"));
  EXPECT_FALSE(parse_duration("2562047h48m"));
  EXPECT_FALSE(parse_duration("99999999999999999999999h"));
  EXPECT_FALSE(parse_duration("0.00000000000000000000000001h"));
}

TEST(ParseDuration, ReadsTheLongestThatIsPrinted) {
  EXPECT_EQ(parse_duration(to_string(duration::max())), duration::max());
  EXPECT_EQ(parse_duration(to_string(duration::min())), duration::min());
}

RC_GTEST_PROP(ParseDuration, ReadsWhateverIsPrinted, ()) {
  const auto scale = *rc::gen::element<std::int64_t>(1, 1'000, 1'000'000, 1'000'000'000);
  const duration length(*rc::gen::inRange<std::int64_t>(-9'000'000'000, 9'000'000'000) * scale);

  RC_ASSERT(parse_duration(to_string(length)) == length);
}

RC_GTEST_PROP(ParseDuration, NeverCrashes, ()) {
  const auto text =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789.hmsun-+ e")));
  const auto read = parse_duration(text);
  if (read) RC_ASSERT(parse_duration(to_string(*read)) == *read);
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
