#include "yaml_document.hpp"

#include <troupe/protocol/json.hpp>

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct reading {
  std::optional<yaml_node> tree;
  std::vector<diagnostic> found;
};

reading read(const std::string& text, const yaml_limits& limits = {}) {
  reading result;
  result.tree = read_yaml({.name = "f.yaml", .text = text}, result.found, limits);
  return result;
}

/// What is wrong, one a line, as `LINE:COLUMN MESSAGE`.
std::string errors(const std::string& text, const yaml_limits& limits = {}) {
  std::string result;
  for (const auto& one : read(text, limits).found) {
    result += std::to_string(one.at.line) + ':' + std::to_string(one.at.column) + ' ' + one.message
              + '\n';
  }
  return result;
}

/// The content of a text that has nothing wrong.
value content(const std::string& text) {
  const auto result = read(text);
  EXPECT_THAT(result.found, IsEmpty()) << text << '\n' << errors(text);
  return result.tree ? result.tree->to_value() : value("not read");
}

std::string json(const std::string& text) {
  return write_json(content(text));
}

value scalar(const std::string& written) {
  return content("a: " + written).at("a");
}

const yaml_node& at(const reading& from, std::string_view key) {
  return from.tree->find(key)->content;
}

std::string repeated(std::string_view part, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += part;
  return result;
}

TEST(YamlDocument, ReadsListsMapsAndScalars) {
  EXPECT_EQ(json("a:\n  - 1\n  - x: y\n    z: [p, {q: r}]\nb: \"\"\n"),
            R"({"a":[1,{"x":"y","z":["p",{"q":"r"}]}],"b":""})");
}

TEST(YamlDocument, KeepsTheOrderOfTheFile) {
  const auto result = read("z: 1\na: 2\nm: 3\n");

  ASSERT_TRUE(result.tree);
  std::vector<std::string> keys;
  for (const auto& one : result.tree->members) keys.push_back(one.key);
  EXPECT_THAT(keys, ElementsAre("z", "a", "m"));
}

TEST(YamlDocument, KnowsWhereEverythingStands) {
  const auto result = read("é: 1\nlist:\n  - x\n  - {k: \"v\"}\nempty:\n");

  const auto& list = at(result, "list");
  EXPECT_EQ(at(result, "é").at, (text_position{1, 4}));
  EXPECT_EQ(result.tree->find("list")->key_at, (text_position{2, 1}));
  EXPECT_EQ(list.at, (text_position{3, 3}));
  EXPECT_EQ(list.items[0].at, (text_position{3, 5}));
  EXPECT_EQ(list.items[1].at, (text_position{4, 5}));
  EXPECT_EQ(list.items[1].members[0].content.at, (text_position{4, 9}));
  EXPECT_EQ(at(result, "empty").at, (text_position{5, 1})) << "nothing stands where its key does";
}

TEST(YamlDocument, PlacesAScalarBehindItsAnchorAndTag) {
  EXPECT_EQ(at(read("a: &x !!str 12\n"), "a").at, (text_position{1, 13}));
}

TEST(YamlDocument, FindsMembersByKey) {
  const auto result = read("a: 1\n");

  EXPECT_EQ(result.tree->find("a")->content.scalar, value(1));
  EXPECT_EQ(result.tree->find("b"), nullptr);
  EXPECT_EQ(at(result, "a").find("c"), nullptr);
}

TEST(YamlDocument, NamesTheKindsOfThings) {
  const auto result = read("[ [], {}, x, 1, 18446744073709551615, 1.5, true, null, '1' ]");

  std::vector<std::string_view> names;
  for (const auto& item : result.tree->items) names.push_back(item.kind_name());
  EXPECT_THAT(names, ElementsAre("a list", "a map", "text", "an integer", "an integer", "a number",
                                 "true or false", "null", "text"));
}

TEST(CoreSchema, KnowsNullAndBooleans) {
  for (const auto* text : {"null", "Null", "NULL", "~", ""}) EXPECT_EQ(scalar(text), value());
  for (const auto* text : {"true", "True", "TRUE"}) EXPECT_EQ(scalar(text), value(true));
  for (const auto* text : {"false", "False", "FALSE"}) EXPECT_EQ(scalar(text), value(false));
}

TEST(CoreSchema, TakesWordsOfYaml11AsText) {
  for (const auto* text : {"no", "yes", "on", "off", "y", "N", "tRUE", "nULL"})
    EXPECT_EQ(scalar(text), value(text));
}

TEST(CoreSchema, ReadsIntegers) {
  EXPECT_EQ(scalar("012"), value(12));
  EXPECT_EQ(scalar("+7"), value(7));
  EXPECT_EQ(scalar("-0"), value(0));
  EXPECT_EQ(scalar("0o17"), value(15));
  EXPECT_EQ(scalar("0xfF"), value(255));
  EXPECT_EQ(scalar("-9223372036854775808"), value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(scalar("18446744073709551615"), value(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_EQ(scalar("0xffffffffffffffff"), value(std::numeric_limits<std::uint64_t>::max()));
}

TEST(CoreSchema, ReadsIntegersBeyond64BitsAsFloatingPoint) {
  EXPECT_EQ(scalar("18446744073709551616"), value(18446744073709551616.0));
  EXPECT_EQ(scalar("-9223372036854775809"), value(-9223372036854775808.0));
  EXPECT_EQ(scalar("0x10000000000000000"), value(18446744073709551616.0));
}

TEST(CoreSchema, ReadsFloatingPoint) {
  EXPECT_EQ(scalar("1e3"), value(1000.0));
  EXPECT_EQ(scalar("-.5"), value(-0.5));
  EXPECT_EQ(scalar("+1.E-2"), value(0.01));
  EXPECT_EQ(scalar("1."), value(1.0));
  EXPECT_EQ(scalar("1e-400"), value(0.0));
  EXPECT_EQ(scalar(".inf"), value(HUGE_VAL));
  EXPECT_EQ(scalar("-.INF"), value(-HUGE_VAL));
  EXPECT_EQ(scalar(".NaN"), value(std::numeric_limits<double>::quiet_NaN()));
}

TEST(CoreSchema, TakesEverythingElseAsText) {
  for (const auto* text :
       {"1_000", "0b1", "-0x1",  "0o8", "0x",  "1e",  ".",  "+",   "1.2.3", "2024-01-01",   "12:30",
        "inf",   "nan", "-.nan", "30s", "a b", "1 2", "--", "x#y", "a:b",   "http://x/?q=1"})
    EXPECT_EQ(scalar(text), value(text));
}

TEST(CoreSchema, RefusesNumbersThatAreTooLarge) {
  EXPECT_EQ(errors("a: -1e400"), "1:4 this number is too large; put it in quotes to have text\n");
  EXPECT_THAT(errors("a: 1" + std::string(400, '0')), HasSubstr("too large"));
  EXPECT_THAT(errors("a: 0x1" + std::string(400, '0')), HasSubstr("too large"));
}

TEST(CoreSchema, TakesQuotedAndBlockScalarsAsText) {
  EXPECT_EQ(scalar("'12'"), value("12"));
  EXPECT_EQ(scalar("\"null\""), value("null"));
  EXPECT_EQ(scalar("|\n  true\n"), value("true\n"));
  EXPECT_EQ(scalar(">-\n  1\n  2\n"), value("1 2"));
  const auto result = read("a: 'x'\nb: x\nc: |-\n  x\n");
  EXPECT_FALSE(at(result, "a").plain);
  EXPECT_TRUE(at(result, "b").plain);
  EXPECT_FALSE(at(result, "c").plain);
}

TEST(YamlTags, AreHonoredWhenTheyAreCore) {
  EXPECT_EQ(scalar("!!str 12"), value("12"));
  EXPECT_EQ(scalar("!!str"), value(""));
  EXPECT_EQ(scalar("!!str null"), value("null"));
  EXPECT_EQ(scalar("! 12"), value("12"));
  EXPECT_EQ(scalar("!!int '12'"), value(12));
  EXPECT_EQ(scalar("!!float 1"), value(1.0));
  EXPECT_EQ(scalar("!!bool \"true\""), value(true));
  EXPECT_EQ(scalar("!!null ''"), value());
  EXPECT_EQ(scalar("!<tag:yaml.org,2002:str> 12"), value("12"));
  EXPECT_EQ(json("a: !!map {b: !!seq [1]}"), R"({"a":{"b":[1]}})");
}

TEST(YamlTags, AreRefusedWhenTheyAreNotOrDoNotFit) {
  EXPECT_EQ(errors("a: !secret x"), "1:4 the tag `!secret` is not supported; leave it out\n");
  EXPECT_EQ(errors("a: !!set {x}"), "1:4 the tag `!!set` is not supported; leave it out\n");
  EXPECT_EQ(errors("a: !!int x"), "1:4 this is not what its tag `!!int` says\n");
  EXPECT_EQ(errors("a: !!int 1.5"), "1:4 this is not what its tag `!!int` says\n");
  EXPECT_EQ(errors("a: !!map [1]"), "1:4 `!!map` does not fit a list\n");
  EXPECT_EQ(errors("a: !!seq 1"), "1:4 `!!seq` needs a list\n");
}

TEST(YamlKeys, AreTextAsWritten) {
  EXPECT_EQ(json("{1: a, true: b, 012: c, 1.50: d, \"e f\": g, 'null': h}"),
            R"({"012":"c","1":"a","1.50":"d","e f":"g","null":"h","true":"b"})");
}

TEST(YamlKeys, AreRefusedWhenTheyAreNotText) {
  EXPECT_THAT(errors("? [a]\n: b"), HasSubstr("1:3 a key must be text"));
  EXPECT_THAT(errors("{{a: b}: c}"), HasSubstr("1:2 a key must be text"));
  EXPECT_EQ(errors("x: 1\n: b"), "2:1 a key is missing before `:`\n");
  EXPECT_EQ(errors("~: b\nNull: c"), "1:1 null is no key; put it in quotes to have text\n"
                                     "2:1 null is no key; put it in quotes to have text\n");
}

TEST(YamlKeys, StandOnlyOnce) {
  const auto result = read("a: 1\nb: 2\n\"a\": 3\nc:\n  b: 1\n  b: 2\n");

  ASSERT_THAT(result.found, SizeIs(2));
  EXPECT_EQ(result.found[0].at, (text_position{3, 1}));
  EXPECT_EQ(result.found[0].message, "the key `a` is given twice; it stands already in line 1");
  EXPECT_EQ(result.found[1].at, (text_position{6, 3}));
  EXPECT_EQ(write_json(result.tree->to_value()), R"({"a":1,"b":2,"c":{"b":1}})")
      << "the first one counts, so that the rest of the file can be checked";
}

TEST(YamlKeys, DoNotMerge) {
  EXPECT_THAT(errors("a: &x {p: 1}\nb:\n  <<: *x\n"),
              HasSubstr("3:3 merge keys (`<<`) are not supported; write the members out"));
  EXPECT_EQ(json("\"<<\": 1"), R"({"<<":1})");
}

TEST(YamlAliases, StandForWhatTheyReferTo) {
  EXPECT_EQ(json("a: &x {p: [1, &y z]}\nb: *x\nc: *y\n*y : k\n"),
            R"({"a":{"p":[1,"z"]},"b":{"p":[1,"z"]},"c":"z","z":"k"})");
  EXPECT_EQ(json("[&x 1, *x, &x 2, *x]"), "[1,1,2,2]");
}

TEST(YamlAliases, PointToWhatTheyReferTo) {
  EXPECT_EQ(at(read("a: &x foo\nb: *x\n"), "b").at, (text_position{1, 7}));
}

TEST(YamlAliases, AreRefusedWhenTheyLeadNowhereOrBack) {
  EXPECT_EQ(errors("a: *x"), "1:4 no `&` anchor of this name stands above\n");
  EXPECT_EQ(errors("&a [*a]"), "1:5 this alias stands inside of what it refers to\n");
  EXPECT_EQ(errors("a: &x {b: {c: *x}}"), "1:15 this alias stands inside of what it refers to\n");
}

TEST(YamlAliases, CountAsWhatTheyStandFor) {
  std::string bomb("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
  for (int i = 1; i < 30; ++i) {
    const auto alias = "*a" + std::to_string(i - 1);
    bomb +=
        "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias + "," + alias + "]\n";
  }
  std::string chain("a0: &a0 [x]\n");
  for (int i = 1; i < 200; ++i) {
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1)
             + "]\n";
  }
  const auto long_keys =
      "a: &a\n  " + std::string(900, 'k') + ": 1\nb: [" + repeated("*a,", 4900) + "]\n";

  EXPECT_THAT(errors(bomb), HasSubstr("more than 10000 values; that is the limit"));
  EXPECT_THAT(errors(chain), HasSubstr("more than 100 levels; that is the limit"));
  EXPECT_THAT(errors(long_keys), HasSubstr("more than 1048576 bytes of keys; that is the limit"));
}

TEST(YamlLimits, AreExact) {
  EXPECT_THAT(errors(repeated("- 1\n", 9999)), IsEmpty());
  EXPECT_THAT(errors(repeated("- 1\n", 10'000)),
              HasSubstr("10000:3 the file has more than 10000 values; that is the limit"));
  EXPECT_THAT(errors(repeated("[", 100) + repeated("]", 100)), IsEmpty());
  EXPECT_EQ(errors(repeated("[", 101) + repeated("]", 101)),
            "1:101 lists and maps are nested 101 deep here; the limit is 100\n");
  EXPECT_THAT(errors("\"" + std::string((1 << 20) - 2, 'x') + "\""), IsEmpty());
  EXPECT_EQ(errors(std::string((1 << 20) + 1, 'x')),
            "1:1 the file has 1048577 bytes; the limit is 1048576\n");
}

TEST(YamlLimits, CanBeSet) {
  EXPECT_THAT(errors("[1, 2]", {.max_nodes = 3}), IsEmpty());
  EXPECT_THAT(errors("[1, 2, 3]", {.max_nodes = 3}), HasSubstr("more than 3 values"));
  EXPECT_THAT(errors("[[1]]", {.max_depth = 1}), HasSubstr("nested 2 deep here; the limit is 1"));
  EXPECT_THAT(errors("[1]", {.max_bytes = 2}), HasSubstr("has 3 bytes; the limit is 2"));
}

// A reader that takes quadratic time, or memory for all of it, does not get to the end of this.
TEST(YamlLimits, EndTheReadingOfHostileTextsEarly) {
  for (const auto* part :
       {"[", "{", "? ", "&a ", "*a ", "'", "a: ", "[a, ", "- a\n", "{\"\":", "%"}) {
    const auto text = repeated(part, (std::size_t{1} << 20) / std::string_view(part).size());
    const auto result = read(text);
    EXPECT_TRUE(result.tree || !result.found.empty()) << part;
    EXPECT_LE(result.found.size(), 102U) << part;
  }
}

TEST(YamlText, HasToBeUtf8) {
  EXPECT_EQ(errors("a: é\nb: \xff"), "2:4 the byte 0xff is not UTF-8\n");
  EXPECT_THAT(errors("a: \xc0\x80"), HasSubstr("the byte 0xc0 is not UTF-8"));
  EXPECT_THAT(errors("a: \xed\xa0\x80"), HasSubstr("the byte 0xed is not UTF-8"));
  EXPECT_THAT(errors("a: \xe2\x82"), HasSubstr("the byte 0xe2 is not UTF-8"));
  EXPECT_EQ(errors(std::string("\xff\xfe"
                               "a\0",
                               4)),
            "1:1 the file is UTF-16; save it as UTF-8\n");
}

TEST(YamlText, HasNoControlCharacters) {
  EXPECT_THAT(errors(std::string("a: x\0", 5)), HasSubstr("1:5 the control character U+0000"));
  EXPECT_THAT(errors("a: \x1b"), HasSubstr("U+001b is not allowed"));
  EXPECT_EQ(scalar("\"\\x1b\\0\""), value(std::string("\x1b\0", 2)));
}

TEST(YamlText, MayStartWithAByteOrderMark) {
  const auto result = read("\uFEFFab: cd\n");

  EXPECT_EQ(at(result, "ab").at, (text_position{1, 5}));
  EXPECT_EQ(result.tree->find("ab")->key_at, (text_position{1, 1}));
}

TEST(YamlText, MayHaveAnyLineBreak) {
  EXPECT_EQ(json("a: 1\r\nb:\r\n  - |\r\n    x\r\n    y\r\n"), R"({"a":1,"b":["x\ny\n"]})");
  EXPECT_EQ(json("a: 1\rb: 2\r"), R"({"a":1,"b":2})");
  EXPECT_EQ(errors("a: 1\r\n\r\nb: @\r\n"), "3:4 a text cannot start with `@`; put it in quotes\n");
}

TEST(YamlText, MayHaveQuestionMarksInFlowStyle) {
  EXPECT_EQ(json("{url: http://x/?q=1&r, b: [x?, what ?, a ? b]}"),
            R"({"b":["x?","what ?","a ? b"],"url":"http://x/?q=1&r"})");
  EXPECT_EQ(json("{? a : b}"), R"({"a":"b"})");
}

TEST(YamlText, EscapesCharactersInDoubleQuotesOnly) {
  EXPECT_EQ(scalar(R"("\ud83d\uDE00 \N\_ \\ud83d \U0001F600")"),
            value("\U0001F600 \u0085\u00a0 \\ud83d \U0001F600"));
  EXPECT_EQ(scalar(R"('\ud83d\ude00 \N?')"), value(R"(\ud83d\ude00 \N?)"));
  EXPECT_EQ(scalar(R"(\ud83d\ude00 \_?)"), value(R"(\ud83d\ude00 \_?)"));
  EXPECT_EQ(scalar("|-\n  \\ud83d\\ude00"), value(R"(\ud83d\ude00)"));
  for (const auto* lone : {R"("\ud83d")", R"("\ude00\ud83d")", R"("\ud83dx")", R"("\ud83d\n")"}) {
    EXPECT_EQ(errors(lone), "1:1 half of a surrogate pair is no character\n") << lone;
  }
}

TEST(YamlText, IsOneDocument) {
  EXPECT_EQ(json("%YAML 1.2\n--- # start\na: 1\n...\n"), R"({"a":1})");
  EXPECT_EQ(errors("a: 1\n---\nb: 2\n"), "2:1 a second document starts here; a file holds one\n");
  for (const auto* empty : {"", " \n", "# only a comment\n", "---\n", "\uFEFF", "%YAML 1.2\n"})
    EXPECT_EQ(errors(empty), "1:1 the file is empty\n") << empty;
}

TEST(YamlText, IsReadToItsEnd) {
  for (const auto* text : {"[1]\n[2]", "\"a\" b", "- a\nb: c", "{a: 1} x"})
    EXPECT_THAT(errors(text), HasSubstr("this does not belong to what stands above")) << text;
}

TEST(YamlText, ReadsJsonAsJson) {
  for (const auto* text :
       {R"({"a":[1,-2.5,3e4,true,false,null,"x\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"],"b":{},"":[]})",
        "[\t1\t,\n\t{\t\"a\"\t:\t\"b\"\t}\n]", "{\"a\"\r\n:\r\n1}", "{\"a\":\"b:c, [d] {e} # f\"}",
        "\"\u2028 \u0085 \\u0000\"", "[[],{},\"\",\"- a\",\"? b\"]", " null ", "-0.0",
        "18446744073709551615", R"({"<<":1,"~":2,"no":3,"1":4})"})
    EXPECT_EQ(content(text), *parse_json(text)) << text;
}

struct mistake {
  const char* text;
  const char* message;
};

class YamlMistakes : public testing::TestWithParam<mistake> {};

TEST_P(YamlMistakes, AreExplainedWhereTheyAre) {
  EXPECT_THAT(errors(GetParam().text), testing::StartsWith(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, YamlMistakes,
    testing::Values(
        mistake{"a:\n\tb: 1\n", "2:1 tabs cannot indent; use spaces\n"},
        mistake{"a:\n  b: 1\n\tc: 2\n", "3:1 tabs cannot indent; use spaces\n"},
        mistake{"a:\n\t- b\n", "2:1 tabs cannot indent; use spaces\n"},
        mistake{"a:\n  b: 1\n c: 2\n", "3:2 this does not fit the map above"},
        mistake{"- - a\n  b: 1\n", "2:3 this does not fit the list above"},
        mistake{"a: \"x\" y\n", "1:8 this cannot stand here; what is before it on the line has"},
        mistake{"a: b: c\n", "1:5 `:` cannot stand here"},
        mistake{"a: - b\n", "1:4 `-` cannot start a list here"},
        mistake{"a: \"x\nb: 1\n", "1:4 this quote is never closed\n"},
        mistake{"# \"\na: it's\nb: 'x\n", "3:4 this quote is never closed\n"},
        mistake{"a: [1, 2\n", "1:4 this bracket is never closed; `]` is missing\n"},
        mistake{"- [1, {a: 2", "1:7 this bracket is never closed; `}` is missing\n"},
        mistake{"a: [1, 2\nb: 3\n", "2:2 expected `,` or `]` of the list that starts in line 1"},
        mistake{"a: ]\n", "1:4 this bracket closes none that is open\n"},
        mistake{"a: [1, , 2]\n", "1:8 an item is missing before this `,`\n"},
        mistake{"b: {c: ${{ input }}}\n",
                "1:9 expected `,` or `}` of the map that starts in line 1;"
                " texts with any of `[]{},` need quotes here\n"},
        mistake{"a: @x\n", "1:4 a text cannot start with `@`; put it in quotes\n"},
        mistake{"a: \"x\\q\"\n", "1:6 no such escape; inside double quotes write `\\\\`"},
        mistake{"a: \"\\xg0\"\n", "1:5 `\\x` takes 2 hexadecimal digits"},
        mistake{"a: \"\\U00110000\"\n", "1:5 this is no Unicode character\n"},
        mistake{"a: | x\n", "1:6 the text starts on the line below `|` or `>`"},
        mistake{"%YAML 3.0\n---\na: 1\n", "1:1 this directive is not understood"},
        mistake{"a: &x &y 1\n", "1:7 one value cannot have two anchors\n"},
        mistake{",", "1:1 expected a value here\n"}));

class ScalarPlaces : public testing::TestWithParam<const char*> {};

// Every character of the content that is no white space is found where it is written.
TEST_P(ScalarPlaces, AreThoseOfTheCharactersInTheFile) {
  const source_text source{.name = "f", .text = std::string("k: 1\na: ") + GetParam()};
  const auto result = read(source.text);
  ASSERT_THAT(result.found, IsEmpty());
  const auto& node = at(result, "a");
  const auto text = *node.scalar.if_text();
  for (std::size_t offset = 0; offset < text.size(); ++offset) {
    if (text[offset] == ' ' || text[offset] == '\n') continue;

    const auto place = position_in(source, node, offset);

    const auto shown = render(diagnostic{.at = place, .message = "here"}, source);
    const auto below = shown.find('\n') + 1;
    const auto line = shown.substr(below, shown.find('\n', below) - below);
    const auto found = line.at(place.column - 1);
    EXPECT_TRUE(found == text[offset] || found == '\\') << offset << '\n' << shown;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScalarPlaces,
                         testing::Values("plain text of one line", "plain of\n  more\n\n  lines",
                                         "\"double\\\n    x  \\\"quoted and\n\n  folded\"",
                                         "'single ''quoted'' and\n  folded'",
                                         "|\n  literal\n   x\n\n  y", "|\n\n\n  late\n  start",
                                         "|2-\n    indented\n  less",
                                         ">\n  folded\n  text\n\n  of lines\n",
                                         "|\r\n  x\r\n  y\r\n"));

TEST(ScalarPlaces, CountWhatEscapesStandFor) {
  const source_text source{.name = "f", .text = R"(a: "\u00e9\ud83d\ude00\x41\N\L!")"};
  const auto result = read(source.text);
  const auto& node = at(result, "a");

  EXPECT_EQ(position_in(source, node, 0), (text_position{1, 5}));
  EXPECT_EQ(position_in(source, node, 1), (text_position{1, 5}));
  EXPECT_EQ(position_in(source, node, 2), (text_position{1, 11}));
  EXPECT_EQ(position_in(source, node, 6), (text_position{1, 23}));
  EXPECT_EQ(position_in(source, node, 7), (text_position{1, 27}));
  EXPECT_EQ(position_in(source, node, 9), (text_position{1, 29}));
  EXPECT_EQ(position_in(source, node, 12), (text_position{1, 31}));
}

TEST(ScalarPlaces, EndWithTheScalar) {
  const source_text source{.name = "f", .text = "a: \"xy\"\nb: zz\n"};
  const auto result = read(source.text);

  EXPECT_EQ(position_in(source, at(result, "a"), 2), (text_position{1, 7}));
  EXPECT_EQ(position_in(source, at(result, "a"), 99), (text_position{1, 7}));
  EXPECT_EQ(position_in(source, at(result, "b"), 2), (text_position{2, 6}));
}

TEST(ScalarPlaces, AreTheStartForWhatIsNoText) {
  const source_text source{.name = "f", .text = "a: 12\nb: [x]\n"};
  const auto result = read(source.text);

  EXPECT_EQ(position_in(source, at(result, "a"), 1), (text_position{1, 4}));
  EXPECT_EQ(position_in(source, at(result, "b"), 1), (text_position{2, 4}));
}

} // namespace
} // namespace troupe
