#include "support/case_fixture.hpp"

#include <set>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

using DeadlineCases = CaseFixture;
TROUPE_CASES(DeadlineCases);

run_result run_of(const any_deployment& live, value input = {}) {
  return live.start_value(std::move(input)).result();
}

TEST_P(DeadlineCases, TheDeadlineOfARunEndsIt) {
  scripted_step a("a", {ok("a").taking(10ms).costing(0.1)});
  auto b = mock_step("b", hang());

  const auto result = run_once(a() >> b(), {}, {.deadline = 100ms});

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_EQ(result.why->kind, failure_kind::timed_out);
  EXPECT_THAT(result.feedback(), HasSubstr("100ms"));
  EXPECT_EQ(elapsed(), 100ms);
  EXPECT_EQ(b.stopped(), 1u);
  EXPECT_EQ(names_of(result.step_history), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(result.total_cost_usd, 0.1);
}

TEST_P(DeadlineCases, ADeadlineShrinksThroughTimeouts) {
  std::vector<std::optional<duration>> left;
  auto look = inline_step("look", [&left](const value& input, step_context& ctx) {
    left.push_back(ctx.time_left());
    return input;
  });
  auto slow = mock_step("slow", ok().taking(10ms));

  run_once(look);
  run_once(look | timeout{.after = 50ms}, {}, {.deadline = 100ms});
  run_once(look | timeout{.after = 500ms}, {}, {.deadline = 100ms});
  run_once(as_step("both", slow() >> (look | timeout{.after = 50ms})) | timeout{.after = 30ms});

  EXPECT_EQ(left, (std::vector<std::optional<duration>>{std::nullopt, 50ms, 100ms, 20ms}));
}

TEST_P(DeadlineCases, ARequestThatIsAlreadyLateIsRefused) {
  auto a = mock_step("a", ok("x"));
  auto live = rt.deploy(a());
  rt.advance(10ms);
  step_request request;
  request.deadline = rt.now() - 1ms;
  std::optional<step_result> answer;

  const auto cancel = live.serve(request, [&](step_result result) { answer = std::move(result); });
  rt.settle();

  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->failed_with(failure_kind::timed_out));
  EXPECT_THAT(answer->feedback(), HasSubstr("deadline"));
  EXPECT_EQ(a.call_count(), 0u);
}

TEST_P(DeadlineCases, NoStepBeginsAfterTheDeadline) {
  scripted_step a("a", {stuck(150ms, "late")});
  auto b = mock_step("b", ok("b"));

  const auto result = run_once(a() >> b(), {}, {.deadline = 100ms});

  EXPECT_EQ(result.why->kind, failure_kind::timed_out);
  EXPECT_EQ(elapsed(), 150ms);
  EXPECT_EQ(b.call_count(), 0u);
}

/// A step that notes its idempotency keys and answers as told.
auto noting(std::vector<std::string>& keys, std::vector<script_entry> answers) {
  auto next = std::make_shared<std::size_t>(0);
  return async_step<value, value>(
      "noting",
      [&keys, answers = std::move(answers), next](const value& input, completion<value> done) {
        keys.push_back(done.context().idempotency_key());
        const auto entry = *next < answers.size() ? answers[*next] : ok(input);
        ++*next;
        done.context().after(entry.after, [entry, done, input] {
          if (entry.what == script_entry::action::fail) done(entry.why);
          else done(input);
        });
      },
      {.idempotent = true});
}

std::size_t different(const std::vector<std::string>& keys) {
  return std::set<std::string>(keys.begin(), keys.end()).size();
}

TEST_P(DeadlineCases, EveryAttemptAndHedgeCarriesOneIdempotencyKey) {
  std::vector<std::string> keys;
  auto step = noting(keys, {transient("1"), transient("2"), ok().taking(50ms)});
  auto live = rt.deploy(step | hedge{.delay = 10ms} | retry{.initial_delay = 1ms});

  auto run = live.start_value({});
  EXPECT_TRUE(run.result().success());

  ASSERT_EQ(keys.size(), 4u);
  EXPECT_EQ(different(keys), 1u);
  EXPECT_THAT(keys[0], HasSubstr(run.id().to_string()));

  run_of(live);
  EXPECT_EQ(different(keys), 2u);
}

TEST_P(DeadlineCases, ItemsIterationsAndPlacesHaveTheirOwnIdempotencyKeys) {
  std::vector<std::string> keys;
  const auto step = noting(keys, {});

  run_once(map_value(step), value::list({1, 1, 1}));
  EXPECT_EQ(keys.size(), 3u);
  EXPECT_EQ(different(keys), 3u);

  keys.clear();
  run_once(loop(step, [](const value&, std::uint64_t turn) { return turn == 3; }, {3}));
  EXPECT_EQ(keys.size(), 3u);
  EXPECT_EQ(different(keys), 3u);

  keys.clear();
  run_once(step >> step);
  EXPECT_EQ(different(keys), 2u);

  keys.clear();
  run_once(map_value(map_value(step)), value::list({value::list({1, 2}), value::list({3, 4})}));
  EXPECT_EQ(keys.size(), 4u);
  EXPECT_EQ(different(keys), 4u);
}

TEST_P(DeadlineCases, ATimeoutDropsTheLateResultOfAStuckStep) {
  scripted_step a("a", {stuck(100ms, "late").costing(0.1, 1)});
  auto live = rt.deploy(a() | timeout{.after = 30ms});

  const auto result = run_of(live);

  EXPECT_EQ(elapsed(), 30ms);
  EXPECT_EQ(result.why->kind, failure_kind::timed_out);
  EXPECT_EQ(result.total_cost_usd, 0.1);
  EXPECT_EQ(rt.metrics().late_answers, 0u);
  rt.advance(70ms);
  EXPECT_EQ(rt.metrics().late_answers, 1u);
  EXPECT_EQ(rt.metrics().abandoned_steps, 0u);
  EXPECT_EQ(rt.metrics().open_runs, 0u);
}

TEST_P(DeadlineCases, AStuckStepIsAbandonedAfterTheGracePeriod) {
  std::optional<completion<value>> kept;
  auto deaf = async_step<value, value>(
      "deaf", [&kept](const value&, completion<value> done) { kept = std::move(done); });
  auto live = rt.deploy(deaf);
  auto run = live.start_value({});
  rt.advance(50ms);
  EXPECT_TRUE(run.cancel());

  const auto result = run.result();

  EXPECT_EQ(elapsed(), 1050ms);
  EXPECT_EQ(result.status, run_status::cancelled);
  EXPECT_THAT(result.step_history.at(0).feedback(), HasSubstr("abandoned"));
  EXPECT_EQ(rt.metrics().abandoned_steps, 1u);
  EXPECT_EQ(rt.metrics().late_answers, 0u);
  ASSERT_EQ(seen->of(event_kind::step_abandoned).size(), 1u);
  EXPECT_EQ(seen->of(event_kind::step_abandoned)[0].step, "deaf");

  (*kept)(value("late"));
  rt.settle();
  EXPECT_EQ(rt.metrics().late_answers, 1u);
  EXPECT_TRUE(run.result().output.is_null());
  kept.reset();
}

TEST_P(DeadlineCases, ABlockWaitsForStuckBranchesAtMostTheGracePeriod) {
  scripted_step bad("bad", {permanent("boom").taking(10ms)});
  scripted_step deaf("deaf", {stuck(1h, "late").costing(0.5)});
  scripted_step slow("slow", {stuck(200ms, "late")});

  const auto result = run_once(parallel(bad(), deaf(), slow()));

  EXPECT_EQ(elapsed(), 1010ms);
  EXPECT_THAT(result.feedback(), HasSubstr("boom"));
  const auto& branches = result.step_history.at(0).step_history;
  ASSERT_EQ(branches.size(), 3u);
  EXPECT_TRUE(branches[1].failed_with(failure_kind::cancelled));
  EXPECT_TRUE(branches[2].failed_with(failure_kind::cancelled));
  EXPECT_EQ(result.total_cost_usd, 0.5);
  EXPECT_EQ(rt.metrics().abandoned_steps, 1u);
}

} // namespace
} // namespace troupe::testing
