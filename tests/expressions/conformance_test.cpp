#include "cel_time.hpp"
#include "evaluation.hpp"
#include "number_text.hpp"

#include <troupe/expressions/expression.hpp>
#include <troupe/protocol/json.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace troupe {
namespace {

using detail::cel_kind;
using detail::cel_value;
using testing::IsEmpty;

const value& fixture() {
  static const auto content = [] {
    std::ifstream in(CONFORMANCE_CASES, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return parse_json(text.str()).value();
  }();
  return content;
}

value::binary_type from_base64(std::string_view text) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  value::binary_type bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const auto letter : text) {
    if (letter == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(letters.find(letter));
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<std::uint8_t>(bits >> held & 0xff));
  }
  return bytes;
}

cel_kind kind_named(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(cel_kind::type); ++i) {
    const auto kind = static_cast<cel_kind>(i);
    if (detail::type_name(kind) == name) return kind;
  }
  throw std::invalid_argument("no type " + name);
}

cel_value decoded(const value& encoded);

cel_value decoded_map(const value& pairs) {
  cel_value::entry_list entries;
  for (const auto& pair : *pairs.if_list()) {
    entries.push_back({decoded(pair.at(0)), decoded(pair.at(1))});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& left, const auto& right) {
    return std::is_lt(detail::key_order(left.key, right.key));
  });
  return cel_value::map(std::move(entries));
}

// Reads `{"int": "1"}` and its like.
cel_value decoded(const value& encoded) {
  const auto& [type, content] = encoded.if_map()->front();
  const auto text = content.is_text() ? *content.if_text() : std::string();
  if (type == "null") return {};
  if (type == "bool") return cel_value::boolean(*content.if_bool());
  if (type == "int") return cel_value::integer(detail::read_integer(text).value());
  if (type == "uint") return cel_value::unsigned_integer(detail::read_unsigned(text).value());
  if (type == "double") return cel_value::floating(detail::read_double(text).value());
  if (type == "string") return cel_value::text(text);
  if (type == "bytes") return cel_value::bytes(from_base64(text));
  if (type == "type") return cel_value::type(kind_named(text));
  if (type == "duration") return cel_value::duration(detail::read_duration(text).value());
  if (type == "timestamp") return cel_value::timestamp(detail::read_timestamp(text).value());
  if (type == "map") return decoded_map(content);
  cel_value::item_list items;
  for (const auto& item : *content.if_list()) items.push_back(decoded(item));
  return cel_value::list(std::move(items));
}

// The type and the content: what is equal here is the same in every way but the sign of zero.
std::string described(const cel_value& content, detail::native_forms& natives) {
  auto type = std::string(detail::type_name(content.kind()));
  switch (content.kind()) {
  case cel_kind::null: return type;
  case cel_kind::boolean: return content.truth() ? "true" : "false";
  case cel_kind::integer: return type + " " + std::to_string(content.integer());
  case cel_kind::unsigned_integer: return type + " " + std::to_string(content.unsigned_integer());
  case cel_kind::floating: return type + " " + detail::write_double(content.floating() + 0.0);
  case cel_kind::text: return type + " " + write_json(value(content.text()));
  case cel_kind::bytes: return type + " " + write_json(value::binary(content.bytes()));
  case cel_kind::timestamp: return type + " " + detail::write_timestamp(content.timestamp());
  case cel_kind::duration: return type + " " + detail::write_duration(content.duration());
  case cel_kind::type: return type + " " + std::string(detail::type_name(content.type()));
  case cel_kind::list:
  case cel_kind::map: break;
  }
  std::string text = type + " [";
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content.is(cel_kind::list)) {
      text += described(content.item(i, natives), natives) + ", ";
    } else {
      const auto [key, item] = content.entry(i, natives);
      text += described(key, natives) + ": " + described(item, natives) + ", ";
    }
  }
  return text + "]";
}

std::string expected_of(const value& wanted) {
  detail::native_forms natives;
  return wanted.contains("error") ? "an error" : described(decoded(wanted.at("value")), natives);
}

// What an expression comes to, or `an error`.
std::string result_of(const value& wanted) {
  constexpr std::uint64_t enough = 1'000'000;
  detail::expression_tree tree;
  std::vector<cel_value> variables;
  tree.source = *wanted.at("expr").if_text();
  const auto bindings = wanted.at("bindings");
  if (const auto* bound = bindings.if_map()) {
    for (const auto& [name, content] : *bound) {
      tree.variables.push_back(name);
      variables.push_back(decoded(content));
    }
  }
  try {
    detail::compile_tree(tree, wanted.contains("check") ? detail::name_check::late
                                                        : detail::name_check::strict);
  } catch (const expression_error&) {
    return "an error";
  }
  detail::evaluation run(tree, variables, enough);
  cel_value result;
  return run.run(result) ? described(result, run.natives()) : "an error";
}

std::vector<value> cases_of(const std::string& file) {
  std::vector<value> found;
  const auto cases = fixture().at("cases");
  for (const auto& each : *cases.if_list()) {
    if (each.at("name").if_text()->starts_with(file + "/")) found.push_back(each);
  }
  return found;
}

class Conformance : public testing::TestWithParam<std::string> {};

TEST_P(Conformance, GivesTheOfficialResultInEveryCase) {
  const auto cases = cases_of(GetParam());

  std::vector<std::string> wrong;
  for (const auto& each : cases) {
    const auto expected = expected_of(each);
    const auto result = result_of(each);
    if (result == expected) continue;
    std::ostringstream text;
    text << *each.at("name").if_text() << ": " << *each.at("expr").if_text() << " is " << result
         << ", not " << expected;
    wrong.push_back(text.str());
  }

  EXPECT_THAT(wrong, IsEmpty());
  EXPECT_EQ(value(cases.size()), fixture().at("counts").at(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(OfFile, Conformance,
                         testing::Values("basic", "comparisons", "conversions", "fields", "fp_math",
                                         "integer_math", "lists", "logic", "macros", "parse",
                                         "plumbing", "string", "string_ext", "timestamps"),
                         [](const auto& each) { return each.param; });

TEST(ConformanceCases, AreAllThereAndLeaveOutOnlyWhatNeedsMessages) {
  std::size_t left_out = 0;
  const auto files = fixture().at("left_out");
  for (const auto& [file, reasons] : *files.if_map()) {
    for (const auto& [reason, count] : *reasons.if_map()) {
      EXPECT_EQ(reason, "messages") << file;
      left_out += static_cast<std::size_t>(*count.if_integer());
    }
  }

  EXPECT_EQ(fixture().at("cases").size(), 1284U);
  EXPECT_EQ(left_out, 101U);
}

} // namespace
} // namespace troupe
