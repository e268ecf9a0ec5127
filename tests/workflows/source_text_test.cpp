#include "source_text.hpp"

#include <gmock/gmock.h>

namespace troupe {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string shown(const diagnostic& what, const source_text& source) {
  return render(what, source);
}

std::string shown(const std::string& text, text_position at) {
  return shown({.at = at, .message = "no"}, {.name = "f.yaml", .text = text});
}

/// The two lines below the message.
std::string excerpt(const std::string& text, text_position at) {
  const auto all = shown(text, at);
  return all.substr(all.find('\n') + 1);
}

TEST(SourceText, ShowsThePlaceTheLineAndACaret) {
  EXPECT_EQ(shown("a: 1\nbc: 2\n", {.line = 2, .column = 5}), "f.yaml:2:5: error: no\n"
                                                              "bc: 2\n"
                                                              "    ^");
}

TEST(SourceText, CallsAWarningAWarning) {
  const diagnostic odd{.at = {}, .message = "odd", .is_warning = true};

  EXPECT_THAT(render(odd, {.name = "f", .text = "a"}), StartsWith("f:1:1: warning: odd\n"));
}

TEST(SourceText, KeepsTheCaretBelowItsPlaceBehindTabs) {
  EXPECT_EQ(excerpt("\ta\tb", {.line = 1, .column = 4}), "\ta\tb\n\t \t^");
}

TEST(SourceText, CountsCharactersAndAlignsWideOnes) {
  EXPECT_EQ(excerpt("é: x", {.line = 1, .column = 4}), "é: x\n   ^");
  EXPECT_EQ(excerpt("中文: x", {.line = 1, .column = 5}), "中文: x\n      ^");
  EXPECT_EQ(excerpt("e\u0301: x", {.line = 1, .column = 5}), "e\u0301: x\n   ^");
}

TEST(SourceText, ShowsNothingThatATerminalWouldObey) {
  const std::string text("a\x1b[31m\x07 \xff\u202e b");
  const auto result =
      shown({.at = {}, .message = "bad\x1b key\t\xfe"}, {.name = "f\x1b\n.yaml", .text = text});

  EXPECT_THAT(result, StartsWith("f??.yaml:1:1: error: bad? key\t\uFFFD\n"));
  EXPECT_THAT(result, HasSubstr("\na?[31m? \uFFFD? b\n"));
}

TEST(SourceText, IndentsTheLinesOfAMessage) {
  EXPECT_THAT(shown({.at = {}, .message = "one\ntwo"}, {.name = "f", .text = "a"}),
              StartsWith("f:1:1: error: one\n  two\na\n"));
}

TEST(SourceText, CutsALongMessage) {
  const diagnostic long_one{.at = {}, .message = std::string(100'000, 'x')};

  EXPECT_LT(render(long_one, {.name = "f", .text = "a"}).size(), 1200U);
}

TEST(SourceText, ShowsALongLineAroundThePlace) {
  std::string text(5000, 'x');
  text[2500] = '!';

  const auto result = excerpt(text, {.line = 1, .column = 2501});

  EXPECT_THAT(result, StartsWith("…x"));
  EXPECT_LT(result.size(), 300U);
  const auto end = result.find('\n');
  EXPECT_THAT(result.substr(0, end), EndsWith("x…"));
  // The ellipsis takes three bytes and one cell.
  EXPECT_EQ(result.find('!') - 2, result.find('^') - end - 1);
}

TEST(SourceText, ShowsTheEndsOfALongLineWithoutAnEllipsisThere) {
  const std::string text(1000, 'x');

  EXPECT_THAT(excerpt(text, {.line = 1, .column = 1}), StartsWith("x"));
  EXPECT_THAT(excerpt(text, {.line = 1, .column = 1000}), Not(HasSubstr("x…")));
  EXPECT_EQ(excerpt(std::string(160, 'x'), {.line = 1, .column = 160}),
            std::string(160, 'x') + '\n' + std::string(159, ' ') + '^');
}

TEST(SourceText, TakesAPlaceBeyondTheLineAsItsEnd) {
  EXPECT_EQ(excerpt("ab\ncd", {.line = 1, .column = 99}), "ab\n  ^");
  EXPECT_EQ(excerpt("ab", {.line = 7, .column = 3}), "\n^");
  EXPECT_EQ(excerpt("", {}), "\n^");
}

TEST(SourceText, KnowsEveryKindOfLineBreak) {
  EXPECT_EQ(excerpt("a\r\nb\r\nc", {.line = 2, .column = 1}), "b\n^");
  EXPECT_EQ(excerpt("a\rb\n\nc", {.line = 4, .column = 2}), "c\n ^");
  EXPECT_EQ(excerpt("a\n\nc", {.line = 2, .column = 1}), "\n^");
}

TEST(SourceText, LeavesTheByteOrderMarkOut) {
  EXPECT_EQ(excerpt("\uFEFFab: 1", {.line = 1, .column = 2}), "ab: 1\n ^");
}

TEST(SourceText, ListsAllInTheOrderOfTheFile) {
  const source_text source{.name = "f", .text = "a\nb\n"};

  const auto all = render({{.at = {.line = 2, .column = 1}, .message = "later"},
                           {.at = {.line = 1, .column = 1}, .message = "first"},
                           {.at = {.line = 2, .column = 1}, .message = "last"}},
                          source);

  EXPECT_EQ(all, "f:1:1: error: first\na\n^\n"
                 "f:2:1: error: later\nb\n^\n"
                 "f:2:1: error: last\nb\n^\n");
  EXPECT_THAT(render(std::vector<diagnostic>{}, source), IsEmpty());
}

TEST(SourceText, FindsPlacesOfOneLongLineQuickly) {
  const source_text source{.name = "f", .text = std::string(1 << 20, 'x')};
  const std::vector<diagnostic> many(2000, {.at = {.line = 1, .column = 1 << 20}, .message = "x"});

  // Without an index of the line this would read two gigabytes.
  EXPECT_GT(render(many, source).size(), many.size() * 160);
}

const std::vector<std::string> options{"max_retries", "initial_delay", "backoff", "ttl"};

TEST(NearMiss, SuggestsTheNearestName) {
  EXPECT_EQ(near_miss("max_retry", options), " (did you mean max_retries?)");
  EXPECT_EQ(near_miss("maxRetries", options), " (did you mean max_retries?)");
  EXPECT_EQ(near_miss("bakcoff", options), " (did you mean backoff?)");
  EXPECT_EQ(near_miss("BACKOFF", options), " (did you mean backoff?)");
}

TEST(NearMiss, CountsAnExchangeOfNeighborsAsOneEdit) {
  EXPECT_EQ(near_miss("tlt", options), " (did you mean ttl?)");
}

TEST(NearMiss, PrefersTheSmallerDistanceAndThenTheFirst) {
  EXPECT_EQ(near_miss("steps", {"stages", "step"}), " (did you mean step?)");
  EXPECT_EQ(near_miss("steb", {"step", "stew"}), " (did you mean step?)");
}

TEST(NearMiss, IsSilentWhenNothingIsNear) {
  EXPECT_THAT(near_miss("colour", options), IsEmpty());
  EXPECT_THAT(near_miss("tx", options), IsEmpty());
  EXPECT_THAT(near_miss("", options), IsEmpty());
  EXPECT_THAT(near_miss("a", {}), IsEmpty());
  EXPECT_THAT(near_miss(std::string(1 << 20, 'a'), {std::string(1 << 20, 'b')}), IsEmpty());
}

} // namespace
} // namespace troupe
