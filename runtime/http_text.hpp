#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace troupe {

/// Percent-encodes everything but letters, digits and `-._~`.
[[nodiscard]] std::string escaped(std::string_view text);
[[nodiscard]] std::string unescaped(std::string_view text);

using hide_secret = std::function<std::string(std::string_view)>;

/// Returns a URL with credentials and secret query values replaced by what `hide` makes of them.
[[nodiscard]] std::string masked_url(std::string_view url, const hide_secret& hide);

} // namespace troupe
