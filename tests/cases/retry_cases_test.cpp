#include "support/case_fixture.hpp"

#include <stdexcept>

namespace troupe::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RetryCases : public CaseFixture {
protected:
  [[nodiscard]] std::vector<duration> waits() const {
    std::vector<duration> found;
    for (const auto& each : seen->of(event_kind::retry_scheduled)) found.push_back(each.delay);
    return found;
  }

  [[nodiscard]] std::vector<duration> times_of(event_kind kind) const {
    std::vector<duration> found;
    for (const auto& each : seen->of(kind)) found.push_back(each.at - instant());
    return found;
  }
};
TROUPE_CASES(RetryCases);

TEST_P(RetryCases, C020SucceedsAtTheThirdAttempt) {
  scripted_step a("a", {transient("e1").taking(5ms), transient("e2").taking(7ms), ok("x")});

  const auto result =
      run_once(a() | retry{.max_retries = 3, .initial_delay = 20ms, .max_delay = 1s});

  EXPECT_TRUE(result.success());
  EXPECT_EQ(result.output, value("x"));
  ASSERT_EQ(result.step_history.size(), 1u);
  EXPECT_EQ(result.step_history[0].attempts, 3u);
  EXPECT_EQ(a.call_count(), 3u);
  EXPECT_THAT(times_of(event_kind::step_finished), ElementsAre(5ms, 32ms, 72ms));
  EXPECT_THAT(times_of(event_kind::step_started), ElementsAre(0ms, 25ms, 72ms));
  EXPECT_THAT(waits(), ElementsAre(20ms, 40ms));
  EXPECT_EQ(result.metrics.retry_count, 2u);
}

TEST_P(RetryCases, C021GivesUpWhenRetriesAreUsedUp) {
  scripted_step a("a", {transient("e1"), transient("e2"), transient("e3"), ok("x")});

  const auto result =
      run_once(a() | retry{.max_retries = 2, .initial_delay = 10ms, .max_delay = 1s});

  EXPECT_FALSE(result.success());
  ASSERT_EQ(result.step_history.size(), 1u);
  EXPECT_FALSE(result.step_history[0].success());
  EXPECT_EQ(result.step_history[0].attempts, 3u);
  EXPECT_EQ(a.call_count(), 3u);
  EXPECT_THAT(result.step_history[0].feedback(), HasSubstr("e3"));
  EXPECT_THAT(waits(), ElementsAre(10ms, 20ms));
  EXPECT_EQ(elapsed(), 30ms);
}

TEST_P(RetryCases, C022ZeroRetriesMeanOneCall) {
  scripted_step a("a", {transient("e")});

  const auto result = run_once(a() | retry{.max_retries = 0});

  EXPECT_FALSE(result.success());
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_EQ(result.step_history[0].attempts, 1u);
  EXPECT_THAT(waits(), ElementsAre());
  EXPECT_EQ(elapsed(), 0ms);
}

TEST_P(RetryCases, C023DelaysDoubleUpToTheCap) {
  auto a = mock_step("a", transient("e"));

  const auto result =
      run_once(a() | retry{.max_retries = 6, .initial_delay = 1s, .max_delay = 10s});

  EXPECT_FALSE(result.success());
  EXPECT_EQ(a.call_count(), 7u);
  EXPECT_THAT(waits(), ElementsAre(1s, 2s, 4s, 8s, 10s, 10s));
  EXPECT_THAT(times_of(event_kind::step_started), ElementsAre(0s, 1s, 3s, 7s, 15s, 25s, 35s));
  EXPECT_EQ(elapsed(), 35s);
}

TEST_P(RetryCases, C024PermanentErrorIsNotRetried) {
  scripted_step a("a", {permanent("invalid api key"), ok("x")});

  const auto result =
      run_once(a() | retry{.max_retries = 3, .initial_delay = 10ms, .max_delay = 1s});

  EXPECT_FALSE(result.success());
  EXPECT_EQ(a.call_count(), 1u);
  EXPECT_EQ(result.step_history[0].attempts, 1u);
  EXPECT_THAT(waits(), ElementsAre());
  EXPECT_EQ(elapsed(), 0ms);
}

TEST_P(RetryCases, C025UsageOfFailedAttemptsCounts) {
  scripted_step a("a", {transient("e").costing(0.10, 10), transient("e").costing(0.10, 10),
                        ok("x").costing(0.10, 10)});

  const auto result = run_once(a() | retry{.max_retries = 3});

  EXPECT_TRUE(result.success());
  EXPECT_NEAR(result.step_history[0].cost_usd(), 0.30, 1e-9);
  EXPECT_EQ(result.step_history[0].token_counts(), 30);
  EXPECT_NEAR(result.total_cost_usd, 0.30, 1e-9);
  EXPECT_EQ(result.total_tokens, 30);
}

TEST_P(RetryCases, C026EveryAttemptGetsTheOriginalInput) {
  scripted_step a("a", {transient("no"), transient("no"), ok("y")});

  const auto result = run_once(a() | retry{.max_retries = 2}, "q");

  EXPECT_TRUE(result.success());
  EXPECT_THAT(a.inputs(), ElementsAre(value("q"), value("q"), value("q")));
}

TEST_P(RetryCases, C031RetryAroundASequence) {
  scripted_step a("a");
  a.answering(
      [](const value& input, const context&) { return ok(*input.if_integer() + 1).costing(0.01); });
  scripted_step b("b", {transient("e").costing(0.02), ok("z").costing(0.02)});

  const auto result = run_once(as_step("both", a() >> b()) | retry{.max_retries = 1}, 1);

  EXPECT_THAT(a.inputs(), ElementsAre(value(1), value(1)));
  EXPECT_EQ(b.call_count(), 2u);
  EXPECT_EQ(result.output, value("z"));
  EXPECT_NEAR(result.total_cost_usd, 0.06, 1e-9);
  ASSERT_EQ(result.step_history.size(), 1u);
  EXPECT_EQ(result.step_history[0].name, "both");
  EXPECT_EQ(result.step_history[0].attempts, 2u);
  EXPECT_NEAR(result.step_history[0].cost_usd(), 0.06, 1e-9);
}

TEST_P(RetryCases, C032DelayOfAVeryLateRetry) {
  const retry patient{.max_retries = 5000, .initial_delay = 1s, .max_delay = 10s};
  auto a = mock_step("a", transient("e"));

  const auto result = run_once(a() | patient);

  EXPECT_EQ(backoff_delay(patient, 5000, 0.5), 10s);
  EXPECT_FALSE(result.success());
  EXPECT_EQ(a.call_count(), 5001u);
  ASSERT_EQ(waits().size(), 5000u);
  EXPECT_EQ(waits().back(), 10s);
  EXPECT_EQ(elapsed(), 15s + 4996 * 10s);
}

TEST_P(RetryCases, C033UnclassifiedErrorsAreRetried) {
  scripted_step a("a", {unclassified("odd"), ok("x")});
  scripted_step b("b", {throws(std::runtime_error("odd")), ok("x")});
  const retry once{.max_retries = 1, .initial_delay = 1ms, .max_delay = 1s};

  for (const auto& each : {a, b}) {
    const auto result = run_once(each() | once);
    EXPECT_TRUE(result.success());
    EXPECT_EQ(result.step_history[0].attempts, 2u);
  }
}

TEST_P(RetryCases, C035ConstantStrategy) {
  auto a = mock_step("a", transient("e"));

  const auto result = run_once(
      a() | retry{.max_retries = 3, .initial_delay = 1s, .backoff = backoff_strategy::constant});

  EXPECT_FALSE(result.success());
  EXPECT_THAT(waits(), ElementsAre(1s, 1s, 1s));
  EXPECT_EQ(elapsed(), 3s);
}

TEST_P(RetryCases, C035LinearStrategy) {
  auto a = mock_step("a", transient("e"));

  const auto result = run_once(
      a() | retry{.max_retries = 3, .initial_delay = 1s, .backoff = backoff_strategy::linear});

  EXPECT_FALSE(result.success());
  EXPECT_THAT(waits(), ElementsAre(1s, 2s, 3s));
  EXPECT_EQ(elapsed(), 6s);
}

} // namespace
} // namespace troupe::testing
