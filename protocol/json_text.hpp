#pragma once

#include <troupe/protocol/value.hpp>

#include <string>
#include <string_view>

namespace troupe::detail {

/// Appends a scalar as JSON; bytes become base64.
void append_json_scalar(const value& content, std::string& out);

/// Appends a quoted text. What is not UTF-8 becomes the replacement character.
void append_json_text(std::string_view text, std::string& out);

} // namespace troupe::detail
