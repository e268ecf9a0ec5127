#include "expression_fixture.hpp"

namespace troupe {
namespace {

using namespace testing_support;

value texts(std::initializer_list<const char*> items) {
  value::list_type result;
  for (const auto* item : items) result.emplace_back(item);
  return value::list(std::move(result));
}

TEST(TextFunctions, CountInCodePoints) {
  EXPECT_EQ(result_of("size(input)", value("h\u00e9llo \U0001F600")), value(7));
  EXPECT_EQ(result_of("'h\u00e9llo'.substring(1, 3)"), value("\u00e9l"));
  EXPECT_EQ(result_of("'\u00e9\u00e9x'.indexOf('x')"), value(2));
  EXPECT_EQ(result_of("'\u00e9x\u00e9x'.lastIndexOf('x', 2)"), value(1));
  EXPECT_EQ(result_of("'a\U0001F600b'.charAt(1)"), value("\U0001F600"));
  EXPECT_EQ(result_of("'a\u00e9\U0001F600'.reverse()"), value("\U0001F600\u00e9a"));
}

TEST(TextFunctions, TakeEachByteThatIsNoUtf8AsACharacter) {
  const value input(std::string("a\xff\xc3z\xf0\x9f"));

  EXPECT_EQ(result_of("size(input)", input), value(6));
  EXPECT_EQ(result_of("input.charAt(1)", input), value(std::string("\xff")));
  EXPECT_EQ(result_of("input.reverse().reverse() == input", input), value(true));
  EXPECT_EQ(result_of("input.split('').join() == input", input), value(true));
  EXPECT_EQ(result_of("strings.quote(input)", input), value("\"a\ufffd\ufffdz\ufffd\ufffd\""));
  EXPECT_EQ(result_of("input.trim().upperAscii().size()", input), value(6));
  EXPECT_EQ(result_of("input.matches('z')", input), value(true));
  EXPECT_EQ(result_of("input.replace('', '-').size()", input), value(13));
  EXPECT_EQ(result_of("'%s'.format([bytes(input)])", input), value("a\ufffd\ufffdz\ufffd\ufffd"));
}

TEST(TextFunctions, TakeTheEndAsAPlace) {
  EXPECT_EQ(result_of("'abc'.substring(3)"), value(""));
  EXPECT_EQ(result_of("'abc'.charAt(3)"), value(""));
  EXPECT_EQ(result_of("'abc'.indexOf('', 3)"), value(3));
  EXPECT_EQ(result_of("'abc'.lastIndexOf('', 3)"), value(3));
  EXPECT_EQ(reason_of("'abc'.substring(4)"), "index out of range: 4");
  EXPECT_EQ(reason_of("'abc'.indexOf('a', -1)"), "index out of range: -1");
  EXPECT_EQ(reason_of("'abc'.substring(2, 1)"), "the substring ends at 1, before it starts at 2");
}

TEST(TextFunctions, FindTheFirstAndTheLastPlace) {
  const std::string part(40, 'x');

  EXPECT_EQ(result_of("'banana'.lastIndexOf('ana')"), value(3));
  EXPECT_EQ(result_of("'banana'.lastIndexOf('ana', 2)"), value(1));
  EXPECT_EQ(result_of("'banana'.indexOf('ana', 2)"), value(3));
  EXPECT_EQ(result_of("('a' + input + 'x').indexOf(input)", value(part)), value(1));
  EXPECT_EQ(result_of("('a' + input + 'x').lastIndexOf(input)", value(part)), value(2));
  EXPECT_EQ(result_of("('a' + input + 'x').indexOf(input, 3)", value(part)), value(-1));
}

TEST(TextFunctions, Replace) {
  EXPECT_EQ(result_of("'aaaa'.replace('aa', 'b')"), value("bb"));
  EXPECT_EQ(result_of("'aaa'.replace('a', 'bb', 2)"), value("bbbba"));
  EXPECT_EQ(result_of("'aaa'.replace('a', '', -1)"), value(""));
  EXPECT_EQ(result_of("'aaa'.replace('a', 'b', 0)"), value("aaa"));
  EXPECT_EQ(result_of("'ab'.replace('', '-')"), value("-a-b-"));
  EXPECT_EQ(result_of("'ab'.replace('', '-', 2)"), value("-a-b"));
  EXPECT_EQ(result_of("''.replace('', '-')"), value("-"));
}

TEST(TextFunctions, SplitAndJoin) {
  EXPECT_EQ(result_of("'a,b,,c'.split(',')"), texts({"a", "b", "", "c"}));
  EXPECT_EQ(result_of("'a,b,c'.split(',', 2)"), texts({"a", "b,c"}));
  EXPECT_EQ(result_of("'abc'.split('', 2)"), texts({"a", "bc"}));
  EXPECT_EQ(result_of("''.split(',')"), texts({""}));
  EXPECT_EQ(result_of("''.split('')"), texts({}));
  EXPECT_EQ(result_of("'abc'.split(',', 0)"), texts({}));
  EXPECT_EQ(result_of("['a', 'b'].join(', ')"), value("a, b"));
  EXPECT_EQ(reason_of("['a', 1].join()"), "no such overload: join of a list with int");
}

TEST(TextFunctions, Format) {
  EXPECT_EQ(result_of("'%s has %d of %x'.format(['Ada', 3, 255])"), value("Ada has 3 of ff"));
  EXPECT_EQ(result_of("'%.2f %.1e %b %o %X'.format([1.005, 12345.0, -5, 8, 'hi'])"),
            value("1.00 1.2e+04 -101 10 6869"));
  EXPECT_EQ(result_of("'%.0f'.format([1.0e308])").if_text()->size(), 309U);
  EXPECT_EQ(result_of("'%s'.format([input])", value::map({{"b", 1}, {"a", nullptr}})),
            value("{a: null, b: 1}"));
  EXPECT_EQ(reason_of("'%'.format([1])"), "format: the text ends within a clause");
  EXPECT_EQ(reason_of("'%.f'.format([1.0])"), "format: a precision is a number up to 1000");
  EXPECT_EQ(reason_of("'%.9999999999f'.format([1.0])"),
            "format: a precision is a number up to 1000");
  EXPECT_EQ(reason_of("'%\u00e9'.format([1.0])"), "format: unknown clause %\u00e9");
  EXPECT_EQ(reason_of("'%s'.format([])"), "format: index 0 out of range");
  EXPECT_EQ(reason_of("'%d'.format([1.5])"), "format: %d does not take double");
}

TEST(TextFunctions, WriteNumbersAsTextThatIsReadAsTheSameNumber) {
  EXPECT_EQ(result_of("[string(1.0), string(0.1), string(1e21), string(-2.5e-7), string(12u)]"),
            texts({"1", "0.1", "1e+21", "-2.5e-07", "12"}));
  EXPECT_EQ(result_of("[string(0.0 / 0.0), string(1.0 / 0.0), string(-1.0 / 0.0)]"),
            texts({"NaN", "Infinity", "-Infinity"}));
  EXPECT_EQ(result_of("[double('1e-999'), double('-.5'), double('Infinity')] == "
                      "[0.0, -0.5, 1.0 / 0.0]"),
            value(true));
  EXPECT_EQ(result_of("[int('-12'), int('+7'), int(-1.9), uint('3')]"),
            value::list({-12, 7, -1, 3}));
  EXPECT_EQ(reason_of("double('')"), "no double: \"\"");
  EXPECT_EQ(reason_of("double('nan(1)')"), "no double: \"nan(1)\"");
  EXPECT_EQ(reason_of("double('+-1')"), "no double: \"+-1\"");
  EXPECT_EQ(reason_of("int(' 1')"), "no int: \" 1\"");
}

TEST(TextFunctions, MatchAnywhereInTheText) {
  EXPECT_EQ(result_of("'foobar'.matches('o+b') && !'foobar'.matches('^o')"), value(true));
  EXPECT_EQ(result_of("matches(input, '(?i)WORLD')", value("hello world")), value(true));
  EXPECT_EQ(result_of("'a'.matches(input)", value("^a$")), value(true));
}

} // namespace
} // namespace troupe
