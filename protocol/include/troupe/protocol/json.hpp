#pragma once

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/value.hpp>

#include <string>
#include <string_view>

namespace troupe {

/// Reads one JSON text (RFC 8259): the only door for JSON from outside. Integers that fit 64 bits
/// stay integers. Invalid UTF-8, duplicate keys, trailing text, and what exceeds the limits are
/// `malformed`, with the byte position.
outcome<value> parse_json(std::string_view text,
                          const decode_limits& limits = {.max_bytes = 16u << 20, .max_depth = 64});

struct json_style {
  int indent = -1; ///< spaces per level; negative writes one line
};

/// Writes JSON. Bytes become base64 text, NaN and infinities the texts `NaN`, `Infinity`,
/// `-Infinity`, invalid UTF-8 the replacement character, natives their plain form.
[[nodiscard]] std::string write_json(const value& content, const json_style& style = {});

} // namespace troupe
