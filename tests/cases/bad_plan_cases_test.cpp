#include "support/case_fixture.hpp"

namespace troupe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class BadPlanCases : public CaseFixture {
protected:
  /// What deploying finds wrong, one text an issue; empty when nothing is.
  template <class Stage>
  std::vector<std::string> issues_of(const Stage& what) {
    std::vector<std::string> texts;
    try {
      (void)rt.deploy(what);
    } catch (const plan_error& error) {
      for (const auto& issue : error.issues()) {
        texts.push_back(to_string(issue));
        EXPECT_THAT(error.what(), HasSubstr(texts.back()));
      }
    }
    return texts;
  }

  /// The message of the `infinite_fallback_error` that deploying throws.
  template <class Stage>
  std::string fallback_cycle_of(const Stage& what) {
    try {
      (void)rt.deploy(what);
    } catch (const infinite_fallback_error& error) {
      return error.what();
    } catch (const plan_error& error) {
      return std::string("only a plan_error: ") + error.what();
    }
    return "deployed";
  }

  scripted_step a{"a", {permanent("a").costing(0.1)}};
  scripted_step b{"b", {permanent("b").costing(0.1)}};
};
TROUPE_CASES(BadPlanCases);

TEST_P(BadPlanCases, C009SequenceWithoutSteps) {
  const auto empty = plan::make(plan_kind::sequence, "", {});

  EXPECT_THAT(issues_of(pipeline<value, value>(empty)),
              ElementsAre("sequence: has no steps; it needs at least one"));
  EXPECT_THAT(issues_of(pipeline<value, value>(plan::sequence(empty, empty))),
              ElementsAre("sequence: has no steps; it needs at least one"));
  EXPECT_THAT(issues_of(as_step("group", pipeline<value, value>(empty)) | retry{}),
              ElementsAre("group: has no steps; it needs at least one"));
}

TEST_P(BadPlanCases, C009BlocksWithoutBranches) {
  const std::vector<step<value, value>> none;
  const auto key = [](const value&) { return std::string(); };
  const auto keys = [](const value&) { return std::vector<std::string>(); };

  EXPECT_THAT(issues_of(parallel(none)),
              ElementsAre("parallel: has no branches; it needs at least one"));
  EXPECT_THAT(issues_of(branch<value, value>(key, {})),
              ElementsAre("branch: has no branches; it needs at least one"));
  EXPECT_THAT(issues_of(router<value, value>(keys, {})),
              ElementsAre("router: has no branches; it needs at least one"));
}

TEST_P(BadPlanCases, C030BadRetries) {
  const auto unknown = static_cast<backoff_strategy>(99);

  EXPECT_THAT(issues_of(a() | retry{.max_retries = -1}),
              ElementsAre("a: retry.max_retries is -1; it must be at least 0"));
  EXPECT_THAT(issues_of(a() | retry{.initial_delay = -1ms}),
              ElementsAre("a: retry.initial_delay is -1ms; it must be at least 0"));
  EXPECT_THAT(issues_of(a() | retry{.initial_delay = 2s, .max_delay = 1s}),
              ElementsAre("a: retry.max_delay is 1s; it must be at least initial_delay, 2s"));
  EXPECT_THAT(issues_of(a() | retry{.backoff = unknown}),
              ElementsAre("a: retry.backoff is 99, an unknown strategy; "
                          "it must be constant, linear or exponential"));
  EXPECT_EQ(a.call_count(), 0u);
}

TEST_P(BadPlanCases, C046LimitThatIsNotPositive) {
  EXPECT_THAT(issues_of(a() | timeout{.after = 0s}),
              ElementsAre("a: timeout.after is 0s; it must be greater than 0"));
  EXPECT_THAT(issues_of(a() | timeout{.after = -1s}),
              ElementsAre("a: timeout.after is -1s; it must be greater than 0"));
}

TEST_P(BadPlanCases, C205BadBreakers) {
  for (const auto threshold : {0, -1}) {
    const auto bound = " is " + std::to_string(threshold) + "; it must be at least 1";
    EXPECT_THAT(issues_of(a() | breaker{.failure_threshold = threshold}),
                ElementsAre("a: breaker.failure_threshold" + bound));
    EXPECT_THAT(issues_of(a() | breaker{.success_threshold = threshold}),
                ElementsAre("a: breaker.success_threshold" + bound));
  }
  EXPECT_THAT(issues_of(a() | breaker{.wait = 0s}),
              ElementsAre("a: breaker.wait is 0s; it must be greater than 0"));
  EXPECT_THAT(issues_of(a() | breaker{.wait = -1s}),
              ElementsAre("a: breaker.wait is -1s; it must be greater than 0"));
}

TEST_P(BadPlanCases, QuorumThatTheBlockCannotReach) {
  const auto issues = issues_of(quorum(3, a(), b()));

  ASSERT_EQ(issues.size(), 1u);
  EXPECT_THAT(issues[0], HasSubstr("parallel"));
  EXPECT_THAT(issues[0], HasSubstr("quorum"));
  EXPECT_THAT(issues[0], HasSubstr("3"));
  EXPECT_THAT(issues[0], HasSubstr("2"));
  EXPECT_EQ(issues_of(quorum(0, a(), b())).size(), 1u);
  EXPECT_TRUE(issues_of(quorum(2, a(), b())).empty());
}

TEST_P(BadPlanCases, HedgeOfAStepThatMustNotRunTwice) {
  const auto work = [](int x) { return x; };
  const auto careful = step("careful", work);
  const auto harmless = step("harmless", work, step_options{.idempotent = true});

  EXPECT_THAT(issues_of(careful | hedge{.delay = 1ms}),
              ElementsAre("careful: hedge runs this step more than once, "
                          "but it is not marked idempotent"));
  EXPECT_THAT(issues_of(as_step("pair", harmless >> careful) | hedge{.delay = 1ms}),
              ElementsAre("pair/careful: hedge runs this step more than once, "
                          "but it is not marked idempotent"));
  EXPECT_TRUE(issues_of(harmless | hedge{.delay = 1ms}).empty());
}

TEST_P(BadPlanCases, UseOfAnUnknownName) {
  EXPECT_THAT(issues_of(a() >> use<value, value>("missing") >> use<value, value>("absent")),
              ElementsAre("missing: use names no registered pipeline",
                          "absent: use names no registered pipeline"));
}

TEST_P(BadPlanCases, BranchesWithTheSameKey) {
  const auto key = [](const value&) { return std::string("x"); };

  EXPECT_THAT(issues_of(branch<value, value>(key, {{"x", a()}, {"x", b()}})),
              ElementsAre("branch: has two branches with the key \"x\"; keys must differ"));
  EXPECT_THAT(issues_of(branch<value, value>(key, {{"default", a()}}, b())),
              ElementsAre("branch: has two branches with the key \"default\"; keys must differ"));
}

TEST_P(BadPlanCases, C067TwoStepCycleByName) {
  rt.define("a", a() | fallback(use<value, value>("b")));
  rt.define("b", b() | fallback(use<value, value>("a")));

  EXPECT_THAT(fallback_cycle_of(use<value, value>("a")), HasSubstr("a → b → a"));
  EXPECT_THAT(fallback_cycle_of(use<value, value>("b")), HasSubstr("b → a → b"));
  EXPECT_THAT(fallback_cycle_of(mock_step("first", ok())() >> use<value, value>("a")),
              HasSubstr("a → b → a"));
  EXPECT_EQ(a.call_count() + b.call_count(), 0u);
}

TEST_P(BadPlanCases, C067TwoStepCycleByNameBehindPolicies) {
  rt.define("a", a() | retry{} | fallback(use<value, value>("b") | timeout{.after = 1s}));
  rt.define("b", b() | breaker{} | fallback(use<value, value>("a") | retry{}));

  EXPECT_THAT(fallback_cycle_of(use<value, value>("a")), HasSubstr("a → b → a"));
}

TEST_P(BadPlanCases, C067TwoStepCycleByValue) {
  const auto first = a();
  const auto second = b();

  EXPECT_THAT(fallback_cycle_of(first | fallback(second | fallback(first))),
              HasSubstr("a → b → a"));
  EXPECT_THAT(fallback_cycle_of(first | fallback(second, first)), HasSubstr("a → b → a"));
  EXPECT_EQ(a.call_count() + b.call_count(), 0u);
}

TEST_P(BadPlanCases, C068SelfCycle) {
  const auto first = a();
  rt.define("a", a() | fallback(use<value, value>("a")));

  EXPECT_THAT(fallback_cycle_of(first | fallback(first)), HasSubstr("a → a"));
  EXPECT_THAT(fallback_cycle_of(use<value, value>("a")), HasSubstr("a → a"));
  EXPECT_EQ(a.call_count(), 0u);
}

TEST_P(BadPlanCases, PipelineThatUsesItself) {
  rt.define("a", a() >> use<value, value>("a"));

  const auto issues = issues_of(use<value, value>("a"));

  ASSERT_EQ(issues.size(), 1u);
  EXPECT_THAT(issues[0], HasSubstr("is circular: a → a"));
  EXPECT_THAT(fallback_cycle_of(use<value, value>("a")), HasSubstr("only a plan_error"));
}

TEST_P(BadPlanCases, EverythingWrongIsToldAtOnce) {
  const auto careful = step<value, value>("careful", [](const value& x) { return x; });
  const auto shown =
      as_step("block", quorum(3, a() | retry{.max_retries = -1, .multiplier = 0.5}, b()));

  const auto issues = issues_of((a() | breaker{.failure_threshold = 0, .wait = 0s})
                                >> (shown | timeout{.after = -1s})
                                >> (careful | hedge{.delay = 1ms}) >> use<value, value>("missing"));

  EXPECT_THAT(issues,
              UnorderedElementsAre("a: breaker.failure_threshold is 0; it must be at least 1",
                                   "a: breaker.wait is 0s; it must be greater than 0",
                                   "block: timeout.after is -1s; it must be greater than 0",
                                   HasSubstr("block: parallel.quorum"),
                                   "block/a: retry.max_retries is -1; it must be at least 0",
                                   "block/a: retry.multiplier is 0.5; it must be at least 1",
                                   HasSubstr("careful: hedge"),
                                   "missing: use names no registered pipeline"));
  EXPECT_EQ(a.call_count() + b.call_count(), 0u);
}

} // namespace
} // namespace troupe::testing
