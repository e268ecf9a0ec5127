#pragma once

#include "http_client.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

[[nodiscard]] std::string lower_case(std::string_view text);

/// True when one of the headers has that name (given in lower case).
[[nodiscard]] bool has_header(const http_headers& headers, std::string_view name);

/// True when the request has a body, if only an empty one.
[[nodiscard]] bool sends_body(const http_call& call);

/// Returns the headers in libcurl's spelling: one without content ends in a semicolon, and one that
/// libcurl must not add by itself ends in a colon.
[[nodiscard]] std::vector<std::string> header_lines(const http_call& call);

/// Adds one received header line; a status line starts anew.
void take_header_line(std::string_view line, http_headers& headers);

/// Says why a call must not be sent: a method, header or URL that could smuggle in another line, or
/// headers that are the client's own business. Never quotes a value.
[[nodiscard]] std::optional<std::string> refusal_of(const http_call& call);

/// Turns a call into the one that a redirect asks for. `elsewhere`: to another host or port, which
/// must not see what is secret.
void redirect(http_call& call, int status, std::string url, bool elsewhere);

[[nodiscard]] std::string too_large(const std::string& what, std::size_t limit);
[[nodiscard]] std::string too_often(int redirects);

/// `GET http://host/path: why`
failure failure_about(const http_call& call, failure_kind kind, const std::string& why);

/// Lowers the bounds to what this process may open: waiting for a connection beats failing for want
/// of a file descriptor.
[[nodiscard]] http_client_options within_reach(http_client_options options);

} // namespace troupe
