#pragma once

#include <troupe/protocol/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

/// The whole content of a file, or of standard input for `-`. Throws `usage_error`.
[[nodiscard]] std::string read_text(const std::string& path, std::string_view what,
                                    std::size_t max_bytes);

/// The JSON that an option gives: in place, as `@FILE`, or as `-` for standard input. Throws
/// `usage_error` that names the option.
[[nodiscard]] value json_option(std::string_view option, const std::string& given);
/// The same, but what is no JSON is a text.
[[nodiscard]] value json_or_text_option(std::string_view option, const std::string& given);
/// JSON if it parses, else the text itself.
[[nodiscard]] value json_or_text(std::string_view given);

/// A whole number in decimal. Throws `usage_error` that names the option.
[[nodiscard]] std::uint64_t whole_number(std::string_view option, std::string_view given,
                                         std::uint64_t least, std::uint64_t most);

/// One JSON value a line. Throws `usage_error` with `FILE:LINE: error: …` for every bad line.
[[nodiscard]] std::vector<value> read_json_lines(const std::string& path);
[[nodiscard]] std::vector<value> parse_json_lines(const std::string& name, std::string_view text);

} // namespace troupe::detail
