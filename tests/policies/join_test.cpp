#include "issues_of.hpp"

#include <troupe/policies/join.hpp>

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using verdict = join_state::verdict;

verdict after(join rule, std::size_t branches, const std::vector<bool>& ends) {
  join_state state(rule, branches);
  for (const auto success : ends) state.record(success);
  return state.current();
}

TEST(Join, WaitsForAllByDefault) {
  EXPECT_EQ(join{}.mode, join_mode::all);
  EXPECT_THAT(issues_of(join{}), IsEmpty());
}

TEST(Join, RefusesAQuorumOutOfBounds) {
  const join none{.mode = join_mode::quorum, .quorum = 0};
  const join many{.mode = join_mode::quorum, .quorum = 4};
  std::vector<plan_issue> issues;
  option_check report("block", "join", issues);
  troupe_check_children(many, report, 4);

  EXPECT_THAT(issues_of(none), ElementsAre(HasSubstr("quorum")));
  EXPECT_TRUE(issues.empty());
  troupe_check_children(many, report, 3);
  EXPECT_EQ(issues.size(), 1U);
}

TEST(Join, RefusesUnknownModes) {
  EXPECT_THAT(issues_of(join{.mode = static_cast<join_mode>(9)}),
              ElementsAre(HasSubstr("mode is 9, an unknown strategy")));
}

TEST(Join, DescribesTheQuorumOnlyWhereItDecides) {
  EXPECT_EQ(troupe_describe(join{}), value::map({{"mode", "all"}}));
  EXPECT_EQ(troupe_describe(join{.mode = join_mode::quorum, .quorum = 2}),
            value::map({{"mode", "quorum"}, {"quorum", 2}}));
}

TEST(JoinState, FailsAllWithTheFirstFailure) {
  EXPECT_EQ(after({}, 3, {true, true}), verdict::open);
  EXPECT_EQ(after({}, 3, {true, true, true}), verdict::succeeded);
  EXPECT_EQ(after({}, 3, {true, false}), verdict::failed);
}

TEST(JoinState, CollectsEveryBranchAndNeedsOneSuccess) {
  const join collect{.mode = join_mode::collect};

  EXPECT_EQ(after(collect, 3, {true, false}), verdict::open);
  EXPECT_EQ(after(collect, 3, {false, true, false}), verdict::succeeded);
  EXPECT_EQ(after(collect, 3, {false, false, false}), verdict::failed);
}

TEST(JoinState, EndsAQuorumAsSoonAsItIsReachedOrOutOfReach) {
  const join two{.mode = join_mode::quorum, .quorum = 2};

  EXPECT_EQ(after(two, 4, {true, false, false}), verdict::open);
  EXPECT_EQ(after(two, 4, {true, false, true}), verdict::succeeded);
  EXPECT_EQ(after(two, 4, {true, false, false, false}), verdict::failed);
  EXPECT_EQ(after(two, 4, {false, false, false}), verdict::failed);
}

TEST(JoinState, TakesTheFirstSuccess) {
  const join first{.mode = join_mode::first};

  EXPECT_EQ(after(first, 3, {false, false}), verdict::open);
  EXPECT_EQ(after(first, 3, {false, true}), verdict::succeeded);
  EXPECT_EQ(after(first, 3, {false, false, false}), verdict::failed);
}

TEST(JoinState, HasSucceededWithoutBranchesUnlessASuccessIsNeeded) {
  EXPECT_EQ(after({}, 0, {}), verdict::succeeded);
  EXPECT_EQ(after({.mode = join_mode::collect}, 0, {}), verdict::succeeded);
  EXPECT_EQ(after({.mode = join_mode::first}, 0, {}), verdict::failed);
  EXPECT_EQ(after({.mode = join_mode::quorum, .quorum = 1}, 0, {}), verdict::failed);
}

RC_GTEST_PROP(JoinState, NeverChangesItsVerdict, (std::vector<bool> ends)) {
  const auto mode =
      *rc::gen::element(join_mode::all, join_mode::collect, join_mode::quorum, join_mode::first);
  join_state state({mode, *rc::gen::inRange(1, 5)}, ends.size());
  auto before = state.current();
  for (const auto success : ends) {
    const auto now = state.record(success);
    RC_ASSERT(before == verdict::open || now == before);
    before = now;
  }
  RC_ASSERT(before != verdict::open);
  RC_ASSERT(state.successes() + state.failures() == ends.size());
}

} // namespace
} // namespace troupe
