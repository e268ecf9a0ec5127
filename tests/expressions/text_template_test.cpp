#include "expression_fixture.hpp"

#include <cmath>

namespace troupe {
namespace {

using namespace testing_support;
using testing::HasSubstr;

text_template compiled(std::string_view text) {
  return text_template::compile(text, names);
}

value rendered(std::string_view text, const value& input = {}) {
  const context entries;
  const std::array<expression_variable, 2> variables = {input, entries};
  const auto result = compiled(text).evaluate(variables);
  return result ? *result : value("FAILED: " + result.why().message);
}

refusal refusal_of_template(std::string_view text) {
  try {
    static_cast<void>(compiled(text));
  } catch (const expression_error& problem) {
    return {problem.offset(), problem.what()};
  }
  return {0, "it was not refused"};
}

TEST(TextTemplate, KeepsATextWithoutExpressionsAsItIs) {
  const auto text = compiled("plain $ {{ x }} ${x} }} $");

  EXPECT_TRUE(text.is_constant());
  EXPECT_EQ(text.constant(), "plain $ {{ x }} ${x} }} $");
  EXPECT_EQ(rendered("plain"), value("plain"));
  EXPECT_TRUE(compiled("").is_constant());
}

TEST(TextTemplate, KeepsTheTypeOfASingleExpression) {
  const auto input = value::map({{"items", value::list({1, 2})}, {"age", 42}});

  EXPECT_EQ(rendered("${{ input.age }}", input), value(42));
  EXPECT_EQ(rendered(" \n ${{input.items}}\t", input), input.at("items"));
  EXPECT_EQ(rendered("${{ null }}"), value());
  EXPECT_EQ(rendered("${{ input }}", input).if_map(), input.if_map());
}

TEST(TextTemplate, InsertsTextAsItIsAndEverythingElseAsJson) {
  const auto input = value::map({{"name", "Ada \"the\" first"},
                                 {"items", value::list({1, "a", nullptr})},
                                 {"map", value::map({{"k", 1.5}})},
                                 {"bytes", value::binary({1, 2})},
                                 {"nan", std::nan("")}});

  EXPECT_EQ(rendered("Hi ${{ input.name }}!", input), value("Hi Ada \"the\" first!"));
  EXPECT_EQ(rendered("${{ input.items }};${{ input.map }}", input),
            value("[1,\"a\",null];{\"k\":1.5}"));
  EXPECT_EQ(rendered("a ${{ true }} ${{ null }} ${{ 1u }} ${{ 2.0 }}"), value("a true null 1 2.0"));
  EXPECT_EQ(rendered("x${{ input.bytes }}${{ input.nan }}", input), value("x\"AQI=\"\"NaN\""));
  EXPECT_EQ(rendered("in ${{ duration('90s') }} at ${{ timestamp(0) }}"),
            value("in 90s at 1970-01-01T00:00:00Z"));
}

TEST(TextTemplate, ResolvesTheEscape) {
  EXPECT_EQ(compiled("$${{ input }}").constant(), "${{ input }}");
  EXPECT_EQ(rendered("$${{ ${{ 1 }}"), value("${{ 1"));
  EXPECT_EQ(rendered("$$${{ 1 }}"), value("$${{ 1 }}"));
  EXPECT_EQ(rendered("$ ${{ 1 }}"), value("$ 1"));
}

TEST(TextTemplate, LooksForTheEndOutsideOfStringsAndBraces) {
  EXPECT_EQ(rendered("${{ 'a }} b' }}"), value("a }} b"));
  EXPECT_EQ(rendered("${{ \"}}\" + '''}}''' + r'\\' }}"), value("}}}}\\"));
  EXPECT_EQ(rendered(R"(${{ 'it\'s }}' }})"), value("it's }}"));
  EXPECT_EQ(rendered("${{ {'a': {'b': 1}} }}"), value::map({{"a", value::map({{"b", 1}})}}));
  EXPECT_EQ(rendered("${{{'a': {'b': 1}}}}"), value::map({{"a", value::map({{"b", 1}})}}));
  EXPECT_EQ(rendered("${{ {} }}${{ {} }}"), value("{}{}"));
  EXPECT_EQ(rendered("${{ 1 // one }} two"), value("1 two"));
  EXPECT_EQ(rendered("${{ 1 // it's one\n + 1 }}"), value(2));
}

TEST(TextTemplate, PointsIntoTheWholeText) {
  EXPECT_EQ(refusal_of_template("a ${{ inptu }}"),
            (refusal{6, "unknown variable inptu (did you mean input?)"}));
  EXPECT_EQ(refusal_of_template("${{ 1 }} ${{ 1 + }}"),
            (refusal{16, "expected a value, not the end"}));
  EXPECT_EQ(refusal_of_template("ab ${{ 1"), (refusal{3, "`${{` without `}}`"}));
  EXPECT_EQ(refusal_of_template("ab ${{ 'x }}"), (refusal{7, "string without an end"}));
  EXPECT_EQ(refusal_of_template("ab ${{ }}"), (refusal{3, "the expression is empty"}));
  EXPECT_EQ(refusal_of_template("${{ // nothing }}").message, "the expression is empty");
}

TEST(TextTemplate, TellsItsExpressionsAndWhereTheyAre) {
  const auto parts = compiled("é ${{ input.a }} ${{context}}").expressions();

  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].content.source(), "input.a");
  EXPECT_EQ(parts[0].offset, 7U);
  EXPECT_EQ(parts[1].content.source(), "context");
  EXPECT_EQ(parts[1].offset, 21U);
}

TEST(TextTemplate, FailsWithTheFailureOfItsExpression) {
  EXPECT_THAT(*rendered("a ${{ input.b }}", value::map()).if_text(),
              HasSubstr("expression `input.b` failed at column 7: no such key: b"));
}

TEST(TextTemplate, StaysSafeWithInvalidUtf8) {
  const value input(std::string("\xff\xfe"));

  EXPECT_EQ(rendered("\xff${{ input }}", input), value(std::string("\xff\xff\xfe")));
  EXPECT_EQ(refusal_of_template("${{ '\xff' }}").message, "invalid UTF-8");
}

} // namespace
} // namespace troupe
