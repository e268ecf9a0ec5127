#include "support/case_fixture.hpp"

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/json.hpp>

#include <algorithm>

namespace troupe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FallbackCases : public CaseFixture {
protected:
  /// Names of the steps in the order in which they were called.
  [[nodiscard]] std::vector<std::string> called() const {
    std::vector<std::string> names;
    for (const auto& each : seen->of(event_kind::step_started)) names.push_back(each.step);
    return names;
  }
};
TROUPE_CASES(FallbackCases);

const retry once{.max_retries = 1, .initial_delay = 1ms};

TEST_P(FallbackCases, C060PrimarySucceeds) {
  scripted_step p("p", {ok("a")});
  scripted_step f("f", {ok("b")});

  const auto result = run_once(p() | fallback(f()));

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("a"));
  EXPECT_EQ(f.call_count(), 0u);
  ASSERT_EQ(result.step_history.size(), 1u);
  const auto& metadata = result.step_history[0].metadata();
  EXPECT_FALSE(metadata.fallback_triggered);
  EXPECT_EQ(metadata.primary_attempt_result, nullptr);
  EXPECT_EQ(metadata.fallback_attempt_result, nullptr);
  const auto written = to_value(result.step_history[0]).at("metadata");
  EXPECT_FALSE(written.contains("fallback_triggered"));
  EXPECT_FALSE(written.contains("primary_attempt_result"));
  EXPECT_FALSE(written.contains("fallback_attempt_result"));
  EXPECT_FALSE(result.metrics.fallback_used);
}

TEST_P(FallbackCases, C061FallbackSucceeds) {
  scripted_step p("p", {permanent("boom")});
  scripted_step f("f", {ok("b")});

  const auto result = run_once(p() | fallback(f()), "data");

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("b"));
  ASSERT_EQ(result.step_history.size(), 1u);
  const auto& entry = result.step_history[0];
  EXPECT_TRUE(entry.success());
  EXPECT_EQ(entry.name, "p");
  EXPECT_EQ(entry.output, value("b"));
  EXPECT_EQ(entry.feedback(), "");
  EXPECT_TRUE(entry.metadata().fallback_triggered);
  ASSERT_TRUE(entry.metadata().primary_attempt_result);
  const auto& primary = *entry.metadata().primary_attempt_result;
  EXPECT_EQ(primary.name, "p");
  EXPECT_FALSE(primary.success());
  EXPECT_THAT(primary.feedback(), HasSubstr("boom"));
  ASSERT_TRUE(entry.metadata().fallback_attempt_result);
  const auto& second = *entry.metadata().fallback_attempt_result;
  EXPECT_EQ(second.name, "f");
  EXPECT_TRUE(second.success());
  EXPECT_EQ(second.output, value("b"));
  EXPECT_THAT(f.inputs(), ElementsAre(value("data")));
  EXPECT_TRUE(result.metrics.fallback_used);
}

TEST_P(FallbackCases, C062ThePipelineGoesOn) {
  scripted_step p("p", {permanent("boom")});
  scripted_step f("f", {ok(5)});
  scripted_step next("next");
  next.answering([](const value& input, const context&) { return ok(*input.if_integer() + 1); });

  const auto result = run_once((p() | fallback(f())) >> next(), "data");

  EXPECT_THAT(next.inputs(), ElementsAre(value(5)));
  EXPECT_EQ(result.output, value(6));
  EXPECT_THAT(names_of(result.step_history), ElementsAre("p", "next"));
}

TEST_P(FallbackCases, C063BothFail) {
  scripted_step p("p", {permanent("one").costing(0.1, 1)});
  scripted_step f("f", {permanent("two").costing(0.2, 5)});

  const auto result = run_once(p() | fallback(f()));

  EXPECT_FALSE(result.success());
  ASSERT_EQ(result.step_history.size(), 1u);
  const auto& entry = result.step_history[0];
  EXPECT_FALSE(entry.success());
  EXPECT_EQ(entry.name, "p");
  EXPECT_TRUE(entry.output.is_null());
  EXPECT_THAT(entry.feedback(), ::testing::ContainsRegex("one.*two"));
  EXPECT_NEAR(entry.cost_usd(), 0.30, 1e-9);
  EXPECT_EQ(entry.token_counts(), 6);
  EXPECT_NEAR(result.total_cost_usd, 0.30, 1e-9);
  EXPECT_EQ(result.total_tokens, 6);
  ASSERT_TRUE(entry.metadata().primary_attempt_result);
  EXPECT_THAT(entry.metadata().primary_attempt_result->feedback(), HasSubstr("one"));
  ASSERT_TRUE(entry.metadata().fallback_attempt_result);
  EXPECT_THAT(entry.metadata().fallback_attempt_result->feedback(), HasSubstr("two"));
}

TEST_P(FallbackCases, C064SumsWithRetries) {
  scripted_step p("p", {transient("e1").costing(0.1, 5), transient("e2").costing(0.1, 5)});
  scripted_step f("f", {ok("b").costing(0.2, 7)});

  const auto result = run_once(p() | once | fallback(f()));

  EXPECT_TRUE(result.success());
  const auto& entry = result.step_history.at(0);
  EXPECT_NEAR(entry.cost_usd(), 0.40, 1e-9);
  EXPECT_EQ(entry.token_counts(), 17);
  EXPECT_EQ(entry.attempts, 3u);
  EXPECT_EQ(entry.latency, 1ms);
  const auto& primary = *entry.metadata().primary_attempt_result;
  EXPECT_NEAR(primary.cost_usd(), 0.20, 1e-9);
  EXPECT_EQ(primary.token_counts(), 10);
  EXPECT_EQ(primary.attempts, 2u);
  const auto& second = *entry.metadata().fallback_attempt_result;
  EXPECT_NEAR(second.cost_usd(), 0.20, 1e-9);
  EXPECT_EQ(second.token_counts(), 7);
  EXPECT_EQ(second.attempts, 1u);
}

TEST_P(FallbackCases, C065OrderedChain) {
  scripted_step p("p", {permanent("0")});
  scripted_step f1("f1", {permanent("1")});
  scripted_step f2("f2", {ok("2")});
  scripted_step f3("f3", {ok("3")});

  const auto result = run_once(p() | fallback(f1(), f2(), f3()));

  EXPECT_THAT(called(), ElementsAre("p", "f1", "f2"));
  EXPECT_EQ(f3.call_count(), 0u);
  EXPECT_EQ(result.output, value("2"));
}

TEST_P(FallbackCases, C066NestedDeclarations) {
  scripted_step p("p", {permanent("1").costing(0.1)});
  scripted_step b("b", {permanent("2").costing(0.1)});
  scripted_step c("c", {ok("c").costing(0.1)});

  const auto result = run_once(p() | fallback(b() | fallback(c())));

  EXPECT_TRUE(result.success());
  const auto& entry = result.step_history.at(0);
  EXPECT_EQ(entry.name, "p");
  EXPECT_EQ(entry.output, value("c"));
  EXPECT_NEAR(entry.cost_usd(), 0.30, 1e-9);
  EXPECT_NEAR(result.total_cost_usd, 0.30, 1e-9);
  ASSERT_TRUE(entry.metadata().fallback_attempt_result);
  const auto& part = *entry.metadata().fallback_attempt_result;
  EXPECT_EQ(part.name, "b");
  EXPECT_TRUE(part.success());
  EXPECT_TRUE(part.metadata().fallback_triggered);
  ASSERT_TRUE(part.metadata().fallback_attempt_result);
  EXPECT_EQ(part.metadata().fallback_attempt_result->name, "c");
}

class TwelveLevels {
public:
  TwelveLevels() {
    for (int i = 1; i <= 12; ++i) {
      names.push_back("s" + std::to_string(i));
      levels.push_back(scripted_step(names.back(), {i < 12 ? permanent("no") : ok("ok")})());
    }
  }
  std::vector<std::string> names;
  std::vector<step<value, value>> levels;
};

TEST_P(FallbackCases, C072TwelveNestedLevels) {
  const TwelveLevels twelve;
  auto chain = twelve.levels[11];
  for (std::size_t i = 11; i-- > 0;) chain = twelve.levels[i] | fallback(chain);

  const auto result = run_once(chain);

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("ok"));
  EXPECT_EQ(called(), twelve.names);
  EXPECT_EQ(result.step_history.at(0).attempts, 12u);
}

TEST_P(FallbackCases, C072TwelveLevelsInOneList) {
  const TwelveLevels twelve;
  fallback_policy<value, value> others;
  for (std::size_t i = 1; i < 12; ++i) others.levels.push_back(twelve.levels[i].tree());

  const auto result = run_once(twelve.levels[0] | others);

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("ok"));
  EXPECT_EQ(called(), twelve.names);
  EXPECT_EQ(result.step_history.at(0).attempts, 12u);
}

TEST_P(FallbackCases, C075TimedOutPrimary) {
  scripted_step p("p", {hang()});
  scripted_step f("f", {ok("b")});

  const auto result = run_once(p() | timeout{.after = 30ms} | fallback(f()));

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("b"));
  EXPECT_EQ(elapsed(), 30ms);
  ASSERT_TRUE(result.step_history.at(0).metadata().primary_attempt_result);
  const auto& primary = *result.step_history[0].metadata().primary_attempt_result;
  EXPECT_TRUE(primary.failed_with(failure_kind::timed_out));
  EXPECT_THAT(primary.feedback(), HasSubstr("timed out"));
}

TEST_P(FallbackCases, C076FallbackWithOwnPolicies) {
  scripted_step p("p", {permanent("no")});
  scripted_step f("f", {transient("e"), ok("b")});

  const auto result = run_once(p() | fallback(f() | once));

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("b"));
  const auto& entry = result.step_history.at(0);
  ASSERT_TRUE(entry.metadata().fallback_attempt_result);
  EXPECT_EQ(entry.metadata().fallback_attempt_result->attempts, 2u);
  EXPECT_EQ(entry.attempts, 3u);
}

TEST_P(FallbackCases, C077PermanentErrorStillFallsBack) {
  scripted_step p("p", {permanent("bad request")});
  scripted_step f("f", {ok("b")});

  const auto result = run_once(p() | retry{.max_retries = 3} | fallback(f()));

  EXPECT_EQ(p.call_count(), 1u);
  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("b"));
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST_P(FallbackCases, C078LongUnicodeMessagesSurvive) {
  const auto first = repeated("é😀", 5000);
  const auto second = repeated("ß🚀", 5000);
  scripted_step p("p", {permanent(first)});
  scripted_step f("f", {permanent(second)});

  const auto result = run_once(p() | fallback(f()));

  const auto& entry = result.step_history.at(0);
  EXPECT_THAT(entry.feedback(), HasSubstr(first));
  EXPECT_THAT(entry.feedback(), HasSubstr(second));
  const auto read = parse_json(write_json(entry.feedback()));
  ASSERT_TRUE(read) << "not valid UTF-8";
  EXPECT_EQ(*read, value(entry.feedback()));
  std::vector<std::uint8_t> bytes;
  ASSERT_TRUE(encode(to_value(entry), bytes));
  const auto decoded = decode(bytes);
  ASSERT_TRUE(decoded);
  const auto back = step_result_from(*decoded);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->feedback(), entry.feedback());
}

TEST_P(FallbackCases, C079FailureIsToldBeforeTheFallbackStarts) {
  scripted_step p("p", {permanent("boom")});
  scripted_step f("f", {ok("b")});
  run_options how;
  how.correlation_id = "order-7";

  const auto result = run_once(p() | fallback(f()), {}, how);

  EXPECT_TRUE(result.success());
  const auto events = seen->all();
  const auto told = std::find_if(events.begin(), events.end(), [](const auto& each) {
    return each.kind == event_kind::fallback_started;
  });
  const auto started = std::find_if(events.begin(), events.end(), [](const auto& each) {
    return each.kind == event_kind::step_started && each.step == "f";
  });
  ASSERT_NE(told, events.end());
  ASSERT_NE(started, events.end());
  EXPECT_LT(told, started);
  EXPECT_EQ(told->step, "p");
  EXPECT_EQ(told->why, "boom");
  EXPECT_EQ(told->detail, "f");
  EXPECT_EQ(told->correlation_id, "order-7");
}

TEST_P(FallbackCases, C080BrokenUsageLimitIsNoReasonToFallBack) {
  scripted_step p("p", {ok("a").costing(0.10)});
  scripted_step f("f", {ok("b")});
  run_options how;
  how.limits.cost_usd = 0.05;

  const auto result = run_once(p() | fallback(f()), {}, how);

  EXPECT_EQ(result.status, run_status::failed);
  ASSERT_TRUE(result.why);
  EXPECT_EQ(result.why->kind, failure_kind::usage_limit);
  EXPECT_EQ(f.call_count(), 0u);
  EXPECT_THAT(names_of(result.step_history), ElementsAre("p"));
  EXPECT_NEAR(result.step_history[0].cost_usd(), 0.10, 1e-9);
  EXPECT_NEAR(result.total_cost_usd, 0.10, 1e-9);
}

} // namespace
} // namespace troupe::testing
