#include "support/case_fixture.hpp"
#include "support/case_values.hpp"

#include <optional>

namespace troupe::testing {
namespace {

using MergeCases = CaseFixture;
TROUPE_CASES(MergeCases);

using ::testing::HasSubstr;

/// A branch that erases one entry.
step<value, value> eraser(std::string name, std::string key) {
  return inline_step(std::move(name), [key = std::move(key)](const value&, step_context& ctx) {
    ctx.erase(key);
    return value();
  });
}

/// A branch that returns what it sees under a key.
step<value, value> reader(std::string name, std::string key) {
  return inline_step(std::move(name), [key = std::move(key)](const value&, step_context& ctx) {
    return ctx.get(key);
  });
}

TEST_P(MergeCases, C138BranchesAreIsolatedWhileTheyRun) {
  const step<value, value> a("a", [](const value&, step_context& ctx) {
    ctx.sleep_for(10ms);
    ctx.set("k", "a");
    ctx.sleep_for(50ms);
    return value();
  });
  scripted_step ended("ended", {ok().taking(10ms).setting("k", "a")});
  const step<value, value> b("b", [](const value&, step_context& ctx) {
    ctx.sleep_for(40ms);
    return ctx.get("k");
  });

  const auto result = run_once(parallel(a, ended(), b), {}, with_entries({{"k", "original"}}));

  EXPECT_EQ(outputs_in(result.output).at(2), value("original"));
  EXPECT_EQ(result.final_context.get("k"), value("a"));
  EXPECT_EQ(elapsed(), 60ms);
}

TEST_P(MergeCases, C139MergesDisjointChanges) {
  scripted_step a("a", {ok().setting("x", 1)});
  scripted_step b("b", {ok().setting("y", 2)});

  const auto result = run_once(parallel(a(), b(), eraser("c", "z")), {},
                               with_entries({{"other", "kept"}, {"y", 0}, {"z", 3}}));

  EXPECT_EQ(result.final_context.to_value(), value::map({{"other", "kept"}, {"x", 1}, {"y", 2}}));
}

TEST_P(MergeCases, C140TheLastDeclaredWinsInEveryRun) {
  scripted_step a = mock_step("a", ok().taking(80ms).setting("k", 1));
  scripted_step b = mock_step("b", ok().taking(10ms).setting("k", 2));
  const auto live = rt.deploy(parallel(a(), b()));

  for (int round = 0; round < 100; ++round) {
    const auto run = live.start_value({}, with_entries({{"k", 0}}));
    ASSERT_EQ(run.result().final_context.get("k"), value(2));
  }
}

struct conflict {
  std::string key;
  value base;
  std::vector<value> written;
};

/// A block whose conflicts are added up, and kept for a look.
block_options adding_up(const std::shared_ptr<std::vector<conflict>>& seen_conflicts) {
  block_options options;
  options.on_context_conflict = [seen_conflicts](const std::string& key, const value& base,
                                                 const std::vector<value>& written) {
    seen_conflicts->push_back({key, base, written});
    auto sum = *base.if_integer();
    for (const auto& each : written) sum += *each.if_integer() - *base.if_integer();
    return value(sum);
  };
  return options;
}

TEST_P(MergeCases, C141ACallableDecidesConflicts) {
  scripted_step a("a", {ok().taking(20ms).setting("k", 13)});
  scripted_step b("b", {ok().taking(10ms).setting("k", 15)});
  const auto conflicts = std::make_shared<std::vector<conflict>>();

  const auto result = run_once(parallel(adding_up(conflicts), a(), b()), {},
                               with_entries({{"k", 10}, {"other", 1}}));

  ASSERT_EQ(conflicts->size(), 1u);
  EXPECT_EQ(conflicts->at(0).key, "k");
  EXPECT_EQ(conflicts->at(0).base, value(10));
  EXPECT_EQ(conflicts->at(0).written, (std::vector<value>{13, 15}));
  EXPECT_EQ(result.final_context.to_value(), value::map({{"k", 18}, {"other", 1}}));
}

TEST_P(MergeCases, N16ABranchThatDidNotChangeAKeyHasNoSay) {
  scripted_step a("a", {ok().setting("k", 13)});
  scripted_step b("b", {ok().setting("k", 10)});
  scripted_step c("c", {ok()});
  const auto conflicts = std::make_shared<std::vector<conflict>>();

  const auto result =
      run_once(parallel(adding_up(conflicts), a(), b(), c()), {}, with_entries({{"k", 10}}));

  EXPECT_TRUE(conflicts->empty());
  EXPECT_EQ(result.final_context.get("k"), value(13));
}

TEST_P(MergeCases, N16ACallableThatThrowsFailsTheBlockAndMergesNothing) {
  scripted_step a("a", {ok("a").setting("k", 1).setting("x", 1)});
  scripted_step b("b", {ok("b").setting("k", 2)});
  block_options options;
  options.on_context_conflict = [](const std::string&, const value&,
                                   const std::vector<value>&) -> value {
    throw std::runtime_error("cannot decide");
  };

  const auto result = run_once(parallel(options, a(), b()), {}, with_entries({{"k", 0}}));

  EXPECT_FALSE(result.success());
  EXPECT_THAT(result.feedback(), HasSubstr("cannot decide"));
  EXPECT_EQ(result.final_context.to_value(), value::map({{"k", 0}}));
  EXPECT_EQ(outputs_in(result.step_history.at(0).output), (std::vector<value>{"a", "b"}));
}

TEST_P(MergeCases, C145EqualWritesAreNoConflict) {
  scripted_step a("a", {ok().setting("k", "same")});
  scripted_step b("b", {ok().setting("k", "same")});
  const auto conflicts = std::make_shared<std::vector<conflict>>();

  const auto result = run_once(parallel(adding_up(conflicts), a(), b()));

  EXPECT_EQ(result.final_context.get("k"), value("same"));
  EXPECT_TRUE(conflicts->empty());
}

class MergeRuleCases : public CaseFixture {
protected:
  run_result merged_by(merge_rule rule) {
    scripted_step a("a", {ok("a").setting("k", 1).setting("x", 1)});
    scripted_step b("b", {ok("b").setting("k", 2)});
    block_options options;
    options.merge = rule;
    return run_once(parallel(options, a(), b()), {}, with_entries({{"k", 0}}));
  }
};
TROUPE_CASES(MergeRuleCases);

TEST_P(MergeRuleCases, TheFirstDeclaredMayWin) {
  EXPECT_EQ(merged_by(merge_rule::first_declared).final_context.to_value(),
            value::map({{"k", 1}, {"x", 1}}));
}

TEST_P(MergeRuleCases, NothingNeedBeMerged) {
  const auto result = merged_by(merge_rule::none);
  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.final_context.to_value(), value::map({{"k", 0}}));
}

TEST_P(MergeRuleCases, AConflictMayFailTheBlock) {
  const auto result = merged_by(merge_rule::fail_on_conflict);
  EXPECT_FALSE(result.success());
  EXPECT_TRUE(result.step_history.at(0).failed_with(failure_kind::permanent));
  EXPECT_THAT(result.feedback(), HasSubstr("`k`"));
  EXPECT_EQ(result.final_context.to_value(), value::map({{"k", 0}}));
  EXPECT_EQ(outputs_in(result.step_history.at(0).output), (std::vector<value>{"a", "b"}));
}

TEST_P(MergeCases, C146BranchesSeeOnlyTheIncludedKeys) {
  scripted_step a("a", {ok().setting("small", 2)});
  const std::string big(10'000'000, 'x');
  block_options options;
  options.context_include_keys = {"small"};

  const auto result =
      run_once(parallel(options, a(), reader("small", "small"), reader("big", "big")), {},
               with_entries({{"small", 1}, {"big", big}}));

  EXPECT_TRUE(result.success());
  const auto outputs = outputs_in(result.output);
  EXPECT_EQ(outputs.at(1), value(1));
  EXPECT_TRUE(outputs.at(2).is_null());
  EXPECT_EQ(result.final_context.get("small"), value(2));
  EXPECT_TRUE(result.final_context.get("big") == value(big));
  EXPECT_TRUE(seen->of(event_kind::warning).empty());
}

TEST_P(MergeCases, C351AnUnknownIncludedKeyIsAWarning) {
  scripted_step a("a", {ok("a")});
  block_options options;
  options.context_include_keys = {"small", "nowhere"};

  const auto result = run_once(parallel(options, a()), {}, with_entries({{"small", 1}}));

  EXPECT_TRUE(result.success());
  const auto warnings = seen->of(event_kind::warning);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0].detail, HasSubstr("nowhere"));
  EXPECT_EQ(warnings[0].step, "parallel");
}

} // namespace
} // namespace troupe::testing
