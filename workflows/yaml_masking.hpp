#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::detail {

/// Returns the text in a form that yaml-cpp 0.7 reads as YAML 1.2 and JSON are meant, byte for byte
/// at the same places: it ends plain scalars in flow style at a `?`, refuses surrogate pairs
/// (`\ud83d\ude00`), writes invalid UTF-8 for `\N` and `\_`, and knows neither `\r` alone as a line
/// break nor a line break between a key and its colon in JSON.
/// REQUIRES: no control characters other than tabs and line breaks.
[[nodiscard]] std::string masked_for_parser(std::string_view text);

/// Undoes the masking in a scalar, a tag or the name of an anchor. Nothing for a surrogate that is
/// alone in a double-quoted scalar.
[[nodiscard]] std::optional<std::string> unmasked(std::string_view masked, bool double_quoted);

} // namespace troupe::detail
