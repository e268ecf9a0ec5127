#include "step_fixture.hpp"

#include <troupe/runtime/protect.hpp>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ValueStep : public StepFixture {};
class SleepStep : public StepFixture {};
class FailStep : public StepFixture {};

TEST_F(ValueStep, ReturnsItsValue) {
  EXPECT_EQ(run("value", R"({"value": {"a": [1, 2.5, null, "x"]}})").output,
            parse_json(R"({"a": [1, 2.5, null, "x"]})").value());
  EXPECT_TRUE(run("value", R"({"value": null})").success());
}

TEST_F(ValueStep, EvaluatesWhatIsInIt) {
  EXPECT_EQ(run("value", R"({"value": {"got": "${{ input.a }}"}})", value::map({{"a", 7}})).output,
            value::map({{"got", 7}}));
}

TEST_F(ValueStep, FailsForGoodWhenAnExpressionFails) {
  const auto result = run("value", R"({"value": "${{ input.missing }}"})", value::map());

  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_THAT(result.feedback(), HasSubstr("missing"));
}

TEST_F(ValueStep, MayBeDoneTwice) {
  EXPECT_TRUE(definition("value", R"({"value": 1})").idempotent);
}

TEST_F(SleepStep, PassesItsInputOnAfterItsTime) {
  EXPECT_EQ(run("sleep", R"({"for": "1h30m"})", "x").output, value("x"));
  EXPECT_EQ(elapsed(), 90min);
}

TEST_F(SleepStep, OfNoTimeEndsAtOnce) {
  EXPECT_EQ(run("sleep", R"({"for": "0s"})", 1).output, value(1));
  EXPECT_EQ(elapsed(), 0s);
}

TEST_F(SleepStep, TakesItsTimeFromTheInput) {
  EXPECT_TRUE(run("sleep", R"({"for": "${{ input }}"})", "250ms").success());
  EXPECT_EQ(elapsed(), 250ms);
}

TEST_F(SleepStep, EndsAtOnceWhenCancelled) {
  auto live = rt.deploy(make("sleep", R"({"for": "1h"})"));
  const auto waiting = live.start_value({});
  rt.advance(1s);

  EXPECT_TRUE(waiting.cancel());

  EXPECT_EQ(waiting.result().status, run_status::cancelled);
  EXPECT_EQ(elapsed(), 1s);
  EXPECT_EQ(rt.metrics().abandoned_steps, 0u);
}

TEST_F(SleepStep, FailsForGoodWhenTheTimeIsNone) {
  for (const value& bad : {value(5), value("5"), value("-1s"), value(), value("soon")}) {
    const auto result = run("sleep", R"({"for": "${{ input }}"})", bad);

    ASSERT_FALSE(result.success()) << to_string(bad);
    EXPECT_EQ(result.why->kind, failure_kind::permanent);
    EXPECT_THAT(result.feedback(), StartsWith("`for` "));
  }
}

TEST_F(SleepStep, IsRefusedWithANegativeTime) {
  EXPECT_THAT(complaints("sleep", R"({"for": "-1s"})"), ElementsAre("for: must not be negative"));
  EXPECT_THAT(complaints("sleep", R"({"for": "${{ input }}"})"), IsEmpty());
}

TEST_F(FailStep, FailsForGoodUnlessItSaysMore) {
  const auto result = run("fail", R"({"message": "no"})");

  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_EQ(result.feedback(), "no");
}

TEST_F(FailStep, FailsAsItIsTold) {
  const auto result =
      run("fail", R"({"kind": "rate_limited", "message": "${{ input }}", "retry_after": "2s"})",
          "slow down");

  EXPECT_EQ(result.why->kind, failure_kind::rate_limited);
  EXPECT_EQ(result.feedback(), "slow down");
  EXPECT_EQ(result.why->retry_after, 2s);
}

TEST_F(FailStep, KnowsEveryKindOfFailure) {
  for (const auto* kind : {"transient", "rate_limited", "timed_out", "permanent", "rejected",
                           "worker_lost", "malformed", "unclassified"}) {
    const auto with = value::map({{"kind", kind}, {"message", "m"}});

    EXPECT_EQ(to_string(run("fail", write_json(with)).why->kind), kind);
  }
}

TEST_F(FailStep, ListsTheKindsWhenThereIsNoSuch) {
  EXPECT_THAT(complaints("fail", R"({"kind": "transiant", "message": "m"})"),
              ElementsAre(AllOf(StartsWith("kind: must be one of transient, rate_limited"),
                                HasSubstr("did you mean transient"))));
  EXPECT_THAT(complaints("fail", R"({"kind": "paused", "message": "m"})"),
              ElementsAre(StartsWith("kind: must be one of")));
}

TEST_F(FailStep, ChecksWhatDependsOnTheCallToo) {
  const auto kind = run("fail", R"({"kind": "${{ input }}", "message": "m"})", "odd");
  const auto message = run("fail", R"({"message": "${{ input }}"})", 5);

  EXPECT_THAT(kind.feedback(), StartsWith("`kind` must be one of"));
  EXPECT_EQ(message.feedback(), "`message` must be text, not integer");
  EXPECT_EQ(message.why->kind, failure_kind::permanent);
}

} // namespace
} // namespace troupe::testing
