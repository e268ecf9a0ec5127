#include "expression_fixture.hpp"

namespace troupe {
namespace {

using namespace testing_support;
using testing::HasSubstr;

std::string repeated(std::string_view part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += part;
  return text;
}

TEST(ExpressionSyntax, ReadsEveryFormOfNumber) {
  EXPECT_EQ(result_of("[0x1F, -0xf, 12, -9223372036854775808]"),
            value::list({31, -15, 12, std::numeric_limits<std::int64_t>::min()}));
  EXPECT_EQ(result_of("[1.5, .5, 1e3, 2.5E-1, -1.0, 1e-400]"),
            value::list({1.5, 0.5, 1000.0, 0.25, -1.0, 0.0}));
  EXPECT_EQ(result_of("[7u, 0xFFu, 1U]"), value::list({7, 255, 1}));
}

TEST(ExpressionSyntax, FoldsTheSignIntoTheNumberBeforeMembers) {
  EXPECT_EQ(result_of("-1.0 + 2.0 * 3.0 - 1.0"), value(4.0));
  EXPECT_EQ(result_of("2 - -1"), value(3));
  EXPECT_EQ(result_of("- - 5"), value(5));
}

TEST(ExpressionSyntax, BindsOperatorsAsUsual) {
  EXPECT_EQ(result_of("1 + 2 * 3 == 7 && !false || false"), value(true));
  EXPECT_EQ(result_of("10 - 3 - 2"), value(5));
  EXPECT_EQ(result_of("true ? 1 : false ? 2 : 3"), value(1));
  EXPECT_EQ(result_of("false ? 1 : false ? 2 : 3"), value(3));
  EXPECT_EQ(result_of("1 in [1] && 2 in {2: 1}"), value(true));
}

TEST(ExpressionSyntax, SkipsBlanksAndComments) {
  EXPECT_EQ(result_of("1 // one }}\n + \t\r\n\f 2 // two"), value(3));
}

TEST(ExpressionSyntax, AllowsATrailingCommaInListsAndMaps) {
  EXPECT_EQ(result_of("[1, 2,]"), value::list({1, 2}));
  EXPECT_EQ(result_of("{'a': 1,}"), value::map({{"a", 1}}));
  EXPECT_EQ(refusal_of("size([],)").message, "expected an argument, not `)`");
}

TEST(ExpressionSyntax, ResolvesEscapes) {
  EXPECT_EQ(result_of(R"('\x41\101\u00e9\U0001F600\n\'')"), value("AA\u00e9\U0001F600\n'"));
  EXPECT_EQ(result_of(R"(r'\n' + R"\d")"), value("\\n\\d"));
  EXPECT_EQ(result_of(R"("""a "quoted" 'text'""")"), value("a \"quoted\" 'text'"));
  EXPECT_EQ(result_of(R"(b'\xff\377é')"), value::binary({255, 255, 0xc3, 0xa9}));
}

TEST(ExpressionSyntax, RefusesBadEscapes) {
  EXPECT_EQ(refusal_of(R"('a\q')"), (refusal{2, "unknown escape sequence"}));
  EXPECT_EQ(refusal_of(R"('a\x4')"), (refusal{2, "incomplete escape sequence"}));
  EXPECT_EQ(refusal_of(R"('\ud800')"), (refusal{1, "escape sequence for no character"}));
  EXPECT_EQ(refusal_of(R"('\U00110000')"), (refusal{1, "escape sequence for no character"}));
  EXPECT_EQ(refusal_of(R"(b'\u0041')"), (refusal{2, "unknown escape sequence"}));
  EXPECT_EQ(refusal_of(R"('\400')"), (refusal{1, "unknown escape sequence"}));
}

TEST(ExpressionSyntax, PointsAtWhatItDoesNotUnderstand) {
  EXPECT_EQ(refusal_of(""), (refusal{0, "the expression is empty"}));
  EXPECT_EQ(refusal_of("1 +"), (refusal{3, "expected a value, not the end"}));
  EXPECT_EQ(refusal_of("1 2"), (refusal{2, "expected an operator or the end, not `2`"}));
  EXPECT_EQ(refusal_of("(1"), (refusal{2, "expected `)`, not the end"}));
  EXPECT_EQ(refusal_of("[1 2]"), (refusal{3, "expected `]`, not `2`"}));
  EXPECT_EQ(refusal_of("{1}"), (refusal{2, "expected `:`, not `}`"}));
  EXPECT_EQ(refusal_of("input."), (refusal{6, "expected a name, not the end"}));
  EXPECT_EQ(refusal_of("input.true"), (refusal{6, "expected a name, not `true`"}));
  EXPECT_EQ(refusal_of("true ? 1"), (refusal{8, "expected `:`, not the end"}));
  EXPECT_EQ(refusal_of("input = 1"), (refusal{6, "unexpected `=` (did you mean ==?)"}));
  EXPECT_EQ(refusal_of("input & 1"), (refusal{6, "unexpected `&`"}));
  EXPECT_EQ(refusal_of("input # 1"), (refusal{6, "unexpected `#`"}));
  EXPECT_EQ(refusal_of("1 \xe2\x82\xac 2"), (refusal{2, "unexpected `\xe2\x82\xac`"}));
  EXPECT_EQ(refusal_of("'abc"), (refusal{0, "string without an end"}));
  EXPECT_EQ(refusal_of("'a\nb'"), (refusal{0, "string without an end"}));
  EXPECT_EQ(refusal_of("b\"\"\"abc\"\""), (refusal{0, "bytes without an end"}));
  EXPECT_EQ(refusal_of("for"), (refusal{0, "`for` is a reserved word"}));
  EXPECT_EQ(refusal_of("input?.a").message, "expected `:`, not the end");
}

TEST(ExpressionSyntax, RefusesNumbersThatDoNotFit) {
  EXPECT_EQ(refusal_of("1 + 9223372036854775808"),
            (refusal{4, "9223372036854775808 does not fit an int"}));
  EXPECT_EQ(refusal_of("-9223372036854775809").offset, 0U);
  EXPECT_EQ(refusal_of("18446744073709551616u").message,
            "18446744073709551616u does not fit a uint");
  EXPECT_EQ(refusal_of("1e400").message, "the number 1e400 is too large");
}

TEST(ExpressionSyntax, RefusesMessages) {
  EXPECT_EQ(refusal_of("input.Order{total: 1}"), (refusal{11, "messages are not supported"}));
  EXPECT_EQ(refusal_of("Order{}"), (refusal{5, "messages are not supported"}));
}

TEST(ExpressionSyntax, RefusesUnknownNamesWithTheNearestKnownOne) {
  EXPECT_EQ(refusal_of("1 + inptu.a"),
            (refusal{4, "unknown variable inptu (did you mean input?)"}));
  EXPECT_EQ(refusal_of("other"), (refusal{0, "unknown variable other"}));
  EXPECT_EQ(refusal_of("input.lowerASCII()"),
            (refusal{6, "unknown function lowerASCII (did you mean lowerAscii?)"}));
  EXPECT_EQ(refusal_of("sizeof(input)"),
            (refusal{0, "unknown function sizeof (did you mean size?)"}));
  EXPECT_EQ(refusal_of("input.exist(x, x)").message,
            "unknown function exist (did you mean exists?)");
  EXPECT_EQ(refusal_of("contains(input, 'a')").message,
            "unknown function contains without a receiver (did you mean value.contains(...)?)");
  EXPECT_EQ(refusal_of("input.int()").message,
            "unknown function int after a dot (did you mean int(...)?)");
  EXPECT_EQ(refusal_of("true || nothing").message, "unknown variable nothing");
}

TEST(ExpressionSyntax, RefusesAWrongNumberOfArguments) {
  EXPECT_EQ(refusal_of("'a'.charAt()"), (refusal{4, "charAt takes 1 argument, not 0"}));
  EXPECT_EQ(refusal_of("'a'.indexOf('a', 1, 2)"),
            (refusal{4, "indexOf takes 1 or 2 arguments, not 3"}));
  EXPECT_EQ(refusal_of("size(1, 2)").message, "size takes 1 argument, not 2");
  EXPECT_EQ(refusal_of("input.all(x)").message, "all takes 2 arguments, not 1");
  EXPECT_EQ(refusal_of("input.map(x, x, x, x)").message, "map takes 2 or 3 arguments, not 4");
  EXPECT_EQ(refusal_of("input.all(input.x, true)"),
            (refusal{16, "the first argument of all must be a plain name"}));
  EXPECT_EQ(refusal_of("has(input)").message, "has takes one member to look for: has(a.b)");
}

TEST(ExpressionSyntax, CompilesConstantPatternsAtOnce) {
  const auto bad = refusal_of("input.matches('a(b')");

  EXPECT_EQ(bad.offset, 14U);
  EXPECT_THAT(bad.message, HasSubstr("bad pattern: missing )"));
  EXPECT_THAT(refusal_of("matches(input, '[z-a]')").message, HasSubstr("bad pattern: "));
  EXPECT_THAT(reason_of("'ab'.matches(input)", value("(")), HasSubstr("bad pattern: "));
}

TEST(ExpressionSyntax, BoundsTheSizeOfAllPatterns) {
  const auto one = "'a'.matches(r'[\\pL\\pN]{100}')";

  EXPECT_THAT(refusal_of(repeated(std::string(one) + " || ", 1'000) + "true").message,
              HasSubstr("pattern"));
}

TEST(ExpressionSyntax, RefusesDeepNestingInsteadOfOverflowingTheStack) {
  constexpr std::size_t deep = 8'000;
  for (const auto& source :
       {repeated("(", deep), repeated("[", deep), repeated("{1:", deep), repeated("!", deep) + "1",
        repeated("-", deep) + "1", repeated("a[", deep), repeated("size(", deep),
        repeated("1+", deep) + "1", repeated("1<", deep) + "1", "input" + repeated(".a", deep),
        "input" + repeated("[0]", deep), "input" + repeated(".trim()", deep),
        repeated("true?1:", deep) + "1", repeated("[1].map(x,", deep), repeated("1 in [", deep)}) {
    EXPECT_THAT(refusal_of(source).message, HasSubstr("nests too deep")) << source.substr(0, 20);
  }
}

TEST(ExpressionSyntax, NestsAsDeepAsPeopleWrite) {
  EXPECT_EQ(result_of(repeated("(", 200) + "1" + repeated(")", 200)), value(1));
  EXPECT_EQ(result_of(repeated("1+", 400) + "1"), value(401));
  EXPECT_EQ(result_of(repeated("false || ", 5'000) + "true"), value(true));
  EXPECT_EQ(result_of(repeated("true && ", 5'000) + "false"), value(false));
}

TEST(ExpressionSyntax, RefusesATextThatIsTooLong) {
  EXPECT_THAT(refusal_of(std::string(200'000, ' ')).message, HasSubstr("longer than 100000 bytes"));
}

TEST(ExpressionSyntax, RefusesInvalidUtf8) {
  EXPECT_EQ(refusal_of("'ab\xff'"), (refusal{3, "invalid UTF-8"}));
  EXPECT_EQ(refusal_of("1 // \xc3"), (refusal{5, "invalid UTF-8"}));
  EXPECT_EQ(refusal_of("\xed\xa0\x80").message, "invalid UTF-8");
}

} // namespace
} // namespace troupe
