#include "sample_plans.hpp"

#include <troupe/protocol/plan.hpp>

#include <gmock/gmock.h>

#include <cmath>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> issues_in(const plan& tree, const plan::resolver& find = nullptr) {
  try {
    tree.validate(find);
  } catch (const infinite_fallback_error& error) {
    return {std::string("infinite: ") + error.what()};
  } catch (const plan_error& error) {
    std::vector<std::string> texts;
    for (const auto& issue : error.issues()) texts.push_back(to_string(issue));
    return texts;
  }
  return {};
}

plan empty(plan_kind kind, std::string name = "x") {
  return plan::make(kind, std::move(name), {});
}

TEST(PlanValidation, AcceptsAGoodPlan) {
  const sample_registry names({{"other", step("d")}});
  const auto tree =
      plan::sequence(fallback({around(plan_kind::retry, step("a")), step("b"), plan::use("other")}),
                     parallel("both", {step("b"), around(plan_kind::hedge, step("c", true))}));

  EXPECT_THAT(issues_in(tree, names.find()), IsEmpty());
  EXPECT_THAT(issues_in(plan::use("anything")), IsEmpty());
}

TEST(PlanValidation, NamesTheStageFromTheOutsideIn) {
  const auto bad = around(plan_kind::retry, step("charge"), {.limit = -1});
  const auto tree = plan::sequence(step("a"), parallel("both", {bad, step("b")}));

  EXPECT_THAT(issues_in(tree),
              ElementsAre("both/charge: retry.limit is -1; it must be at least 0"));
}

TEST(PlanValidation, FindsEveryIssueAtOnce) {
  const auto bad = around(plan_kind::retry, step(""), {.limit = -1});

  const auto issues = issues_in(parallel("both", {bad, empty(plan_kind::sequence, "none")}));

  EXPECT_EQ(issues.size(), 3U);
  EXPECT_THAT(issues, Contains("both/none: has no steps; it needs at least one"));
  EXPECT_THAT(issues, Contains(HasSubstr("has no name")));
}

TEST(PlanValidation, RefusesStagesThatHaveNothingToDo) {
  for (const auto kind :
       {plan_kind::sequence, plan_kind::parallel, plan_kind::map, plan_kind::branch,
        plan_kind::router, plan_kind::loop, plan_kind::retry, plan_kind::timeout,
        plan_kind::fallback, plan_kind::breaker, plan_kind::cache, plan_kind::hedge,
        plan_kind::bulkhead, plan_kind::rate_limit}) {
    EXPECT_THAT(issues_in(empty(kind)), ElementsAre(HasSubstr("; it needs "))) << to_string(kind);
  }
  EXPECT_THAT(issues_in(fallback({step("a")})), ElementsAre(HasSubstr("nothing to fall back to")));
}

TEST(PlanValidation, RefusesTwoBranchesOfOneKey) {
  const auto tree = plan::make(plan_kind::router, "route",
                               {{"a", step("x")}, {"a", step("y")}, {"a", step("z")}});

  EXPECT_THAT(issues_in(tree), ElementsAre(HasSubstr("two branches with the key \"a\"")));
}

TEST(PlanValidation, LetsOptionsSeeTheNumberOfBranches) {
  const auto tree =
      plan::make(plan_kind::parallel, "p", {{"a", step("a")}}, sample_policy{.limit = 6});

  EXPECT_THAT(issues_in(tree), ElementsAre("p: parallel.limit needs more branches"));
}

TEST(PlanValidation, RefusesNamesThatStandForNothing) {
  const sample_registry names({});

  EXPECT_THAT(issues_in(plan::use("missing"), names.find()),
              ElementsAre("missing: use names no registered pipeline"));
}

TEST(PlanValidation, ShowsACircleOfNames) {
  const sample_registry names({{"a", plan::sequence(step("s"), plan::use("b"))},
                               {"b", plan::sequence(step("t"), plan::use("a"))}});

  EXPECT_THAT(issues_in(plan::use("a"), names.find()),
              ElementsAre(HasSubstr("is circular: a → b → a")));
}

TEST(PlanValidation, RefusesFallbacksThatLeadBackThroughNames) {
  const sample_registry names(
      {{"a", fallback({step("s"), plan::use("b")})}, {"b", fallback({step("t"), plan::use("a")})}});

  EXPECT_THAT(issues_in(plan::use("a"), names.find()),
              ElementsAre(testing::AllOf(HasSubstr("infinite: "), HasSubstr("a → b → a"))));
}

TEST(PlanValidation, RefusesAFallbackThatNamesItsOwnPipeline) {
  const sample_registry names({{"a", fallback({step("s"), plan::use("a")})}});

  EXPECT_THAT(issues_in(plan::use("a"), names.find()), ElementsAre(HasSubstr("a → a")));
}

TEST(PlanValidation, RefusesAFallbackToAnEarlierLevel) {
  const auto a = step("a");
  const auto b = step("b");

  EXPECT_THAT(issues_in(fallback({a, b, a})),
              ElementsAre(HasSubstr("infinite: a: falls back to itself: a → b → a")));
  EXPECT_THAT(issues_in(fallback({fallback({a, b}), a})), ElementsAre(HasSubstr("a → b → a")));
  EXPECT_THAT(issues_in(fallback({step("s"), b, fallback({step("c"), b})})),
              ElementsAre(HasSubstr("b → c → b")));
  EXPECT_THAT(issues_in(fallback({a, a})), ElementsAre(HasSubstr("a → a")));
}

TEST(PlanValidation, AcceptsOneStepInTwoSeparateFallbacks) {
  const auto spare = step("spare");

  EXPECT_THAT(issues_in(plan::sequence(fallback({step("a"), spare}), fallback({step("b"), spare}))),
              IsEmpty());
}

TEST(PlanValidation, RefusesToHedgeWhatMayNotRunTwice) {
  const sample_registry names({{"x", step("charge")}});
  const auto inner = plan::sequence(step("safe", true), step("charge"));

  EXPECT_THAT(
      issues_in(around(plan_kind::hedge, inner)),
      ElementsAre("charge: hedge runs this step more than once, but it is not marked idempotent"));
  EXPECT_THAT(issues_in(plan::sequence(plan::use("x"), around(plan_kind::hedge, plan::use("x"))),
                        names.find()),
              ElementsAre(HasSubstr("x/charge: hedge")));
}

TEST(PlanValidation, RefusesOneSharedNameWithDifferentOptions) {
  const auto sharing = [](plan_kind kind, const char* inner, std::int64_t limit) {
    return around(kind, step(inner), {.name = "shared", .limit = limit});
  };

  EXPECT_THAT(issues_in(plan::sequence(sharing(plan_kind::breaker, "a", 1),
                                       sharing(plan_kind::breaker, "b", 2))),
              ElementsAre("b: breaker \"shared\" is declared with different options elsewhere"));
  EXPECT_THAT(issues_in(plan::sequence(sharing(plan_kind::breaker, "a", 1),
                                       sharing(plan_kind::breaker, "b", 1))),
              IsEmpty());
  EXPECT_THAT(issues_in(plan::sequence(sharing(plan_kind::breaker, "a", 1),
                                       sharing(plan_kind::cache, "b", 2))),
              IsEmpty());
}

TEST(PlanValidation, RefusesPlansThatAreTooDeep) {
  auto tree = step("a");
  for (int i = 0; i < 50'000; ++i) tree = around(plan_kind::retry, tree);

  EXPECT_THAT(issues_in(tree), ElementsAre(HasSubstr("nests deeper than 200 levels")));
}

TEST(PlanValidation, RefusesPlansThatAreTooLarge) {
  auto tree = step("a");
  for (int i = 0; i < 100; ++i)
    tree = parallel("p", {tree, step("b")}).renamed("q" + std::to_string(i));
  EXPECT_THAT(issues_in(tree), IsEmpty());

  for (int i = 0; i < 50; ++i)
    tree = plan::make(plan_kind::parallel, "p", {{"a", tree}, {"b", tree}});
  EXPECT_THAT(issues_in(tree), ElementsAre(HasSubstr("larger than 100000 stages")));
}

TEST(PlanValidation, CountsEveryUseOfAName) {
  std::map<std::string, plan> plans{{"n0", step("a")}};
  for (int i = 1; i < 60; ++i) {
    const auto inner = plan::use("n" + std::to_string(i - 1));
    plans.emplace("n" + std::to_string(i), plan::sequence(inner, inner));
  }
  const sample_registry names(plans);

  EXPECT_THAT(issues_in(plan::use("n59"), names.find()),
              Contains(HasSubstr("larger than 100000 stages")));
  EXPECT_THAT(issues_in(plan::use("n8"), names.find()), IsEmpty());
}

TEST(PlanValidation, ListsEveryIssueOnALineOfItsOwn) {
  const plan_error error({{"a", "retry.limit", "is -1"}, {"b", "", "is empty"}});

  EXPECT_STREQ(error.what(), "a: retry.limit is -1\nb: is empty");
  EXPECT_EQ(error.issues().size(), 2U);
}

TEST(OptionCheck, ReportsTheValueAndItsBound) {
  std::vector<plan_issue> issues;
  option_check report("stage", "", issues);

  report.at_least("a", -1, 0);
  report.at_most("b", 11, 10);
  report.positive("c", 0s);
  report.not_negative("d", -1s);
  report.between("e", 1.5, 0, 1);
  report.between("f", std::nan(""), 0, 1);

  std::vector<std::string> texts;
  for (const auto& issue : issues) texts.push_back(to_string(issue));
  EXPECT_THAT(texts, ElementsAre("stage: a is -1; it must be at least 0",
                                 "stage: b is 11; it must be at most 10",
                                 "stage: c is 0s; it must be greater than 0",
                                 "stage: d is -1s; it must be at least 0",
                                 "stage: e is 1.5; it must be between 0 and 1",
                                 "stage: f is nan; it must be between 0 and 1"));
}

TEST(OptionCheck, ReportsNothingAtTheBounds) {
  std::vector<plan_issue> issues;
  option_check report("stage", "", issues);

  report.at_least("a", 0, 0);
  report.at_most("b", 10, 10);
  report.positive("c", 1ns);
  report.not_negative("d", 0s);
  report.between("e", 1, 0, 1);

  EXPECT_THAT(issues, IsEmpty());
}

} // namespace
} // namespace troupe
