#include <troupe/protocol/unicode.hpp>

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace troupe {
namespace {

using ::testing::IsEmpty;

std::string encoded(char32_t scalar) {
  std::string text;
  append_code_point(scalar, text);
  return text;
}

// Streams take no characters of this kind.
std::uint32_t number(char32_t scalar) {
  return scalar;
}

struct malformed {
  const char* what;
  std::string_view bytes;
};

const malformed malformed_texts[] = {
    {"a byte that only continues", "\x80"},
    {"a first byte alone", "\xC3"},
    {"a first byte before a letter", "\xC3z"},
    {"three bytes cut short", "\xE2\x82"},
    {"four bytes cut short", "\xF0\x9F\x98"},
    {"two bytes for a letter", "\xC1\xBF"},
    {"three bytes where two are enough", "\xE0\x9F\xBF"},
    {"four bytes where three are enough", "\xF0\x8F\xBF\xBF"},
    {"the first surrogate", "\xED\xA0\x80"},
    {"the last surrogate", "\xED\xBF\xBF"},
    {"one beyond the last code point", "\xF4\x90\x80\x80"},
    {"a first byte that never occurs", "\xF5\x80\x80\x80"},
    {"another that never occurs", "\xFF"},
};

TEST(Unicode, ReadsTheFirstAndLastCodePointOfEachLength) {
  const std::vector<std::pair<std::string, char32_t>> edges{
      {std::string(1, '\0'), 0},
      {"\x7F", 0x7F},
      {"\xC2\x80", 0x80},
      {"\xDF\xBF", 0x7FF},
      {"\xE0\xA0\x80", 0x800},
      {"\xED\x9F\xBF", 0xD7FF},
      {"\xEE\x80\x80", 0xE000},
      {"\xEF\xBF\xBF", 0xFFFF},
      {"\xF0\x90\x80\x80", 0x10000},
      {"\xF4\x8F\xBF\xBF", 0x10FFFF},
  };
  for (const auto& [bytes, scalar] : edges) {
    const auto first = first_code_point(bytes + "tail");
    const auto last = last_code_point("head" + bytes);

    EXPECT_EQ(encoded(scalar), bytes);
    EXPECT_TRUE(first.valid && last.valid) << number(scalar);
    EXPECT_EQ(number(first.scalar), number(scalar));
    EXPECT_EQ(number(last.scalar), number(scalar));
    EXPECT_EQ(first.length, bytes.size());
    EXPECT_EQ(last.length, bytes.size());
  }
}

TEST(Unicode, TakesBytesThatBeginNoCodePointOneByOne) {
  for (const auto& [what, bytes] : malformed_texts) {
    const auto found = first_code_point(bytes);

    EXPECT_FALSE(found.valid) << what;
    EXPECT_EQ(number(found.scalar), 0xFFFDU) << what;
    EXPECT_EQ(found.length, 1) << what;
    EXPECT_EQ(find_invalid(bytes), 0U) << what;
  }
}

TEST(Unicode, FindsTheFirstInvalidByte) {
  EXPECT_EQ(find_invalid(""), std::string_view::npos);
  EXPECT_EQ(find_invalid("häuser €"), std::string_view::npos);
  EXPECT_EQ(find_invalid("h\xC3\xA4\xFFz\xFF"), 3U);
}

TEST(Unicode, ReplacesEveryInvalidByte) {
  EXPECT_EQ(with_replacements("häuser"), "häuser");
  EXPECT_EQ(with_replacements("a\xFF\xC3z"), "a\uFFFD\uFFFDz");
  EXPECT_EQ(with_replacements("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_THAT(with_replacements(""), IsEmpty());
}

TEST(Unicode, CountsInvalidBytesAsCodePointsOfTheirOwn) {
  EXPECT_EQ(count_code_points(""), 0U);
  EXPECT_EQ(count_code_points("aé€😀"), 4U);
  EXPECT_EQ(count_code_points("a\xFF\xC3z"), 4U);
}

TEST(Unicode, TellsHowManyBytesTheFirstCodePointsHave) {
  EXPECT_EQ(bytes_of("aé€", 0), 0U);
  EXPECT_EQ(bytes_of("aé€", 2), 3U);
  EXPECT_EQ(bytes_of("aé€", 3), 6U);
  EXPECT_EQ(bytes_of("aé€", 4), std::string_view::npos);
}

TEST(Unicode, KnowsAscii) {
  EXPECT_TRUE(is_ascii("plain\n"));
  EXPECT_FALSE(is_ascii("é"));
}

TEST(Unicode, CallsAControlWhatATerminalWouldObey) {
  for (const char32_t scalar :
       {U'\0', U'\x1B', U'\x7F', U'\x9B', U'\x200E', U'\x2028', U'\x202E', U'\x2066', U'\xFEFF'}) {
    EXPECT_TRUE(is_control(scalar)) << number(scalar);
  }
  for (const char32_t scalar : {U' ', U'~', U'\xA0', U'é', U'\u200D', U'‰', U'€', U'😀'}) {
    EXPECT_FALSE(is_control(scalar)) << number(scalar);
  }
}

TEST(Unicode, CountsTheCellsOfATerminal) {
  for (const char32_t scalar : {U'a', U'é', U'€', U'│', U'✓'}) EXPECT_EQ(cells_of(scalar), 1U);
  for (const char32_t scalar : {U'\u0301', U'\u200D', U'\uFE0F'}) EXPECT_EQ(cells_of(scalar), 0U);
  for (const char32_t scalar : {U'語', U'한', U'Ａ', U'⚡', U'😀', U'🚀'}) {
    EXPECT_EQ(cells_of(scalar), 2U) << number(scalar);
  }
}

RC_GTEST_PROP(Unicode, MakesAnyBytesValidAndKeepsTheirCount, (const std::string& bytes)) {
  const auto valid = with_replacements(bytes);

  RC_ASSERT(find_invalid(valid) == std::string_view::npos);
  RC_ASSERT(count_code_points(valid) == count_code_points(bytes));
  RC_ASSERT((find_invalid(bytes) == std::string_view::npos) == (valid == bytes));
}

} // namespace
} // namespace troupe
