#include "sample_plans.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/protocol/plan.hpp>

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace troupe {
namespace {

plan deep_plan(int levels) {
  auto tree = step("bottom");
  for (int i = 0; i < levels; ++i) tree = around(plan_kind::retry, tree);
  return tree;
}

// One of many plans: equal numbers give equal plans built from new parts.
plan plan_from(const std::vector<int>& numbers) {
  auto tree = step("first");
  for (const auto number : numbers) {
    const auto name = "step" + std::to_string(number / 4);
    switch (number % 4) {
    case 0: tree = plan::sequence(tree, step(name)); break;
    case 1: tree = around(plan_kind::retry, tree, {.limit = number}); break;
    case 2: tree = parallel(name, {tree, step("other")}); break;
    default: tree = tree.renamed(name); break;
    }
  }
  return tree;
}

TEST(Plan, ShowsAPolicyUnderTheNameOfWhatItProtects) {
  const auto tree = around(plan_kind::retry, around(plan_kind::timeout, step("charge")));

  EXPECT_EQ(tree.name(), "charge");
  EXPECT_EQ(tree.given_name(), "");
  EXPECT_TRUE(tree.is_policy());
}

TEST(Plan, ShowsAStageWithoutANameUnderItsKind) {
  EXPECT_EQ(parallel("", {step("a")}).name(), "parallel");
  EXPECT_EQ(plan::sequence(step("a"), step("b")).name(), "sequence");
  EXPECT_EQ(plan::use("checkout").name(), "checkout");
}

TEST(Plan, SplicesSequencesWithoutAName) {
  const auto a = step("a");
  const auto b = step("b");
  const auto c = step("c");
  const auto left = plan::sequence(plan::sequence(a, b), c);
  const auto right = plan::sequence(a, plan::sequence(b, c));

  EXPECT_EQ(left.children().size(), 3U);
  EXPECT_EQ(left.hash(), right.hash());
}

TEST(Plan, KeepsANamedSequenceTogether) {
  const auto named = plan::sequence(step("a"), step("b")).renamed("pair");

  EXPECT_EQ(plan::sequence(named, step("c")).children().size(), 2U);
  EXPECT_FALSE(named.is_spliced());
}

TEST(Plan, PassesANewNameThroughPolicies) {
  const auto tree = around(plan_kind::retry, around(plan_kind::timeout, step("charge")));
  const auto renamed = tree.renamed("pay");

  EXPECT_EQ(renamed.name(), "pay");
  EXPECT_EQ(renamed.kind(), plan_kind::retry);
  EXPECT_EQ(renamed.children()[0].stage.children()[0].stage.given_name(), "pay");
  EXPECT_EQ(renamed.options_as<sample_policy>().limit, 1);
  EXPECT_EQ(tree.name(), "charge");
}

TEST(Plan, DescribesItselfWithoutEmptyParts) {
  const auto tree = parallel("both", {around(plan_kind::retry, step("a")), step("b")});

  EXPECT_EQ(write_json(tree.describe()),
            R"({"children":[{"key":"a","stage":{"children":[{"stage":{"kind":"step","name":"a",)"
            R"("options":{"identity":"does a"}}}],"kind":"retry","name":"a",)"
            R"("options":{"limit":1}}},{"key":"b","stage":{"kind":"step","name":"b",)"
            R"("options":{"identity":"does b"}}}],"kind":"parallel","name":"both"})");
}

TEST(Plan, DescribesWhatAUseStandsFor) {
  const sample_registry one({{"x", step("a")}});
  const sample_registry other({{"x", step("b")}});
  const auto tree = plan::use("x");

  EXPECT_EQ(tree.hash(one.find()), tree.hash(one.find()));
  EXPECT_NE(tree.hash(one.find()), tree.hash(other.find()));
  EXPECT_NE(tree.hash(one.find()), tree.hash());
}

TEST(Plan, PrintsItselfAsATree) {
  const auto tree =
      plan::sequence(step("a"), parallel("both", {around(plan_kind::retry, step("b")), step("c")}));

  EXPECT_EQ(to_string(tree), "sequence\n"
                             "  step a\n"
                             "  parallel both\n"
                             "    b: retry\n"
                             "      step b\n"
                             "    c: step c");
}

TEST(Plan, SurvivesAnyDepth) {
  const auto tree = deep_plan(100'000);

  EXPECT_EQ(tree.renamed("top").name(), "top");
  EXPECT_THROW(static_cast<void>(tree.describe()), plan_error);
  EXPECT_LT(to_string(tree).size(), 100'000U);
}

TEST(Plan, DescribesTheDeepestPlanThatIsValid) {
  EXPECT_NO_THROW(deep_plan(199).validate());
  EXPECT_NO_THROW(static_cast<void>(deep_plan(199).hash()));
}

TEST(Plan, RefusesToDescribeSharedStagesWithoutEnd) {
  auto tree = step("a");
  for (int i = 0; i < 100; ++i) tree = parallel("p", {tree, tree});

  EXPECT_THROW(static_cast<void>(tree.hash()), plan_error);
  EXPECT_LT(to_string(tree).size(), 50'000'000U);
}

RC_GTEST_PROP(PlanProperty, RebuiltPlansHaveEqualHashes, ()) {
  const auto numbers = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
  RC_ASSERT(plan_from(numbers).hash() == plan_from(numbers).hash());
}

RC_GTEST_PROP(PlanProperty, ChangedOptionsChangeTheHash, ()) {
  const auto limit = *rc::gen::arbitrary<std::int64_t>();
  const auto other = *rc::gen::distinctFrom(limit);
  const auto make = [](std::int64_t number) {
    return parallel("p", {around(plan_kind::retry, step("a"), {.limit = number}), step("b")});
  };
  RC_ASSERT(make(limit).hash() != make(other).hash());
}

TEST(Plan, ChangesItsHashWithEverythingThatCounts) {
  const auto base = around(plan_kind::retry, step("a"));
  const std::vector<plan> others{around(plan_kind::timeout, step("a")),
                                 around(plan_kind::retry, step("b")),
                                 around(plan_kind::retry, step("a", true)),
                                 around(plan_kind::retry, step("a"), {.name = "x"}),
                                 around(plan_kind::retry, step("a"), {.limit = 2}),
                                 base.renamed("c"),
                                 around(plan_kind::retry, base)};

  for (const auto& other : others) EXPECT_NE(other.hash(), base.hash()) << to_string(other);
}

TEST(Plan, RefusesToHashOptionsThatCannotBeEncoded) {
  static const native_type opaque{&typeid(int), nullptr};
  struct odd_options {
    static value content() { return value::native(std::make_shared<int>(1), opaque); }
  };
  struct options final : plan_options {
    [[nodiscard]] value describe() const override {
      return value::map({{"odd", odd_options::content()}});
    }
    void check(option_check&) const override {}
  };
  const auto tree = plan::make(plan_kind::step, "a", {}, std::make_shared<const options>());

  EXPECT_THROW(static_cast<void>(tree.hash()), plan_error);
}

} // namespace
} // namespace troupe
