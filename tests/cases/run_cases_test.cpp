#include "support/case_fixture.hpp"

#include <random>
#include <stdexcept>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

using RunCases = CaseFixture;
TROUPE_CASES(RunCases);

template <class F>
scripted_step computed(std::string name, F f) {
  scripted_step made(std::move(name));
  made.answering([f](const value& input, const context&) { return ok(f(*input.if_integer())); });
  return made;
}

std::vector<value> outputs_of(const std::vector<step_result>& history) {
  std::vector<value> outputs;
  for (const auto& entry : history) outputs.push_back(entry.output);
  return outputs;
}

TEST_P(RunCases, C001OneStepSucceeds) {
  scripted_step a("s", {ok("out")});

  const auto result = run_once(a(), "in");

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.status, run_status::completed);
  EXPECT_EQ(result.output, value("out"));
  ASSERT_EQ(result.step_history.size(), 1u);
  const auto& entry = result.step_history[0];
  EXPECT_EQ(entry.name, "s");
  EXPECT_EQ(entry.output, value("out"));
  EXPECT_TRUE(entry.success());
  EXPECT_EQ(entry.attempts, 1u);
  EXPECT_EQ(entry.feedback(), "");
  EXPECT_FALSE(entry.metadata().cache_hit);
  EXPECT_FALSE(entry.metadata().fallback_triggered);
  const auto written = to_value(entry).at("metadata");
  EXPECT_FALSE(written.contains("cache_hit"));
  EXPECT_FALSE(written.contains("fallback_triggered"));
  EXPECT_EQ(entry.cost_usd(), 0);
  EXPECT_EQ(entry.token_counts(), 0);
  EXPECT_GE(entry.latency, 0ns);
  EXPECT_EQ(a.inputs(), std::vector<value>{"in"});
}

TEST_P(RunCases, C002OutputFeedsTheNextStep) {
  auto a = computed("a", [](std::int64_t x) { return x + 1; });
  auto b = computed("b", [](std::int64_t x) { return x * 10; });
  auto c = computed("c", [](std::int64_t x) { return x - 3; });
  run_options how;
  how.context.set("topic", "numbers");

  const auto result = run_once(a() >> b() >> c(), 1, how);

  EXPECT_TRUE(result.success());
  EXPECT_EQ(a.inputs(), std::vector<value>{1});
  EXPECT_EQ(b.inputs(), std::vector<value>{2});
  EXPECT_EQ(c.inputs(), std::vector<value>{20});
  EXPECT_EQ(names_of(result.step_history), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(outputs_of(result.step_history), (std::vector<value>{2, 20, 17}));
  EXPECT_EQ(result.output, value(17));
  EXPECT_EQ(result.final_context.get("topic"), value("numbers"));
  EXPECT_TRUE(to_value(result).contains("final_context"));
}

TEST_P(RunCases, C002TypedStepsPassTheirTypes) {
  auto a = step("a", [](int x) { return x + 1; });
  auto b = inline_step("b", [](int x) { return std::to_string(x); });
  auto c = step("c", [](const std::string& text) { return text + "!"; });

  auto live = rt.deploy(a >> b >> c);
  const auto output = live.run(1);

  ASSERT_TRUE(output);
  EXPECT_EQ(*output, "2!");
}

TEST_P(RunCases, C003FirstFailureStopsTheRun) {
  scripted_step a("a", {ok(1).costing(0.10)});
  scripted_step b("b", {permanent("bad").costing(0.20)});
  scripted_step c("c", {ok(1)});

  const auto result = run_once(a() >> b() >> c());

  EXPECT_FALSE(result.success());
  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_TRUE(result.output.is_null());
  EXPECT_EQ(names_of(result.step_history), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(result.step_history.back().success());
  EXPECT_THAT(result.step_history.back().feedback(), HasSubstr("bad"));
  EXPECT_THAT(result.feedback(), HasSubstr("bad"));
  EXPECT_EQ(c.call_count(), 0u);
  EXPECT_NEAR(result.total_cost_usd, 0.30, 1e-9);
}

TEST_P(RunCases, C004GroupingDoesNotMatter) {
  auto a = computed("a", [](std::int64_t x) { return x + 1; });
  auto b = computed("b", [](std::int64_t x) { return x * 10; });
  auto c = computed("c", [](std::int64_t x) { return x - 3; });

  const auto left = run_once((a() >> b()) >> c(), 1);
  const auto right = run_once(a() >> (b() >> c()), 1);

  EXPECT_EQ(names_of(left.step_history), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(names_of(right.step_history), names_of(left.step_history));
  EXPECT_EQ(outputs_of(left.step_history), (std::vector<value>{2, 20, 17}));
  EXPECT_EQ(outputs_of(right.step_history), outputs_of(left.step_history));
  for (const auto& entry : right.step_history) EXPECT_TRUE(entry.step_history.empty());
  EXPECT_EQ(right.output, left.output);
}

TEST_P(RunCases, C005NullIsAValue) {
  scripted_step a("a", {ok(nullptr)});
  scripted_step b("b");
  b.answering(
      [](const value& input, const context&) { return ok(input.is_null() ? "none" : "some"); });

  const auto result = run_once(a() >> b());

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("none"));
  EXPECT_TRUE(result.step_history[0].success());
  EXPECT_TRUE(result.step_history[0].output.is_null());
}

TEST_P(RunCases, C006FiftyRunsDoNotMix) {
  scripted_step a("a");
  a.answering([](const value& input, const context&) {
    std::minstd_rand random(static_cast<unsigned>(*input.if_integer()) + 7);
    random.discard(3);
    return ok(input).taking(1ms * (1 + random() % 20)).setting("seen by a", input);
  });
  auto b = computed("b", [](std::int64_t x) { return x + 1000; });
  auto live = rt.deploy(a() >> b());

  std::vector<any_run> runs;
  for (int i = 0; i < 50; ++i) {
    run_options how;
    how.context.set("mine", i);
    runs.push_back(live.start_value(i, how));
  }

  for (int i = 0; i < 50; ++i) {
    const auto& result = runs[static_cast<std::size_t>(i)].result();
    EXPECT_TRUE(result.success());
    EXPECT_EQ(result.output, value(i + 1000));
    EXPECT_EQ(names_of(result.step_history), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(outputs_of(result.step_history), (std::vector<value>{i, i + 1000}));
    EXPECT_EQ(result.final_context.to_value(), value::map({{"mine", i}, {"seen by a", i}}));
  }
  EXPECT_EQ(a.call_count(), 50u);
  EXPECT_EQ(a.most_running(), 50u);
  EXPECT_LE(elapsed(), 20ms);
}

TEST_P(RunCases, C007OneStepObjectUsedTwice) {
  auto s = computed("s", [](std::int64_t x) { return x + 1; });
  const auto once = s();

  const auto result = run_once(once >> once, 1);

  EXPECT_TRUE(result.success());
  EXPECT_EQ(names_of(result.step_history), (std::vector<std::string>{"s", "s"}));
  EXPECT_EQ(outputs_of(result.step_history), (std::vector<value>{2, 3}));
  EXPECT_EQ(s.call_count(), 2u);
}

TEST_P(RunCases, C008ScriptedForeignException) {
  scripted_step a("a", {throws(42), throws(std::string("text")), ok("fine")});
  auto live = rt.deploy(a());

  for (int i = 0; i < 2; ++i) {
    const auto bad = live.start_value({}).result();
    EXPECT_EQ(bad.status, run_status::failed);
    EXPECT_FALSE(bad.feedback().empty());
    ASSERT_EQ(bad.step_history.size(), 1u);
    EXPECT_TRUE(bad.step_history[0].failed_with(failure_kind::unclassified));
    EXPECT_FALSE(bad.step_history[0].feedback().empty());
  }
  EXPECT_EQ(live.start_value({}).result().output, value("fine"));
}

/// Throws an int, a `char*`, and an exception without a message, and then goes well.
int throw_by_turns(int call) {
  if (call == 0) throw 42;
  if (call == 1) throw "text";
  if (call == 2) throw std::runtime_error("");
  return call;
}

template <class Live>
void expect_three_foreign_exceptions(const Live& live) {
  for (int call = 0; call < 3; ++call) {
    const auto bad = live.start_value(call).result();
    EXPECT_EQ(bad.status, run_status::failed);
    EXPECT_FALSE(bad.feedback().empty());
    ASSERT_EQ(bad.step_history.size(), 1u);
    EXPECT_TRUE(bad.step_history[0].failed_with(failure_kind::unclassified));
    EXPECT_FALSE(bad.step_history[0].feedback().empty());
  }
  EXPECT_EQ(live.start_value(3).result().output, value(3));
}

TEST_P(RunCases, C008BlockingStepThrowsAForeignException) {
  expect_three_foreign_exceptions(rt.deploy(step("a", &throw_by_turns)));
}

TEST_P(RunCases, C008InlineStepThrowsAForeignException) {
  expect_three_foreign_exceptions(rt.deploy(inline_step("a", &throw_by_turns)));
}

TEST_P(RunCases, C008AsyncStepThrowsAForeignException) {
  expect_three_foreign_exceptions(rt.deploy(async_step<int, int>(
      "a", [](int call, const completion<int>& done) { done(throw_by_turns(call)); })));
}

TEST_P(RunCases, RunThatCanNeverEndSaysWhatItWaitsFor) {
  scripted_step a("sleeper", {hang()});

  const auto result = run_once(a());

  EXPECT_EQ(result.status, run_status::failed);
  EXPECT_THAT(result.feedback(), HasSubstr("sleeper"));
  EXPECT_EQ(elapsed(), 0ms);
}

TEST_P(RunCases, ReceiverOfAServedResultThatThrowsEndsNothing) {
  auto a = mock_step("a", ok("x"));
  auto live = rt.deploy(a());

  const auto cancel =
      live.serve({}, [](step_result) { throw std::runtime_error("a careless receiver"); });

  EXPECT_EQ(live.start_value({}).result().output, value("x"));
  ASSERT_EQ(seen->of(event_kind::warning).size(), 1u);
  EXPECT_THAT(seen->of(event_kind::warning)[0].detail, ::testing::HasSubstr("receiver"));
}

} // namespace
} // namespace troupe::testing
