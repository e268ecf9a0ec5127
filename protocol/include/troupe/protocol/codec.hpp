#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// What a decoder accepts. Bytes from outside are never trusted: no bound, no decoding. The depth
/// has room for results that nest 128 deep; nothing here recurses, so any bound is safe.
struct decode_limits {
  std::size_t max_bytes = 64u << 20;
  std::size_t max_depth = 512;          ///< lists and maps inside each other
  std::size_t max_elements = 1'000'000; ///< scalars, items and members together
};

/// Appends the canonical MessagePack of `content`: shortest integers, 64-bit floats, NaN as one bit
/// pattern, map keys sorted, so that equal values have equal bytes on every machine. Natives are
/// written in their plain form; one without is a `malformed` failure, as is a nesting deeper than
/// `max_depth`. On failure `out` is as it was.
outcome<std::size_t> encode(const value& content, std::vector<std::uint8_t>& out,
                            std::size_t max_depth = 512);

/// Reads one MessagePack value that fills `bytes` exactly. Anything else is `malformed`, with the
/// byte position in the message. Duplicate or non-text map keys, extension types and trailing bytes
/// are refused. Allocates in proportion to the bytes that are there, never to what a header claims.
/// Never throws.
outcome<value> decode(std::span<const std::uint8_t> bytes, const decode_limits& limits = {});

} // namespace troupe
