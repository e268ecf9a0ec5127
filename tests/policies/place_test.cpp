#include "issues_of.hpp"

#include <troupe/policies/place.hpp>

#include <gmock/gmock.h>

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Place, NeedsLabelsWithDifferentNames) {
  EXPECT_THAT(issues_of(place{{{"gpu", "true"}, {"zone", ""}}}), IsEmpty());
  EXPECT_THAT(issues_of(place{}), ElementsAre(HasSubstr("labels is empty")));
  EXPECT_THAT(issues_of(place{{{"", "x"}}}), ElementsAre(HasSubstr("without a name")));
  EXPECT_THAT(issues_of(place{{{"a", "x"}, {"a", "x"}}}), ElementsAre(HasSubstr("\"a\" twice")));
}

TEST(Place, DescribesItsLabels) {
  EXPECT_EQ(troupe_describe(place{{{"zone", "b"}, {"gpu", "true"}}}),
            value::map({{"labels", value::map({{"gpu", "true"}, {"zone", "b"}})}}));
}

} // namespace
} // namespace troupe
