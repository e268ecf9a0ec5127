#include "expression_fixture.hpp"

#include <ctime>

namespace troupe {
namespace {

using namespace testing_support;
using testing::HasSubstr;

constexpr auto too_expensive = "it takes more than 1000000 steps";

value numbers(int count) {
  value::list_type items;
  for (int number = 0; number < count; ++number) items.emplace_back(number);
  return value::list(std::move(items));
}

value text_of(std::size_t size) {
  return value(std::string(size, 'a'));
}

// Measures processor time, as the machine may be busy. The limit is far more than any of them
// needs, sanitizers and all; without limits they need hours.
class ExpressionLimits : public testing::Test {
protected:
  void TearDown() override {
    constexpr double seconds = 20;
    EXPECT_LT(static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC, seconds);
  }

private:
  std::clock_t start_ = std::clock();
};

TEST_F(ExpressionLimits, StopNestedLoops) {
  const auto input = numbers(1'000);

  EXPECT_EQ(reason_of("input.all(a, input.all(b, input.all(c, true)))", input), too_expensive);
  EXPECT_EQ(reason_of("input.map(a, input.map(b, input.map(c, c)))", input), too_expensive);
  EXPECT_EQ(reason_of("input.exists(a, input.exists_one(b, input.filter(c, c == a) == []))", input),
            too_expensive);
}

TEST_F(ExpressionLimits, AreNoFailureThatLogicAbsorbs) {
  const auto input = numbers(2'000);

  EXPECT_EQ(reason_of("input.all(a, input.all(b, true)) || true", input), too_expensive);
  EXPECT_EQ(reason_of("input.exists(a, input.all(b, true) && false)", input), too_expensive);
}

TEST_F(ExpressionLimits, StopListsAndTextsThatDouble) {
  std::string lists = "[[1, 2, 3, 4]]";
  std::string texts = "['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']";
  for (int i = 0; i < 40; ++i) {
    lists += ".map(x, x + x)";
    texts += ".map(x, x + x)";
  }

  EXPECT_EQ(reason_of(lists), too_expensive);
  EXPECT_EQ(reason_of(texts), too_expensive);
}

TEST_F(ExpressionLimits, StopResultsThatAreSmallOnlyWhileShared) {
  std::string shared = "['aaaaaaaa']";
  std::string read_in_place = "[input]";
  for (int i = 0; i < 40; ++i) {
    shared += ".map(x, [x, x])";
    read_in_place += ".map(x, [x, x])";
  }

  EXPECT_EQ(reason_of(shared), too_expensive);
  EXPECT_EQ(reason_of(read_in_place, numbers(10)), too_expensive);
  EXPECT_EQ(reason_of(shared + " == " + shared), too_expensive);
  EXPECT_EQ(reason_of("'%s'.format([" + shared + "])"), too_expensive);
  EXPECT_EQ(reason_of("input.items.map(x, input)",
                      value::map({{"items", numbers(1'000)}, {"text", text_of(1 << 20)}})),
            too_expensive);
}

TEST_F(ExpressionLimits, StopTextsThatGrowInFunctions) {
  const auto input = text_of(100'000);

  EXPECT_EQ(reason_of("input.replace('a', input)", input), too_expensive);
  EXPECT_EQ(reason_of("input.replace('', input)", input), too_expensive);
  EXPECT_EQ(reason_of("input.split('').join(input)", input), too_expensive);
  EXPECT_EQ(reason_of("input.split('').map(x, input + x).size()", input), too_expensive);
  EXPECT_EQ(reason_of("input.split('').map(x, '%s%s'.format([input, x])).size()", input),
            too_expensive);
  EXPECT_EQ(reason_of("input.split('').map(x, input.upperAscii()).size()", input), too_expensive);
  EXPECT_EQ(reason_of("input.split('').map(x, '%.1000f'.format([1.0])).size()", input),
            too_expensive);
}

TEST_F(ExpressionLimits, StopSearchesThatReadTooMuch) {
  const auto input = value::map({{"text", text_of(2'000'000)}, {"items", numbers(100)}});

  EXPECT_EQ(reason_of("input.items.all(x, !input.text.contains('ab'))", input), too_expensive);
  EXPECT_EQ(reason_of("input.items.all(x, !input.text.matches('(a|aa)*b'))", input), too_expensive);
  EXPECT_EQ(reason_of("input.items.all(x, input.text == input.text + '')", input), too_expensive);
  EXPECT_EQ(reason_of("input.items.all(x, input.text <= input.text)", input), too_expensive);
  EXPECT_EQ(reason_of("input.items.all(x, input.text.size() > 0)", input), too_expensive);
  EXPECT_EQ(reason_of("input.items.all(x, size(bytes(input.text)) > 0)", input), too_expensive);
}

TEST_F(ExpressionLimits, SearchInTimeInProportionToTheTexts) {
  const auto input =
      value::map({{"text", text_of(2'000'000)}, {"part", std::string(1'000'000, 'a') + "b"}});

  EXPECT_EQ(result_of("input.text.contains(input.part)", input), value(false));
  EXPECT_EQ(result_of("input.text.indexOf(input.part)", input), value(-1));
  EXPECT_EQ(result_of("input.text.lastIndexOf(input.part)", input), value(-1));
  EXPECT_EQ(result_of("input.text.replace(input.part, '').size()", input), value(2'000'000));
}

TEST_F(ExpressionLimits, StopPatternsThatAreMadeInALoop) {
  const auto input = numbers(10'000);

  EXPECT_EQ(reason_of("input.exists(x, 'a'.matches('[a-z]{' + string(x % 900) + '}b'))", input),
            too_expensive);
  EXPECT_EQ(reason_of("input.exists(x, 'a'.matches('(' + string(x)))", input), too_expensive);
}

TEST_F(ExpressionLimits, LetALoopUseOnePatternAgain) {
  EXPECT_EQ(result_of("input.list.all(x, string(x).matches(input.pattern))",
                      value::map({{"list", numbers(5'000)}, {"pattern", "^[0-9]+$"}})),
            value(true));
}

TEST_F(ExpressionLimits, BoundComparisonsOfDeepValues) {
  value one;
  value other;
  for (int depth = 0; depth < 100'000; ++depth) {
    one = value::list({one});
    other = value::list({other});
  }

  EXPECT_EQ(result_of("input[0] == input[1]", value::list({one, other})), value(true));
  EXPECT_THAT(reason_of("'%s'.format([input])", one), HasSubstr("nests too deep"));
  EXPECT_EQ(result_of("[input, input].size()", one), value(2));
}

TEST_F(ExpressionLimits, PassOnWhatIsReadInPlaceForNothing) {
  const auto input = value::map({{"text", text_of(50'000'000)}, {"items", numbers(1'000'000)}});

  const auto result = evaluated("{'all': input, 'text': input.text, 'items': input.items}", input,
                                {}, {.max_cost = 100});

  ASSERT_TRUE(result) << result.why().message;
  EXPECT_EQ(result->at("text").if_text(), input.at("text").if_text());
}

TEST_F(ExpressionLimits, AreWhatTheCallerWants) {
  EXPECT_TRUE(evaluated("1 + 2", {}, {}, {.max_cost = 3}));
  EXPECT_THAT(evaluated("1 + 2", {}, {}, {.max_cost = 2}).why().message,
              HasSubstr("failed at column 5: it takes more than 2 steps"));
  EXPECT_FALSE(evaluated("1", {}, {}, {.max_cost = 0}));
}

TEST_F(ExpressionLimits, LeaveRoomForWhatPeopleWrite) {
  EXPECT_EQ(result_of("input.filter(x, x % 2 == 0).map(x, x * x).all(x, x >= 0)", numbers(50'000)),
            value(true));
}

} // namespace
} // namespace troupe
