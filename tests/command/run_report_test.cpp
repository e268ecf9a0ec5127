#include "batch_totals.hpp"
#include "json_input.hpp"
#include "near_miss.hpp"
#include "run_report.hpp"
#include "run_setup.hpp"

#include <gmock/gmock.h>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using detail::batch_totals;
using detail::did_you_mean;
using detail::dollars;
using detail::explain_failure;
using detail::summary_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

run_result ended(run_status status, duration latency = 1s) {
  run_result result;
  result.name = "flow";
  result.status = status;
  result.latency = latency;
  return result;
}

TEST(BatchTotals, AreExactOverAllRuns) {
  batch_totals totals;
  for (int number = 100; number > 0; --number) {
    auto result = ended(run_status::completed, std::chrono::milliseconds(number));
    result.metrics.cache_hit = number <= 40;
    result.metrics.retry_count = 2;
    totals.add(result);
  }
  const auto all = totals.to_value();
  EXPECT_EQ(all.at("p50_ms"), value(50.0));
  EXPECT_EQ(all.at("p95_ms"), value(95.0));
  EXPECT_EQ(all.at("p99_ms"), value(99.0));
  EXPECT_EQ(all.at("cache_hit_rate"), value(0.4));
  EXPECT_EQ(all.at("retries"), value(200));
}

TEST(BatchTotals, LeaveCancelledAndPausedRunsOutOfRatesAndLatencies) {
  batch_totals totals;
  totals.add(ended(run_status::completed, 2s));
  totals.add(ended(run_status::failed, 1s));
  totals.add(ended(run_status::cancelled, 9s));
  totals.add(ended(run_status::paused, 9s));
  const auto all = totals.to_value();
  EXPECT_EQ(all.at("runs"), value(4));
  EXPECT_EQ(all.at("succeeded"), value(1));
  EXPECT_EQ(all.at("failed"), value(1));
  EXPECT_EQ(all.at("cancelled"), value(1));
  EXPECT_EQ(all.at("error_rate"), value(0.5));
  EXPECT_EQ(all.at("p99_ms"), value(2000.0));
}

step_result failed_step(const char* name, failure why) {
  step_result step;
  step.name = name;
  step.why = std::make_shared<const failure>(std::move(why));
  step.attempts = 4;
  step.latency = 3s;
  return step;
}

TEST(FailureReport, ShowsTheCausesAndTheWayToTheStep) {
  auto result = ended(run_status::failed);
  failure why{failure_kind::rejected, "Circuit breaker is OPEN", 12s, "ask"};
  why.cause = std::make_shared<const failure>(failure{failure_kind::transient, "reset", {}, "net"});
  auto block = failed_step("both", why);
  step_result other;
  other.name = "other";
  block.step_history = {failed_step("ask", why), other};
  result.step_history = {other, block};
  result.why = block.why;
  const auto text = explain_failure(result, {7, "troupe run x.yaml", false});
  EXPECT_THAT(text, AllOf(HasSubstr("✗ ask failed at step 2 of 7: rejected\n"),
                          HasSubstr("because: transient: reset (net)"),
                          HasSubstr("where: both › ask"), HasSubstr("after 4 attempts, 3.0 s"),
                          HasSubstr("next: wait 12.0 s and run it again"),
                          HasSubstr("again: troupe run x.yaml\n")));
}

TEST(FailureReport, HasAnAdviceForEveryKindOfFailure) {
  for (const auto kind :
       {failure_kind::transient, failure_kind::rate_limited, failure_kind::timed_out,
        failure_kind::permanent, failure_kind::rejected, failure_kind::malformed,
        failure_kind::usage_limit, failure_kind::worker_lost, failure_kind::unclassified}) {
    EXPECT_THAT(detail::advice_on({kind, "x"}, "ask"), Not(IsEmpty())) << to_string(kind);
  }
  EXPECT_THAT(detail::advice_on({failure_kind::timed_out, "x"}, "ask"),
              HasSubstr("raise the `timeout` of ask"));
  EXPECT_THAT(detail::advice_on({failure_kind::rate_limited, "x"}, "ask"),
              HasSubstr("`max_delay`"));
}

TEST(FailureReport, DisarmsTheMessage) {
  auto result = ended(run_status::failed);
  result.why = std::make_shared<const failure>(failure{failure_kind::permanent, "\x1b[2J"});
  EXPECT_THAT(explain_failure(result, {}), Not(HasSubstr("\x1b")));
}

TEST(RunSummary, IsShort) {
  auto result = ended(run_status::completed, 1200ms);
  result.total_cost_usd = 0.25;
  result.total_tokens = 1;
  result.metrics.retry_count = 1;
  result.metrics.fallback_used = true;
  EXPECT_EQ(summary_of(result, false),
            "completed in 1.2 s · 0 attempts · 1 retry · 0.25 USD · 1 token · fallback used");
}

TEST(RunSummary, WritesAmountsWithAsManyDigitsAsTheyNeed) {
  EXPECT_EQ(dollars(1), "1.00 USD");
  EXPECT_EQ(dollars(0.1 + 0.2), "0.30 USD");
  EXPECT_EQ(dollars(0.000001), "0.000001 USD");
}

TEST(NearMiss, FindsTheNearestWordOrNone) {
  const std::vector<std::string> words{"--json", "--input", "--inputs"};
  EXPECT_EQ(did_you_mean("--jsno", words), "; did you mean --json?");
  EXPECT_EQ(did_you_mean("--inpu", words), "; did you mean --input?");
  EXPECT_EQ(did_you_mean("--cluster", words), "");
  EXPECT_EQ(did_you_mean(std::string(10'000, 'x'), words), "");
}

TEST(ShellQuoting, KeepsEveryWordInOnePiece) {
  EXPECT_EQ(detail::quote_for_shell("plain-1.yaml"), "plain-1.yaml");
  EXPECT_EQ(detail::quote_for_shell("it's"), "'it'\\''s'");
  EXPECT_EQ(detail::quote_for_shell(""), "''");
  EXPECT_EQ(detail::quote_for_shell("$(rm)"), "'$(rm)'");
}

TEST(JsonLines, AreOneValueEach) {
  EXPECT_EQ(detail::parse_json_lines("f", "1\n[2]").size(), 2U);
  EXPECT_EQ(detail::parse_json_lines("f", "").size(), 0U);
  EXPECT_THROW((void)detail::parse_json_lines("f", "\n"), std::runtime_error);
  EXPECT_THROW((void)detail::parse_json_lines("f", "1 2\n"), std::runtime_error);
}

} // namespace
} // namespace troupe::testing
