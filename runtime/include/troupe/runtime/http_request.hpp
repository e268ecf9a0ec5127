#pragma once

#include <troupe/protocol/plan.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// One HTTP request as a step. Its output is `{status, headers, body}`: header names in lower case,
/// a JSON body decoded, any other body text or, where it is no UTF-8, binary.
///
/// Fails as `transient` for 408, 425, 5xx and connections that fail, `rate_limited` for 429, both
/// with what the server says in Retry-After, and `permanent` for any other unexpected status. Never
/// retries by itself.
struct http_request_options {
  std::string method = "GET";
  std::string url{}; ///< absolute, `http` or `https`
  /// Secret ones (credentials, cookies, names with `token`, `secret`, `key` and the like) appear in
  /// plans and keys as SHA-256 only.
  std::vector<std::pair<std::string, std::string>> headers{};
  std::vector<std::pair<std::string, std::string>> query{}; ///< appended to the URL, escaped
  value json{};                                             ///< body as JSON; null: none
  std::string body{};               ///< body as it is; not together with `json`
  std::vector<int> expect_status{}; ///< statuses that are a success; empty: any 2xx
  int follow_redirects = 0; ///< 0 to 20; secret headers are not sent on to another host or port
  std::size_t max_body = std::size_t{16} << 20; ///< bytes of the answer, after decompression
  duration timeout = std::chrono::seconds(60);  ///< for the whole exchange
  std::string ca_file{}; ///< PEM file of trusted certificates; empty: what the system trusts
  /// Doing it twice does no harm; GET and HEAD need not say so. Counts when the request is the same
  /// for every input: what a callable returns is not known when the plan is checked.
  bool idempotent = false;
};

value troupe_describe(const http_request_options& options);
void troupe_check(const http_request_options& options, option_check& report);

} // namespace troupe
