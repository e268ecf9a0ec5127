#include "sample_native.hpp"

#include <troupe/protocol/json.hpp>

#include <gmock/gmock.h>

#include <limits>

namespace troupe {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text, const decode_limits& limits = {.max_depth = 64}) {
  const auto read = parse_json(text, limits);
  if (read) return "was accepted as " + write_json(*read);
  EXPECT_EQ(read.why().kind, failure_kind::malformed);
  return read.why().message;
}

TEST(Json, KeepsIntegersOfSixtyFourBits) {
  EXPECT_EQ(*parse_json("9223372036854775807"), value(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(*parse_json("-9223372036854775808"), value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(*parse_json("18446744073709551615"), value(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_EQ(parse_json("18446744073709551615")->type(), value::kind::unsigned_integer);
}

TEST(Json, ReadsLargerIntegersAsFloatingPoint) {
  EXPECT_EQ(*parse_json("18446744073709551616"), value(18446744073709551616.0));
  EXPECT_EQ(*parse_json("-9223372036854775809"), value(-9223372036854775808.0));
}

TEST(Json, ReadsEveryKind) {
  const auto read = parse_json(R"( {"b": [1, 1.0, -0.0, true, null, "\u00e9\u0000"], "a": {}} )");

  ASSERT_TRUE(read);
  EXPECT_EQ(*read,
            value::map(
                {{"a", value::map()},
                 {"b", value::list({1, 1.0, -0.0, true, nullptr, std::string("\xc3\xa9\0", 3)})}}));
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_THAT(refusal(R"({"a":1,"b":2,"\u0061":3})"), HasSubstr("two equal keys"));
}

TEST(Json, RefusesWhatIsNotOneWholeText) {
  for (const auto* text :
       {"", " ", "{", "[1,]", "{\"a\"}", "1 2", "nul", "'a'", "01", "+1", "[1}", "\"a", "NaN",
        "Infinity", "1e400", "\"\\ud800\"", "// no\n1", "\"\n\""}) {
    EXPECT_THAT(refusal(text), HasSubstr("at byte")) << text;
  }
}

TEST(Json, SaysWhereTheProblemIs) {
  EXPECT_THAT(refusal("[1, x]"), HasSubstr("at byte 5"));
}

TEST(Json, RefusesInvalidUtf8) {
  for (const auto* text : {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xe2\x82\""}) {
    EXPECT_THAT(refusal(text), HasSubstr("well formed"));
  }
}

TEST(Json, RefusesWhatNestsTooDeep) {
  EXPECT_THAT(refusal(std::string(200'000, '[')), HasSubstr("nests deeper than 64"));
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')));
}

TEST(Json, RefusesTooManyElementsAndBytes) {
  EXPECT_THAT(refusal("[1,1]", {.max_elements = 2}), HasSubstr("more than 2 elements"));
  EXPECT_THAT(refusal("[1,1]", {.max_bytes = 4}), HasSubstr("the limit is 4"));
}

TEST(Json, RepeatsLittleOfWhatItCannotRead) {
  EXPECT_LT(refusal("\"" + std::string(1'000'000, 'x')).size(), 300U);
}

TEST(Json, WritesFloatingPointSoThatItStaysFloatingPoint) {
  EXPECT_EQ(write_json(1.0), "1.0");
  EXPECT_EQ(write_json(-0.0), "-0.0");
  EXPECT_EQ(write_json(0.1), "0.1");
  EXPECT_EQ(write_json(1e22), "1e+22");
}

TEST(Json, WritesNumbersThatJsonDoesNotHaveAsText) {
  EXPECT_EQ(write_json(value::list({std::numeric_limits<double>::quiet_NaN(),
                                    std::numeric_limits<double>::infinity(),
                                    -std::numeric_limits<double>::infinity()})),
            R"(["NaN","Infinity","-Infinity"])");
}

TEST(Json, WritesBytesAsBase64) {
  const auto base64 = [](const std::string& text) {
    return write_json(value::binary({text.begin(), text.end()}));
  };

  EXPECT_EQ(base64(""), "\"\"");
  EXPECT_EQ(base64("f"), "\"Zg==\"");
  EXPECT_EQ(base64("fo"), "\"Zm8=\"");
  EXPECT_EQ(base64("foobar"), "\"Zm9vYmFy\"");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "\"//79\"");
}

TEST(Json, RefusesNulBytesWhereverTheyStand) {
  using namespace std::string_view_literals;
  for (const auto text : {"0\0\xff garbage"sv, "\"a\0b\""sv, "[1]\0"sv, "\0"sv}) {
    const auto read = parse_json(text);
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(read.why().message, testing::HasSubstr("NUL")) << text;
  }
}

TEST(Json, ReplacesInvalidUtf8) {
  EXPECT_EQ(write_json("a\xff\xe2\x82z"), "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
  EXPECT_EQ(write_json("\xf0\x9f\x8e\xad\xed\xa0\x80"),
            "\"\xf0\x9f\x8e\xad\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(write_json(value::map({{"\xc3", 1}})), "{\"\xef\xbf\xbd\":1}");
}

TEST(Json, EscapesWhatMustBeEscaped) {
  EXPECT_EQ(write_json(std::string("\"\\\n\t\0\x1f/", 7)), R"("\"\\\n\t\u0000\u001f/")");
}

TEST(Json, WritesNativesInTheirPlainForm) {
  EXPECT_EQ(write_json(value::list({native_point(2), native_secret()})), R"([{"x":2},null])");
}

TEST(Json, IndentsByTheGivenWidth) {
  EXPECT_EQ(
      write_json(value::map({{"a", value::list({1, 2})}, {"b", value::map()}}), {.indent = 2}),
      "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
}

TEST(Json, WritesDeepValues) {
  EXPECT_EQ(write_json(nested_lists(100'000)).size(), 200'001U);
  EXPECT_LT(write_json(nested_lists(100'000), {.indent = 8}).size(), 100'000'000U);
}

} // namespace
} // namespace troupe
