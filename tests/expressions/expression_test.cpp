#include "expression_fixture.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace troupe {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr auto most_unsigned = std::numeric_limits<std::uint64_t>::max();

TEST(Expression, ReadsTheInputAndTheContext) {
  context entries;
  entries.set("tier", "gold");
  const auto input = value::map({{"age", 42}, {"name", "Ada"}});

  EXPECT_EQ(result_of("input.age >= 18 && context.tier == 'gold'", input, entries), value(true));
  EXPECT_EQ(result_of("input['name']", input), value("Ada"));
  EXPECT_EQ(result_of("has(input.name) && !has(context.name)", input, entries), value(true));
}

TEST(Expression, SharesWhatItReadsInsteadOfCopyingIt) {
  const auto items = value::list({1, 2, 3});
  const auto input = value::map({{"items", items}, {"text", std::string(100, 'x')}});

  EXPECT_EQ(result_of("input", input).if_map(), input.if_map());
  EXPECT_EQ(result_of("input.items", input).if_list(), items.if_list());
  EXPECT_EQ(result_of("[input.items]", input).at(0).if_list(), items.if_list());
  EXPECT_EQ(result_of("{'a': input.text}", input).at("a").if_text(), input.at("text").if_text());
}

TEST(Expression, ReadsAContextAsAMap) {
  context entries;
  entries.set("a", 1);
  entries.set("b", value::list({true}));

  EXPECT_EQ(result_of("context", {}, entries), entries.to_value());
  EXPECT_EQ(result_of("size(context)", {}, entries), value(2));
  EXPECT_EQ(result_of("context.map(key, key)", {}, entries), value::list({"a", "b"}));
  EXPECT_EQ(result_of("context == {'a': 1, 'b': [true]}", {}, entries), value(true));
  EXPECT_EQ(result_of("{'b': [true], 'a': 1.0} == context", {}, entries), value(true));
  EXPECT_EQ(result_of("context == context", {}, entries), value(true));
  EXPECT_EQ(result_of("'a' in context && !('c' in context)", {}, entries), value(true));
  EXPECT_EQ(result_of("'%s'.format([context])", {}, entries), value("{a: 1, b: [true]}"));
  EXPECT_EQ(result_of("{'all': context}", {}, entries).at("all"), entries.to_value());
}

TEST(Expression, TurnsEveryTypeIntoAPlainValue) {
  EXPECT_EQ(result_of("null"), value());
  EXPECT_EQ(result_of("1u"), value(1));
  EXPECT_EQ(result_of("18446744073709551615u"), value(most_unsigned));
  EXPECT_EQ(result_of("b'\\x00\\xff'"), value::binary({0, 255}));
  EXPECT_EQ(result_of("timestamp('2009-02-13T23:31:30.5Z')"), value("2009-02-13T23:31:30.5Z"));
  EXPECT_EQ(result_of("duration('1m0.5s')"), value("60.5s"));
  EXPECT_EQ(result_of("duration('-1ns')"), value("-0.000000001s"));
  EXPECT_EQ(result_of("[type(1), type(null)]"), value::list({"int", "null_type"}));
  EXPECT_EQ(result_of("{1: 'a', true: 'b', 'c': 2u}"),
            value::map({{"1", "a"}, {"true", "b"}, {"c", 2}}));
  EXPECT_TRUE(std::isnan(*result_of("0.0 / 0.0").if_double()));
  EXPECT_EQ(result_of("-1.0 / 0.0"), value(-std::numeric_limits<double>::infinity()));
}

TEST(Expression, RefusesAMapWhoseKeysBecomeTheSameText) {
  EXPECT_EQ(reason_of("{1: 'a', '1': 'b'}"), "two keys of a map become the same text");
}

TEST(Expression, TakesIntegersAboveTheLargestIntAsUnsigned) {
  const value input(most_unsigned);

  EXPECT_EQ(result_of("type(input) == uint && input == 18446744073709551615u", input), value(true));
  EXPECT_EQ(result_of("input - 1u", input), value(most_unsigned - 1));
}

TEST(Expression, FailsForGoodAndQuotesItselfThePlaceAndTheReason) {
  const auto result = evaluated("1 + input.price * 2", value::map({{"cost", 1}}));

  ASSERT_FALSE(result);
  EXPECT_EQ(result.why().kind, failure_kind::permanent);
  EXPECT_EQ(result.why().message,
            "expression `1 + input.price * 2` failed at column 11: no such key: price");
}

TEST(Expression, CountsColumnsInCharacters) {
  EXPECT_THAT(evaluated("'äöü' + 1").why().message, HasSubstr("failed at column 7: "));
}

TEST(Expression, NamesTheLineWhenThereAreSeveral) {
  EXPECT_THAT(evaluated("true &&\n  1 / 0 == 1").why().message,
              HasSubstr("failed at line 2, column 5: division by zero"));
}

TEST(Expression, CutsALongSourceInTheMiddle) {
  const auto message = evaluated("'" + std::string(500, 'x') + "' + 1").why().message;

  EXPECT_THAT(message, StartsWith("expression `'xxx"));
  EXPECT_THAT(message, HasSubstr("xxx...xxx"));
  EXPECT_THAT(message, EndsWith("xxx' + 1` failed at column 504: no such overload: string + int"));
  EXPECT_LT(message.size(), 300U);
}

TEST(Expression, NamesTheTypesThatDoNotFit) {
  EXPECT_EQ(reason_of("1 + 'a'"), "no such overload: int + string");
  EXPECT_EQ(reason_of("1 + 1.0"), "no such overload: int + double");
  EXPECT_EQ(reason_of("[1] < [2]"), "no such overload: list < list");
  EXPECT_EQ(reason_of("-true"), "no such overload: -bool");
  EXPECT_EQ(reason_of("!1"), "no such overload: !int");
  EXPECT_EQ(reason_of("size(1)"), "no such overload: size(int)");
  EXPECT_EQ(reason_of("'a'.charAt('b')"), "no such overload: string.charAt(string)");
  EXPECT_EQ(reason_of("1.all(x, true)"), "no such overload: int.all");
  EXPECT_EQ(reason_of("'a' ? 1 : 2"), "expected a bool, not string");
  EXPECT_EQ(reason_of("true && 1"), "expected a bool, not int");
  EXPECT_EQ(reason_of("input.name", value("text")), "string has no field name");
  EXPECT_EQ(reason_of("has(input.name)"), "null_type has no field name");
  EXPECT_EQ(reason_of("'a'[0]"), "no such overload: string[int]");
  EXPECT_EQ(reason_of("[1]['a']"), "no such overload: list[string]");
}

TEST(Expression, FailsWhereTheLanguageDoes) {
  EXPECT_EQ(reason_of("{'a': 1}['b']"), "no such key: b");
  EXPECT_EQ(reason_of("{'a': 1}[null]"), "no such key: null_type");
  EXPECT_EQ(reason_of("[1, 2][2]"), "index out of range: 2");
  EXPECT_EQ(reason_of("[1, 2][-1]"), "index out of range: -1");
  EXPECT_EQ(reason_of("[1, 2][0.5]"), "no whole number: 0.5");
  EXPECT_EQ(reason_of("[1, 2][0.0 / 0.0]"), "no whole number: NaN");
  EXPECT_EQ(reason_of("[1, 2][1e300]"), "index out of range: 1e+300");
  EXPECT_EQ(reason_of("9223372036854775807 + 1"), "integer overflow");
  EXPECT_EQ(reason_of("-9223372036854775808 % -1"), "integer overflow");
  EXPECT_EQ(reason_of("0u - 1u"), "unsigned integer overflow");
  EXPECT_EQ(reason_of("1 / 0"), "division by zero");
  EXPECT_EQ(reason_of("1u % 0u"), "modulus by zero");
  EXPECT_EQ(reason_of("int('12x')"), "no int: \"12x\"");
  EXPECT_EQ(reason_of("int('0x10')"), "no int: \"0x10\"");
  EXPECT_EQ(reason_of("int(1e30)"), "double out of range for int");
  EXPECT_EQ(reason_of("uint(-1)"), "int out of range for uint");
  EXPECT_EQ(reason_of("double('1e999')"), "no double: \"1e999\"");
  EXPECT_EQ(reason_of("bool('yes')"), "no bool: \"yes\"");
  EXPECT_EQ(reason_of("string(b'\\xff')"), "invalid UTF-8");
  EXPECT_EQ(reason_of("{1: 1, 1.0: 2}"), "unsupported key type: double");
  EXPECT_EQ(reason_of("{1: 1, 1u: 2}"), "repeated key: 1");
}

TEST(Expression, LetsTheDecidingSideOutweighAFailure) {
  EXPECT_EQ(result_of("1 / 0 == 1 || true"), value(true));
  EXPECT_EQ(result_of("input.missing.deep && false", value::map()), value(false));
  EXPECT_EQ(result_of("[0, 1].exists(x, 1 / x == 1)"), value(true));
  EXPECT_EQ(result_of("[0, 1].all(x, 1 / x == 2)"), value(false));
  EXPECT_EQ(reason_of("input.first || 1 / 0 == 1", value::map()), "no such key: first");
}

TEST(Expression, ComparesNumbersAcrossKindsAndMapsDeeply) {
  EXPECT_EQ(result_of("input == [1.0, {'a': 2u}]", value::list({1, value::map({{"a", 2.0}})})),
            value(true));
  EXPECT_EQ(result_of("[0.0 / 0.0] == [0.0 / 0.0]"), value(false));
  EXPECT_EQ(result_of("input == input", value(std::nan(""))), value(false));
  EXPECT_EQ(result_of("input.a == input.b", value::map({{"a", 0.0}, {"b", -0.0}})), value(true));
  EXPECT_EQ(result_of("-1 < 18446744073709551615u && 2.5 > 2"), value(true));
}

TEST(Expression, KeepsAMissingKeyApartFromNull) {
  const auto input = value::map({{"a", nullptr}});

  EXPECT_EQ(result_of("has(input.a) && input.a == null", input), value(true));
  EXPECT_EQ(result_of("has(input.b)", input), value(false));
}

TEST(Expression, NestsMacrosAndGivesInnerNamesPriority) {
  EXPECT_EQ(result_of("[1, 2].map(x, [10, 20].map(y, x * y))"),
            value::list({value::list({10, 20}), value::list({20, 40})}));
  EXPECT_EQ(result_of("[1, 2].map(x, [x + 10].map(x, x)[0] + x)"), value::list({12, 14}));
  EXPECT_EQ(result_of("[1, 2].map(input, input) + [.input]", value("outer")),
            value::list({1, 2, "outer"}));
  EXPECT_EQ(result_of("[1].map(input, .input)", value("outer")), value::list({"outer"}));
  EXPECT_EQ(result_of("[1, 2, 3, 4].map(x, x % 2 == 0, x * x)"), value::list({4, 16}));
  EXPECT_EQ(result_of("input.filter(key, input[key] > 1)", value::map({{"a", 1}, {"b", 2}})),
            value::list({"b"}));
}

TEST(Expression, TellsWhichVariablesAndMembersItReads) {
  const std::array<std::string_view, 3> variables = {"input", "env", "run"};
  const auto compiled = expression::compile(
      "env.A + env['B'] + (has(env.C) ? input.env.D : env[input.x]) + [1].map(env, env.E)[0]",
      variables);

  std::vector<std::string> members;
  std::vector<std::size_t> offsets;
  for (const auto& [member, offset] : compiled.members_of("env")) {
    members.push_back(member);
    offsets.push_back(offset);
  }
  EXPECT_THAT(members, ElementsAre("A", "B", "C"));
  EXPECT_THAT(offsets, ElementsAre(4U, 12U, 28U));
  EXPECT_TRUE(compiled.uses("env"));
  EXPECT_TRUE(compiled.uses("input"));
  EXPECT_FALSE(compiled.uses("run"));
  EXPECT_FALSE(compiled.uses("other"));
}

TEST(Expression, RefusesAnotherNumberOfVariables) {
  const auto compiled = expression::compile("1", names);

  EXPECT_THAT(compiled.evaluate({}).why().message, HasSubstr("it takes 2 variables, not 0"));
}

TEST(Expression, TakesMoreVariablesThanUsual) {
  const std::array<std::string_view, 10> many = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  const value last(7);
  const value other;
  std::vector<expression_variable> given(9, other);
  given.emplace_back(last);

  EXPECT_EQ(*expression::compile("j + 1", many).evaluate(given), value(8));
}

TEST(Expression, StaysTheSameWhenItIsCopiedAndEvaluatedAgain) {
  auto original = expression::compile("input.map(x, x * 2)", names);
  const std::vector<expression> copies(2, original);
  const auto& copy = copies.back();
  const value list = value::list({1, 2});
  const value text("no list");
  const context entries;
  const std::array<expression_variable, 2> good = {list, entries};
  const std::array<expression_variable, 2> bad = {text, entries};

  EXPECT_EQ(*original.evaluate(good), value::list({2, 4}));
  EXPECT_FALSE(copy.evaluate(bad));
  EXPECT_EQ(*copy.evaluate(good), value::list({2, 4}));
  EXPECT_EQ(copy.source(), "input.map(x, x * 2)");
}

} // namespace
} // namespace troupe
