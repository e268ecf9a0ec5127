#include "expression_fixture.hpp"
#include "zone_rules.hpp"

namespace troupe {
namespace {

using namespace testing_support;

TEST(TimeFunctions, ReadAndWriteTimestamps) {
  const auto text_of = [](const std::string& text) {
    return result_of("string(timestamp(input))", value(text));
  };

  EXPECT_EQ(text_of("2009-02-13T23:31:30Z"), value("2009-02-13T23:31:30Z"));
  EXPECT_EQ(text_of("2009-02-13T23:31:30.120Z"), value("2009-02-13T23:31:30.12Z"));
  EXPECT_EQ(text_of("2009-02-13T23:31:30+02:30"), value("2009-02-13T21:01:30Z"));
  EXPECT_EQ(text_of("0001-01-01T00:00:00.000000001Z"), value("0001-01-01T00:00:00.000000001Z"));
  EXPECT_EQ(text_of("2024-02-29T23:59:59.9999999999Z"), value("2024-02-29T23:59:59.999999999Z"));
  EXPECT_EQ(result_of("int(timestamp('1969-12-31T23:59:59.5Z'))"), value(-1));
  EXPECT_EQ(result_of("string(timestamp(-1))"), value("1969-12-31T23:59:59Z"));
}

TEST(TimeFunctions, RefuseWhatIsNoTimestamp) {
  for (const auto* text :
       {"", "2009-02-13", "2009-02-13T23:31:30", "2009-02-13 23:31:30Z", "2009-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z", "2009-13-01T00:00:00Z", "2009-02-13T24:00:00Z",
        "2009-02-13T23:31:60Z", "2009-02-13T23:31:30.Z", "2009-02-13T23:31:30Zz",
        "2009-02-13T23:31:30+24:00", "02009-02-13T23:31:30Z", "-009-02-13T23:31:30Z",
        "9999-12-31T23:59:59-00:01", "2009-02-13t23:31:30z"}) {
    EXPECT_THAT(reason_of("timestamp(input)", value(text)), testing::StartsWith("no timestamp: "))
        << text;
  }
  EXPECT_EQ(reason_of("timestamp(253402300800)"), "int out of range for timestamp");
}

TEST(TimeFunctions, ReadAndWriteDurations) {
  const auto text_of = [](const std::string& text) {
    return result_of("string(duration(input))", value(text));
  };

  EXPECT_EQ(text_of("1h30m"), value("5400s"));
  EXPECT_EQ(text_of("-1.5s"), value("-1.5s"));
  EXPECT_EQ(text_of("1m1.000000001s"), value("61.000000001s"));
  EXPECT_EQ(text_of("250ms"), value("0.25s"));
  EXPECT_EQ(text_of("3us4ns"), value("0.000003004s"));
  EXPECT_EQ(text_of("1\u00b5s"), value("0.000001s"));
  EXPECT_EQ(text_of(".5h"), value("1800s"));
  EXPECT_EQ(text_of("0.000000000001h"), value("0.000000003s"));
  EXPECT_EQ(text_of("0"), value("0s"));
  EXPECT_EQ(text_of("9223372036.854775807s"), value("9223372036.854775807s"));
  EXPECT_EQ(text_of("-9223372036.854775808s"), value("-9223372036.854775808s"));
}

TEST(TimeFunctions, RefuseWhatIsNoDuration) {
  for (const auto* text : {"", "1", "s", ".s", "1x", "1s1", "--1s", "1 s", "9223372036.854775808s",
                           "99999999999999999999s", "1e3s"}) {
    EXPECT_THAT(reason_of("duration(input)", value(text)), testing::StartsWith("no duration: "))
        << text;
  }
}

TEST(TimeFunctions, CountDurationsInWholeUnits) {
  EXPECT_EQ(result_of("[duration('-90m').getHours(), duration('1h1m1s').getMinutes(), "
                      "duration('61.9s').getSeconds(), duration('1.234s').getMilliseconds()]"),
            value::list({-1, 61, 61, 234}));
  EXPECT_EQ(reason_of("duration('1s').getFullYear()"),
            "no such overload: google.protobuf.Duration.getFullYear()");
  EXPECT_EQ(reason_of("duration('1s').getHours('UTC')"),
            "no such overload: google.protobuf.Duration.getHours(string)");
}

TEST(TimeFunctions, RefuseTimesOutOfRange) {
  EXPECT_EQ(reason_of("timestamp('9999-12-31T23:59:59Z') + duration('1s')"), "time out of range");
  EXPECT_EQ(reason_of("duration('9223372036s') + duration('1s')"), "time out of range");
  EXPECT_EQ(reason_of("timestamp(0) + timestamp(0)"),
            "no such overload: google.protobuf.Timestamp + google.protobuf.Timestamp");
  EXPECT_EQ(reason_of("duration('1s') - timestamp(0)"),
            "no such overload: google.protobuf.Duration - google.protobuf.Timestamp");
}

value hours_in(const std::string& zone, const std::string& time) {
  return result_of("timestamp(input.time).getHours(input.zone)",
                   value::map({{"time", time}, {"zone", zone}}));
}

TEST(TimeZones, KnowDaylightSavingTime) {
  EXPECT_EQ(hours_in("Europe/Berlin", "2024-01-15T12:00:00Z"), value(13));
  EXPECT_EQ(hours_in("Europe/Berlin", "2024-07-15T12:00:00Z"), value(14));
  EXPECT_EQ(hours_in("Europe/Berlin", "2024-03-31T00:59:59Z"), value(1));
  EXPECT_EQ(hours_in("Europe/Berlin", "2024-03-31T01:00:00Z"), value(3));
  EXPECT_EQ(hours_in("America/New_York", "1950-07-15T12:00:00Z"), value(8));
}

TEST(TimeZones, GoOnByTheirRulesAfterTheLastKnownChange) {
  EXPECT_EQ(hours_in("Europe/Berlin", "2050-01-15T12:00:00Z"), value(13));
  EXPECT_EQ(hours_in("Europe/Berlin", "2050-07-15T12:00:00Z"), value(14));
  EXPECT_EQ(hours_in("Australia/Sydney", "2060-01-15T00:00:00Z"), value(11));
  EXPECT_EQ(hours_in("Australia/Sydney", "2060-07-15T00:00:00Z"), value(10));
  EXPECT_EQ(hours_in("Asia/Kolkata", "9999-12-31T00:00:00Z"), value(5));
}

TEST(TimeZones, TakeOffsetsOfTheirOwn) {
  const std::string noon = "2024-01-15T12:00:00Z";

  EXPECT_EQ(hours_in("+02:30", noon), value(14));
  EXPECT_EQ(hours_in("-12:00", noon), value(0));
  EXPECT_EQ(hours_in("05:00", noon), value(17));
  EXPECT_EQ(hours_in("UTC", noon), value(12));
}

TEST(TimeZones, RefuseUnknownNames) {
  for (const auto* zone :
       {"Mars/Olympus", "../../../etc/passwd", "/etc/passwd", "Europe", "Europe/", "tzdata.zi",
        "right/UTC", "Europe/../Europe/Berlin", "+2:00", "+24:00", "02:60", ":", "zone.tab"}) {
    EXPECT_EQ(reason_of("timestamp(0).getHours(input)", value(zone)),
              "unknown time zone: " + std::string(zone));
  }
}

TEST(ZoneRules, ReadEveryForm) {
  const auto new_york = detail::read_zone_rule("EST5EDT,M3.2.0,M11.1.0");
  const auto nuuk = detail::read_zone_rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
  const auto julian = detail::read_zone_rule("AAA0BBB,J60/0,300/0");
  const auto plain = detail::read_zone_rule("<+0545>-5:45");

  ASSERT_TRUE(new_york && nuuk && julian && plain);
  EXPECT_EQ(new_york->standard, -5 * 3'600);
  EXPECT_EQ(new_york->daylight, -4 * 3'600);
  EXPECT_EQ(nuuk->start.seconds, -3'600);
  EXPECT_EQ(plain->offset_at(0), 5 * 3'600 + 45 * 60);
  EXPECT_FALSE(plain->has_daylight);
  // The first of March is day 60 in any year for `J`, and 1972 is a leap year.
  constexpr std::int64_t first_of_march_1972 = 68'256'000;
  EXPECT_EQ(julian->offset_at(first_of_march_1972 - 1), 0);
  EXPECT_EQ(julian->offset_at(first_of_march_1972), 3'600);
}

TEST(ZoneRules, RefuseWhatIsNone) {
  for (const auto* text : {"", "5", "EST", "EST5EDT", "EST5EDT,", "EST5EDT,M3.2.0",
                           "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0", "<EST5",
                           "EST5EDT,M3.2.0,M11.1.0x", "EST5EDT,J0,J1", "EST99999"}) {
    EXPECT_FALSE(detail::read_zone_rule(text)) << text;
  }
}

TEST(ZoneHistory, RefusesAFileThatIsCutOff) {
  std::string file = "TZif2";
  file += std::string(15, '\0');
  const std::string counts = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                              0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4};
  const std::string header = file + counts;
  const std::string body = std::string("\0\0\x0e\x10\0\0CET\0", 10);
  const auto whole = header + body + header + body + "\nCET-1\n";

  const auto history = detail::zone_history::read(whole);

  ASSERT_TRUE(history);
  EXPECT_EQ(history->offset_at(0), 3'600);
  for (std::size_t size = 0; size < 2 * (header + body).size(); ++size) {
    EXPECT_FALSE(detail::zone_history::read(whole.substr(0, size))) << size;
  }
}

} // namespace
} // namespace troupe
