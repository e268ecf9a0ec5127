#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace troupe {

/// The length of the UTF-8 character a text begins with; 0 when it begins with none.
[[nodiscard]] std::size_t character_length(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text);
/// Returns the text with the replacement character for each byte that is no UTF-8.
[[nodiscard]] std::string as_utf8(std::string_view text);

/// Percent-encodes everything but letters, digits and `-._~`.
[[nodiscard]] std::string escaped(std::string_view text);
[[nodiscard]] std::string unescaped(std::string_view text);

using hide_secret = std::function<std::string(std::string_view)>;

/// Returns a URL with credentials and secret query values replaced by what `hide` makes of them.
[[nodiscard]] std::string masked_url(std::string_view url, const hide_secret& hide);

} // namespace troupe
