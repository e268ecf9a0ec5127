#include "issues_of.hpp"

#include <troupe/policies/breaker.hpp>
#include <troupe/policies/cache.hpp>
#include <troupe/policies/rate_limit.hpp>
#include <troupe/policies/state_scope.hpp>

#include <gmock/gmock.h>

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class Options>
class StateScope : public testing::Test {};
using with_a_scope = testing::Types<breaker, cache, rate_limit>;
TYPED_TEST_SUITE(StateScope, with_a_scope);

TYPED_TEST(StateScope, IsLocalAndThenGoesWithoutSaying) {
  EXPECT_EQ(TypeParam{}.scope, state_scope::local);
  EXPECT_FALSE(troupe_describe(TypeParam{}).contains("scope"));
  EXPECT_THAT(issues_of(TypeParam{}), IsEmpty());
}

TYPED_TEST(StateScope, OfAClusterIsDescribed) {
  const TypeParam options{.name = "bank", .scope = state_scope::cluster};
  EXPECT_EQ(troupe_describe(options).at("scope"), value("cluster"));
  EXPECT_THAT(issues_of(options), IsEmpty());
}

TYPED_TEST(StateScope, OfAClusterNeedsAName) {
  EXPECT_THAT(
      issues_of(TypeParam{.scope = state_scope::cluster}),
      ElementsAre(
          "options.scope is cluster; that needs a name, by which all who share it find it"));
}

} // namespace
} // namespace troupe
