#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/json.hpp>
#include <troupe/protocol/step_result.hpp>

#include <gmock/gmock.h>

#include <limits>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

step_result sent_and_received(const step_result& result) {
  std::vector<std::uint8_t> bytes;
  const auto written = encode(to_value(result), bytes);
  EXPECT_TRUE(written) << (written ? "" : written.why().message);
  const auto decoded = decode(bytes);
  EXPECT_TRUE(decoded);
  auto read = step_result_from(*decoded);
  EXPECT_TRUE(read) << (read ? "" : read.why().message);
  return read ? *read : step_result{};
}

step_result sample() {
  step_result result{.name = "charge", .output = value::map({{"paid", true}})};
  result.spent = {.cost_usd = 0.25, .tokens = 7};
  result.attempts = 3;
  result.latency = 1234567ns;
  result.node = "local";
  return result;
}

step_result failed(std::string message) {
  auto result = sample();
  result.output = {};
  result.why = std::make_shared<const failure>(failure{
      .kind = failure_kind::rate_limited,
      .message = std::move(message),
      .retry_after = 1500ms,
      .step = "charge",
      .cause = std::make_shared<const failure>(failure{.message = "inner"}),
  });
  return result;
}

step_result nested_attempts(int depth) {
  auto result = sample();
  for (int i = 0; i < depth; ++i) {
    auto outer = sample();
    outer.attempts = static_cast<std::uint32_t>(i);
    outer.edit_metadata([&](step_metadata& about) {
      about.fallback_triggered = true;
      about.primary_attempt_result = std::make_shared<const step_result>(std::move(result));
    });
    result = std::move(outer);
  }
  return result;
}

step_result nested_history(int depth) {
  auto result = sample();
  for (int i = 0; i < depth; ++i) {
    auto outer = sample();
    outer.step_history.push_back(std::move(result));
    result = std::move(outer);
  }
  return result;
}

std::string refusal(const value& content) {
  const auto read = step_result_from(content);
  if (read) return "was accepted";
  EXPECT_EQ(read.why().kind, failure_kind::malformed);
  return read.why().message;
}

TEST(StepResult, IsWrittenWithAllItsMembers) {
  EXPECT_EQ(write_json(to_value(sample())),
            R"({"attempts":3,"cost_usd":0.25,"failure":null,"feedback":null,"latency_ms":1.234567,)"
            R"("metadata":{},"name":"charge","node":"local","output":{"paid":true},)"
            R"("step_history":[],"success":true,"token_counts":7})");
}

TEST(StepResult, IsWrittenWithItsFailure) {
  const auto content = to_value(failed("slow down"));

  EXPECT_EQ(content.at("feedback"), value("slow down"));
  EXPECT_EQ(write_json(content.at("failure")),
            R"({"cause":{"kind":"unclassified","message":"inner"},"kind":"rate_limited",)"
            R"("message":"slow down","retry_after_ms":1500.0,"step":"charge"})");
}

TEST(StepResult, WritesOnlyMetadataThatHoldsSomething) {
  auto result = sample();
  result.edit_metadata([](step_metadata& about) {
    about.cache_hit = true;
    about.executed_branch = value::list({"a", "b"});
    about.exit_reason = "condition";
  });

  EXPECT_EQ(write_json(to_value(result).at("metadata")),
            R"({"cache_hit":true,"executed_branch":["a","b"],"exit_reason":"condition"})");
}

TEST(StepResult, SurvivesTheWayThroughBytes) {
  auto result = failed("slow down");
  result.step_history = {sample(), failed("again")};
  result.edit_metadata([](step_metadata& about) {
    about.hedge_won = true;
    about.undone_by =
        std::make_shared<compensation_slot>(std::make_shared<const step_result>(sample()));
    about.fallback_attempt_result = std::make_shared<const step_result>(failed("too"));
  });

  const auto copy = sent_and_received(result);

  EXPECT_EQ(to_value(copy), to_value(result));
  EXPECT_EQ(*copy.why, *result.why);
  EXPECT_EQ(copy.latency, result.latency);
  EXPECT_EQ(copy.spent, result.spent);
  EXPECT_EQ(copy.name, result.name);
  EXPECT_EQ(copy.step_history[1].feedback(), "again");
  EXPECT_TRUE(copy.metadata().hedge_won);
}

TEST(StepResult, SurvivesDeepMetadataAndHistories) {
  for (const int depth : {64, 128}) {
    EXPECT_EQ(to_value(sent_and_received(nested_attempts(depth))),
              to_value(nested_attempts(depth)));
    EXPECT_EQ(to_value(sent_and_received(nested_history(depth))), to_value(nested_history(depth)));
  }
}

TEST(StepResult, RefusesWhatNestsDeeper) {
  EXPECT_THAT(refusal(to_value(nested_attempts(129))), HasSubstr("nests deeper than 128"));
  EXPECT_THAT(refusal(to_value(nested_history(129))), HasSubstr("nests deeper than 128"));
}

TEST(StepResult, IsNeverEncodedCutOff) {
  std::vector<std::uint8_t> bytes;

  EXPECT_FALSE(encode(to_value(nested_attempts(2000)), bytes));
  EXPECT_FALSE(encode(to_value(nested_history(2000)), bytes));
}

TEST(StepResult, CarriesEveryKindOfOutput) {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  for (const auto& output :
       {value("\xe2\x82\xac \xf0\x9f\x8e\xad"), value(std::string("a\0b", 3)), value("\xff\xfe"),
        value::binary({0, 255, 128}), value(std::numeric_limits<double>::quiet_NaN()),
        value(infinity), value(-infinity), value(-0.0), value(std::string(4u << 20, 'x')),
        value(std::numeric_limits<std::uint64_t>::max()), value::list({value(), value::map()})}) {
    auto result = sample();
    result.output = output;
    EXPECT_EQ(sent_and_received(result).output, output);
  }
}

TEST(StepResult, KeepsTheLongestTimes) {
  for (const auto latency : {0ns, 1ns, duration(8760h), duration::max(), -duration::max()}) {
    auto result = sample();
    result.latency = latency;
    const auto copy = sent_and_received(result);
    EXPECT_NEAR(static_cast<double>(copy.latency.count()), static_cast<double>(latency.count()),
                1e-15 * std::abs(static_cast<double>(latency.count())));
  }
}

TEST(StepResult, NamesTheMemberThatDoesNotFit) {
  const auto good = to_value(failed("slow down"));
  const auto inner = good.at("failure");

  EXPECT_THAT(refusal(value(1)), HasSubstr("is no map"));
  EXPECT_THAT(refusal(value::map()), HasSubstr("name is no text"));
  EXPECT_THAT(refusal(good.with("success", true)), HasSubstr("success contradicts"));
  EXPECT_THAT(refusal(good.with("attempts", -1)), HasSubstr("attempts"));
  EXPECT_THAT(refusal(good.with("attempts", 1.5)), HasSubstr("attempts"));
  EXPECT_THAT(refusal(good.with("latency_ms", "1")), HasSubstr("latency_ms is no number"));
  EXPECT_THAT(refusal(good.with("latency_ms", 1e300)), HasSubstr("latency_ms"));
  EXPECT_THAT(refusal(good.with("latency_ms", std::numeric_limits<double>::quiet_NaN())),
              HasSubstr("latency_ms"));
  EXPECT_THAT(refusal(good.with("failure", inner.with("kind", "odd"))), HasSubstr("failure.kind"));
  EXPECT_THAT(refusal(good.with("metadata", value::map({{"cache_hit", 1}}))),
              HasSubstr("metadata.cache_hit is no boolean"));
  EXPECT_THAT(refusal(good.with("step_history", value::list({good, 1}))),
              HasSubstr("step_history[1] is no map"));
}

TEST(StepResult, IgnoresMembersItDoesNotKnow) {
  EXPECT_TRUE(step_result_from(to_value(sample()).with("added_later", 1)));
}

TEST(StepResult, IsOneValueWithoutACopyWhenWrapped) {
  const auto wrapped = wrap_result(sample());

  ASSERT_NE(unwrap_result(wrapped), nullptr);
  EXPECT_EQ(unwrap_result(wrapped)->attempts, 3U);
  EXPECT_EQ(wrapped, to_value(sample()));
  EXPECT_EQ(wrapped.at("output").at("paid"), value(true));
  EXPECT_EQ(unwrap_result(to_value(sample())), nullptr);
}

TEST(StepResult, LeavesOtherHoldersOfTheMetadataAlone) {
  auto result = sample();
  result.edit_metadata([](step_metadata& about) { about.cache_hit = true; });
  const auto copy = result;

  result.edit_metadata([](step_metadata& about) { about.cache_hit = false; });

  EXPECT_TRUE(copy.metadata().cache_hit);
  EXPECT_FALSE(result.metadata().cache_hit);
}

TEST(Failure, SurvivesTheWayThroughAValue) {
  const auto why = *failed("slow down").why;

  EXPECT_EQ(**failure_from(to_value(why)), why);
  EXPECT_FALSE(failure_from(value::map({{"kind", "transient"}})));
}

} // namespace
} // namespace troupe
