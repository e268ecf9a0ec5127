#include "issues_of.hpp"

#include <troupe/policies/timeout.hpp>

#include <gmock/gmock.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Timeout, AcceptsAnyLengthAboveZero) {
  EXPECT_THAT(issues_of(timeout{.after = 1ns}), IsEmpty());
  EXPECT_THAT(issues_of(timeout{.after = 24h}), IsEmpty());
}

TEST(Timeout, RefusesZeroAndLess) {
  EXPECT_THAT(issues_of(timeout{.after = 0s}), ElementsAre(HasSubstr("after")));
  EXPECT_THAT(issues_of(timeout{.after = -1s}), ElementsAre(HasSubstr("after")));
}

TEST(Timeout, DescribesItsLimit) {
  EXPECT_EQ(troupe_describe(timeout{.after = 2s}), value::map({{"after", "2s"}}));
}

} // namespace
} // namespace troupe
