#include <troupe/protocol/json.hpp>
#include <troupe/runtime/convert.hpp>
#include <troupe/runtime/run_snapshot.hpp>

#include <gmock/gmock.h>

#include <string>

namespace troupe {
namespace {

using ::testing::HasSubstr;
using std::chrono_literals::operator""ms;

run_snapshot sample() {
  run_snapshot state;
  state.run_id = run_id::from_parts(1, 2, 3);
  state.correlation_id = "order-7";
  state.name = "booking";
  state.plan.fill(7);
  state.pause = {"ask", "ok?", {answer_rule::type::text, {"yes", "no"}}, {"0/1#3@2", 4}};
  state.input = value::map({{"city", "Ulm"}, {"bytes", value::binary({0, 255})}});
  state.context = value::map({{"tenant", "acme"}});
  state.journal = std::make_shared<run_journal>();
  step_result done;
  done.name = "a";
  done.output = 1;
  state.journal->record({"0/0", 1}, make_record(done, {}));
  state.retry_count = 2;
  state.cache_hit = true;
  state.fallback_used = true;
  state.checkpoints = {{"cache.hit", 5ms}};
  return state;
}

outcome<run_snapshot> through_json(const run_snapshot& state) {
  return run_snapshot_from(parse_json(write_json(to_value(state))).value());
}

TEST(RunSnapshot, SurvivesTheWayThroughAFile) {
  const auto read = through_json(sample()).value();

  EXPECT_EQ(read.run_id, run_id::from_parts(1, 2, 3));
  EXPECT_EQ(read.correlation_id, "order-7");
  EXPECT_EQ(read.name, "booking");
  EXPECT_EQ(read.plan, sample().plan);
  EXPECT_EQ(read.pause.step, "ask");
  EXPECT_EQ(read.pause.prompt, "ok?");
  EXPECT_EQ(read.pause.rule.expects, answer_rule::type::text);
  EXPECT_EQ(value(read.pause.rule.choices), value::list({"yes", "no"}));
  EXPECT_EQ(read.pause.where, sample().pause.where);
  EXPECT_EQ(read.input, sample().input) << "bytes stay bytes";
  EXPECT_EQ(read.context, sample().context);
  EXPECT_EQ(read.journal->find({"0/0", 1})->result->output, value(1));
  EXPECT_EQ(read.retry_count, 2u);
  EXPECT_TRUE(read.cache_hit);
  EXPECT_TRUE(read.fallback_used);
  ASSERT_EQ(read.checkpoints.size(), 1u);
  EXPECT_EQ(read.checkpoints[0].name, "cache.hit");
  EXPECT_EQ(read.checkpoints[0].at, 5ms);
  EXPECT_EQ(to_value(read), to_value(sample()));
}

TEST(RunSnapshot, OfNothingMuchIsReadToo) {
  run_snapshot state;
  state.run_id = run_id::from_parts(1, 2, 3);

  const auto read = through_json(state);

  ASSERT_TRUE(read) << read.why().message;
  EXPECT_EQ(read->journal->size(), 0u);
}

TEST(RunSnapshot, ShowsPeopleWhatItWaitsFor) {
  const auto shown = to_value(sample());

  EXPECT_EQ(shown.at("name"), value("booking"));
  EXPECT_EQ(shown.at("pause").at("prompt"), value("ok?"));
  EXPECT_EQ(shown.at("pause").at("choices"), value::list({"yes", "no"}));
}

TEST(RunSnapshot, SaysThatAnObjectWithoutAPlainFormIsLost) {
  struct opaque {};
  auto state = sample();
  state.input = native_value(opaque{});

  const auto read = through_json(state);

  ASSERT_FALSE(read);
  EXPECT_EQ(read.why().kind, failure_kind::malformed);
  EXPECT_THAT(read.why().message, HasSubstr("could not be written"));
}

TEST(RunSnapshot, RefusesWhatItDidNotWrite) {
  const auto good = to_value(sample());
  const auto damaged = [&](const char* key, value content) {
    const auto read = run_snapshot_from(good.with(key, std::move(content)));
    return !read && read.why().kind == failure_kind::malformed;
  };
  const auto asked = [&](const char* key, value content) {
    return damaged("pause", good.at("pause").with(key, std::move(content)));
  };

  EXPECT_TRUE(run_snapshot_from(good));
  EXPECT_FALSE(run_snapshot_from({}));
  EXPECT_FALSE(run_snapshot_from("text"));
  EXPECT_TRUE(damaged("version", 2));
  EXPECT_TRUE(damaged("version", {}));
  EXPECT_TRUE(damaged("run_id", "x"));
  EXPECT_TRUE(damaged("plan", "00"));
  EXPECT_TRUE(damaged("pause", {}));
  EXPECT_TRUE(asked("step", 1));
  EXPECT_TRUE(asked("call", -1));
  EXPECT_TRUE(asked("call", 4'294'967'296));
  EXPECT_TRUE(asked("expects", "string"));
  EXPECT_TRUE(damaged("records", {}));
  EXPECT_TRUE(damaged("records", ""));
  EXPECT_TRUE(damaged("records", "!!!!"));
  EXPECT_TRUE(damaged("records", "AAAA"));
}

TEST(RunSnapshot, NoDamageOfTheRecordsDoesHarm) {
  const auto good = to_value(sample());
  const auto text = *good.at("records").if_text();

  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char letter : {'A', '/', '=', '~'}) {
      auto damaged = text;
      damaged[at] = letter;
      const auto read = run_snapshot_from(good.with("records", damaged));
      EXPECT_TRUE(!read || read->journal);
      (void)run_snapshot_from(good.with("records", text.substr(0, at)));
    }
  }
}

} // namespace
} // namespace troupe
