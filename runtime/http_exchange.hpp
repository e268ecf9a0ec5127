#pragma once

#include "http_client.hpp"
#include "http_date.hpp"

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/runtime/http_request.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Returns what to send; `malformed` when `json` has no plain form.
outcome<http_call> http_call_from(const http_request_options& options);

/// What messages may say about a call, and what they must not. Kept while the call is under way.
struct call_label {
  std::string name{};                 ///< `POST http://host/path`
  std::vector<std::string> secrets{}; ///< longest first
};

[[nodiscard]] call_label label_of(const http_call& call);

/// Returns the output of the step, or why this reply is none. `now` serves dates in Retry-After.
outcome<value> read_http_reply(const http_request_options& options, const call_label& label,
                               const http_reply& reply, wall_time now);

/// Returns the failure that stands for an unexpected status, with the start of the body.
failure status_failure(const call_label& label, const http_reply& reply, wall_time now);

/// Returns how long the server asks us to wait: seconds or an HTTP date, at least 0, at most a
/// year; nothing when it says nothing readable.
[[nodiscard]] std::optional<duration> retry_after_of(const http_reply& reply, wall_time now);

/// The first header of that name (in lower case), or null.
[[nodiscard]] const std::string* find_header(const http_reply& reply, std::string_view name);

/// Returns the start of a text on one line of valid UTF-8, with every secret replaced.
[[nodiscard]] std::string excerpt(const call_label& label, std::string_view text);

/// Returns the URL with credentials and secret query values replaced by their SHA-256.
[[nodiscard]] std::string described_url(std::string_view url);

} // namespace troupe
