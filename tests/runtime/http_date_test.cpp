#include "http_date.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

const wall_time now = std::chrono::sys_days{std::chrono::year(2026) / 6 / 1};
const wall_time wanted = std::chrono::sys_days{std::chrono::year(1994) / 11 / 6} + 8h + 49min + 37s;

TEST(HttpDate, HasThreeForms) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now), wanted);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), wanted);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", now), wanted);
}

TEST(HttpDate, TakesTwoDigitsForANearYear) {
  EXPECT_EQ(parse_http_date("Monday, 06-Nov-28 08:49:37 GMT", now),
            std::chrono::sys_days{std::chrono::year(2028) / 11 / 6} + 8h + 49min + 37s);
}

TEST(HttpDate, IsNothingWhenItIsUnreadable) {
  for (const auto* text :
       {"", "soon", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT", "Sun Nov  6 08:49:37",
        "Sun, 06 Nov 99999999999 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", "Sun,", "Sun, ",
        "Sun, 06 ov 1994 08:49:37 GMT", "Sun, 06 anF 1994 08:49:37 GMT"})
    EXPECT_FALSE(parse_http_date(text, now)) << text;
}

} // namespace
} // namespace troupe
