#include <troupe/protocol/near_miss.hpp>

#include <gmock/gmock.h>

#include <string>
#include <string_view>
#include <vector>

namespace troupe {
namespace {

using ::testing::IsEmpty;

const std::vector<std::string_view> options{"max_retries", "initial_delay", "backoff", "ttl", "of"};

TEST(NearestName, ForgivesEditsInAThirdOfTheLongerName) {
  EXPECT_EQ(nearest_name("max_retry", options), "max_retries");
  EXPECT_EQ(nearest_name("backof", options), "backoff");
  EXPECT_EQ(nearest_name("tl", options), "ttl");
  EXPECT_THAT(nearest_name("colour", options), IsEmpty());
  EXPECT_THAT(nearest_name("delay", options), IsEmpty());
}

TEST(NearestName, ForgivesOneLetterOfTwoButNotOfOne) {
  EXPECT_EQ(nearest_name("or", options), "of");
  EXPECT_EQ(nearest_name("o", options), "of");
  EXPECT_THAT(nearest_name("is", options), IsEmpty());
  EXPECT_THAT(nearest_name("x", {"y"}), IsEmpty());
  EXPECT_THAT(nearest_name("", {"y"}), IsEmpty());
}

TEST(NearestName, CountsAnExchangeOfNeighborsAsOneEdit) {
  EXPECT_EQ(nearest_name("tlt", options), "ttl");
}

TEST(NearestName, IgnoresCaseButReturnsTheNameAsItIsKnown) {
  EXPECT_EQ(nearest_name("BACKOFF", options), "backoff");
  EXPECT_EQ(nearest_name("lowerASCII", {"lowerAscii"}), "lowerAscii");
}

TEST(NearestName, TakesABeginningForTheWholeName) {
  EXPECT_EQ(nearest_name("initial", options), "initial_delay");
  EXPECT_EQ(nearest_name("max", options), "max_retries");
  EXPECT_THAT(nearest_name("ma", options), IsEmpty());
}

TEST(NearestName, PrefersTheFewestEditsAndThenTheFirst) {
  EXPECT_EQ(nearest_name("steps", {"stages", "step"}), "step");
  EXPECT_EQ(nearest_name("steb", {"step", "stew"}), "step");
  EXPECT_EQ(nearest_name("TIME", {"timeout", "time"}), "time");
}

TEST(NearestName, NeverAnswersWithWhatWasGiven) {
  EXPECT_EQ(nearest_name("step", {"step", "steps"}), "steps");
  EXPECT_THAT(nearest_name("step", {"step"}), IsEmpty());
}

TEST(NearestName, IsSilentWhenNothingIsKnown) {
  EXPECT_THAT(nearest_name("a", {}), IsEmpty());
}

TEST(NearestName, LeavesOutWhatWouldTakeLong) {
  const std::string longest(64, 'a');
  const auto longer = longest + 'a';
  const std::string huge(1 << 20, 'a');
  std::vector<std::string_view> many(1000, "zzzz");
  many.emplace_back("step");

  EXPECT_EQ(nearest_name(longest.substr(1), {longest}), longest);
  EXPECT_THAT(nearest_name(longest, {longer}), IsEmpty());
  EXPECT_THAT(nearest_name(longer, {longest}), IsEmpty());
  EXPECT_THAT(nearest_name(huge, {huge + 'b'}), IsEmpty());
  EXPECT_THAT(nearest_name("stepp", many), IsEmpty());
}

} // namespace
} // namespace troupe
