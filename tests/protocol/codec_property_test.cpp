#include "arbitrary_value.hpp"

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/json.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace troupe {
namespace {

std::vector<std::uint8_t> bytes_of(const value& content) {
  std::vector<std::uint8_t> bytes;
  RC_ASSERT(encode(content, bytes).has_value());
  return bytes;
}

// Builds the same value from new parts, with the members of its maps given in reverse.
value rebuilt(const value& content) {
  if (const auto* items = content.if_list()) {
    value::list_type copies;
    for (const auto& item : *items) copies.push_back(rebuilt(item));
    return value::list(std::move(copies));
  }
  if (const auto* members = content.if_map()) {
    value::map_type copies;
    for (const auto& [key, item] : *members) copies.emplace_back(key, rebuilt(item));
    std::reverse(copies.begin(), copies.end());
    return value::map(std::move(copies));
  }
  if (const auto* text = content.if_text()) return value(*text);
  return content;
}

RC_GTEST_PROP(CodecProperty, DecodingUndoesEncoding, ()) {
  const auto content = arbitrary_value();
  const auto decoded = decode(bytes_of(content));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == content);
}

RC_GTEST_PROP(CodecProperty, EqualValuesHaveEqualBytes, ()) {
  const auto content = arbitrary_value();
  const auto copy = rebuilt(content);
  RC_ASSERT(copy == content);
  RC_ASSERT(bytes_of(copy) == bytes_of(content));
}

RC_GTEST_PROP(CodecProperty, EqualBytesMeanEqualValues, ()) {
  const auto one = arbitrary_value();
  const auto other = arbitrary_value();
  RC_ASSERT((bytes_of(one) == bytes_of(other)) == (one == other));
}

RC_GTEST_PROP(CodecProperty, DamagedBytesAreRefusedOrStillMakeAValue, ()) {
  auto bytes = bytes_of(arbitrary_value());
  const auto place = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[place] = *rc::gen::arbitrary<std::uint8_t>();
  const auto decoded = decode(bytes);
  if (decoded) RC_ASSERT(*decode(bytes_of(*decoded)) == *decoded);
  else RC_ASSERT(decoded.why().kind == failure_kind::malformed);
}

RC_GTEST_PROP(CodecProperty, AShortenedMessageIsRefused, ()) {
  auto bytes = bytes_of(arbitrary_value());
  bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size()));
  RC_ASSERT(!decode(bytes).has_value());
}

RC_GTEST_PROP(JsonProperty, WhatIsWrittenCanBeRead, ()) {
  const auto content = arbitrary_value();
  const auto text = write_json(content, {.indent = *rc::gen::inRange(-1, 4)});
  const auto read = parse_json(text);
  // Keys that are not UTF-8 may become equal when they are written.
  if (!read) RC_ASSERT(read.why().message.find("two equal keys") != std::string::npos);
  else RC_ASSERT(write_json(*parse_json(write_json(*read))) == write_json(*read));
}

RC_GTEST_PROP(JsonProperty, DamagedTextIsRefusedOrStillMakesAValue, ()) {
  auto text = write_json(arbitrary_value());
  text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
  const auto read = parse_json(text);
  if (!read) RC_ASSERT(read.why().kind == failure_kind::malformed);
}

} // namespace
} // namespace troupe
