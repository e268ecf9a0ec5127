#include "sample_native.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/protocol/run_journal.hpp>

#include <gmock/gmock.h>

namespace troupe {
namespace {

using testing::HasSubstr;
using place = run_journal::place;

step_result result_of(const std::string& name, value output, context ctx = {}) {
  step_result result;
  result.name = name;
  result.output = std::move(output);
  result.ctx = std::move(ctx);
  return result;
}

run_record record_of(value output) {
  return make_record(result_of("a", std::move(output)), {});
}

std::shared_ptr<run_journal> through_json(const run_journal& journal) {
  return run_journal::from_value(parse_json(write_json(journal.to_value())).value()).value();
}

TEST(RunRecord, ReplaysWhatTheStageDidToAnyContext) {
  const context before("", value::map({{"kept", 1}, {"changed", 1}, {"erased", 1}}));
  auto after = before;
  after.set("changed", 2);
  after.set("added", 3);
  after.erase("erased");
  const auto record = make_record(result_of("a", "out", after), before);

  const context other("", value::map({{"kept", 7}, {"erased", 7}}));
  const auto again = replay(record, other);

  EXPECT_EQ(again.output, value("out"));
  EXPECT_EQ(again.ctx.to_value(), value::map({{"kept", 7}, {"changed", 2}, {"added", 3}}));
  EXPECT_EQ(record.changes.size(), 3U);
}

TEST(RunRecord, KeepsNoContext) {
  const context before("", value::map({{"large", 1}}));

  EXPECT_TRUE(make_record(result_of("a", 1, before), before).changes.empty());
  EXPECT_FALSE(make_record(result_of("a", 1, before), before).result->ctx.contains("large"));
}

TEST(RunJournal, KeepsTheFirstRecordOfAPlace) {
  run_journal journal;
  journal.record({"0/1", 1}, record_of("first"));
  journal.record({"0/1", 1}, record_of("second"));
  journal.record({"0/1", 2}, record_of("other"));

  EXPECT_EQ(journal.size(), 2U);
  EXPECT_EQ(journal.find({"0/1", 1})->result->output, value("first"));
  EXPECT_EQ(journal.find({"0/1", 2})->result->output, value("other"));
  EXPECT_FALSE(journal.find({"0/1", 3}));
  EXPECT_FALSE(journal.find({"0/1#1", 1}));
}

TEST(RunJournal, ACopyGoesItsOwnWay) {
  run_journal journal;
  journal.record({"0", 1}, record_of(1));
  const auto copy = journal.copy();
  copy->record({"1", 1}, record_of(2));

  EXPECT_EQ(journal.size(), 1U);
  EXPECT_EQ(copy->size(), 2U);
}

TEST(RunJournal, SurvivesTheWayThroughAFile) {
  run_journal journal;
  auto failed = result_of("b", {});
  failed.why = std::make_shared<const failure>(failure{failure_kind::permanent, "f"});
  failed.attempts = 3;
  failed.spent = {0.25, 7};
  context after;
  after.set("k", value::list({1, 2}));
  journal.record({"0/0", 1}, make_record(result_of("a", value::map({{"x", 1.5}}), after), {}));
  journal.record({"0/1#2@1", 4}, make_record(failed, {}));
  const context had("", value::map({{"gone", 1}}));
  journal.record({"0/2", 1}, make_record(result_of("c", 1), had));

  const auto read = through_json(journal);

  EXPECT_EQ(read->size(), 3U);
  EXPECT_EQ(read->to_value(), journal.to_value());
  const auto first = replay(*read->find({"0/0", 1}), {});
  EXPECT_EQ(first.output, value::map({{"x", 1.5}}));
  EXPECT_EQ(first.ctx.get("k"), value::list({1, 2}));
  const auto second = replay(*read->find({"0/1#2@1", 4}), {});
  EXPECT_EQ(second.why->message, "f");
  EXPECT_EQ(second.attempts, 3U);
  EXPECT_EQ(second.cost_usd(), 0.25);
  EXPECT_FALSE(replay(*read->find({"0/2", 1}), had).ctx.contains("gone"));
}

TEST(RunJournal, WholeResultsInOutputsComeBackAsSuch) {
  const auto inner = wrap_result(result_of("inner", 42));
  const auto block = wrap_result(result_of("block", value::list({inner, 1})));
  run_journal journal;
  journal.record({"0", 1}, record_of(value::list({block, value::map({{"deep", inner}})})));

  const auto output = through_json(journal)->find({"0", 1})->result->output;

  const auto first = output.at(0);
  ASSERT_NE(unwrap_result(first), nullptr);
  EXPECT_EQ(unwrap_result(first)->name.str(), "block");
  const auto nested = unwrap_result(first)->output.at(0);
  ASSERT_NE(unwrap_result(nested), nullptr);
  EXPECT_EQ(unwrap_result(nested)->output, value(42));
  const auto deep = output.at(1).at("deep");
  EXPECT_NE(unwrap_result(deep), nullptr);
}

TEST(RunJournal, MapsThatLookLikeItsOwnStayWhatTheyAre) {
  const auto look_alike = value::map({{"troupe.result", to_value(result_of("a", 1))}});
  const auto content =
      value::list({look_alike, value::map({{"troupe.map", look_alike}}),
                   value::map({{"troupe.map", 1}}), value::map({{"troupe.result", 1}, {"x", 2}})});
  run_journal journal;
  journal.record({"0", 1}, record_of(content));

  const auto read = through_json(journal)->find({"0", 1})->result->output;

  EXPECT_EQ(read, content);
  const auto first = read.at(0);
  EXPECT_TRUE(first.is_map());
}

TEST(RunJournal, DoesNotFollowValuesOfAnyDepth) {
  run_journal journal;
  journal.record({"0", 1}, record_of(nested_lists(100'000)));

  const auto read = run_journal::from_value(journal.to_value());

  EXPECT_EQ(read.value()->find({"0", 1})->result->output, nested_lists(100'000));
}

TEST(RunJournal, RefusesWhatItDidNotWrite) {
  const auto good =
      value::map({{"path", "0"}, {"call", 1}, {"result", to_value(result_of("a", 1))}});
  const auto why = [](const value& content) {
    const auto read = run_journal::from_value(content);
    return read ? "" : read.why().message;
  };

  EXPECT_EQ(why(value::list({good})), "");
  EXPECT_THAT(why({}), HasSubstr("no list"));
  EXPECT_THAT(why(value::list({1})), HasSubstr("record 0 has no path"));
  EXPECT_THAT(why(value::list({good, good.with("path", 1)})), HasSubstr("record 1 has no path"));
  for (const auto& call : {value(), value(0), value(-1), value("1"), value(4'294'967'296)}) {
    EXPECT_THAT(why(value::list({good.with("call", call)})), HasSubstr("call number"));
  }
  EXPECT_THAT(why(value::list({good.with("result", 1)})), HasSubstr("cannot be read"));
  EXPECT_THAT(why(value::list({good.with("erased", value::list({1}))})), HasSubstr("no text"));
}

TEST(AnswerRule, ChecksTheType) {
  const auto refused = [](answer_rule::type expected, const value& answer) {
    return answer_rule{expected, {}}.refuse(answer).has_value();
  };
  using type = answer_rule::type;

  EXPECT_FALSE(refused(type::any, {}));
  EXPECT_FALSE(refused(type::text, "x"));
  EXPECT_TRUE(refused(type::text, 1));
  EXPECT_FALSE(refused(type::integer, 1));
  EXPECT_TRUE(refused(type::integer, 1.5));
  EXPECT_FALSE(refused(type::number, 1));
  EXPECT_FALSE(refused(type::number, 1.5));
  EXPECT_TRUE(refused(type::number, "1"));
  EXPECT_TRUE(refused(type::number, true));
  EXPECT_FALSE(refused(type::boolean, false));
  EXPECT_TRUE(refused(type::boolean, 0));
  EXPECT_FALSE(refused(type::list, value::list({})));
  EXPECT_TRUE(refused(type::list, value::map({})));
  EXPECT_FALSE(refused(type::map, value::map({})));
  EXPECT_TRUE(refused(type::map, {}));
}

TEST(AnswerRule, SaysWhatIsWrong) {
  const answer_rule number{answer_rule::type::number, {}};
  const answer_rule choice{answer_rule::type::any, {"yes", "no"}};

  EXPECT_EQ(number.refuse("x"), "must be of type number; it is \"x\"");
  EXPECT_EQ(choice.refuse(1), "must be one of [\"yes\",\"no\"]; it is 1");
  EXPECT_FALSE(choice.refuse("no"));
}

TEST(AnswerRule, TypesHaveNames) {
  using type = answer_rule::type;
  for (const auto each :
       {type::any, type::text, type::integer, type::number, type::boolean, type::list, type::map}) {
    EXPECT_EQ(answer_type_from(to_string(each)), each);
  }
  EXPECT_FALSE(answer_type_from("string"));
  EXPECT_FALSE(answer_type_from(""));
}

TEST(PauseRequest, ShowsItsRuleWhereThereIsOne) {
  EXPECT_EQ(to_value(pause_request{"ask", "ok?", {}, {}}),
            value::map({{"step", "ask"}, {"prompt", "ok?"}}));
  const auto shown = to_value(pause_request{"ask", "ok?", {answer_rule::type::text, {"yes"}}, {}});
  EXPECT_EQ(shown.at("expects"), value("text"));
  EXPECT_EQ(shown.at("choices"), value::list({"yes"}));
}

} // namespace
} // namespace troupe
