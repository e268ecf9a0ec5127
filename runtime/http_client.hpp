#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/time.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// Names and values, in the order they are sent or came.
using http_headers = std::vector<std::pair<std::string, std::string>>;

/// One request. The same content is sent at most once by us; an idle connection that the server has
/// closed meanwhile is replaced without notice.
struct http_call {
  std::string method = "GET";
  std::string url; ///< absolute, `http` or `https`
  http_headers headers{};
  std::string body{};
  duration limit = std::chrono::seconds(60); ///< from `start` to the last byte, waiting included
  int follow_redirects = 0; ///< secret headers are not sent on to another host or port
  std::size_t max_body = std::size_t{16} << 20; ///< bytes, after decompression
  std::string ca_file{};                        ///< PEM file; empty: what the system trusts
};

struct http_reply {
  int status = 0;
  http_headers headers{}; ///< names in lower case
  std::string body{};
};

struct http_client_options {
  std::size_t max_connections = 1'024;
  std::size_t max_host_connections = 1'024;
  std::size_t max_queued = 100'000; ///< requests that may wait for a connection
};

/// Makes HTTP requests, thousands at a time, on one thread that starts with the first of them.
///
/// Says no with `transient` when the server cannot be reached or breaks off, `timed_out` at the
/// limit, `rejected` when too many requests wait, `permanent` when a request makes no sense, the
/// certificate does not verify or the body is too large, `malformed` when the answer is no HTTP. An
/// answer of any status is a reply.
class http_client {
public:
  /// Called once per request, on the client's thread. Must neither block nor throw.
  using done = std::function<void(outcome<http_reply>)>;

  explicit http_client(http_client_options options = {});
  /// Ends what is under way as `cancelled` and, unless called from a `done`, waits for that.
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// Returns a number for `cancel`. From any thread, also from a `done`.
  std::uint64_t start(http_call call, done answer);
  /// Ends a request as `cancelled`, unless it has ended already.
  void cancel(std::uint64_t id);
  /// Requests that have started and not ended, waiting ones included.
  [[nodiscard]] std::size_t in_flight() const noexcept;

private:
  class loop;
  std::shared_ptr<loop> loop_;
};

/// Returns the part of a URL that may be shown: no credentials, no query, no fragment.
[[nodiscard]] std::string shown_url(std::string_view url);

/// True for headers and query parameters whose values are nobody's business: credentials, cookies,
/// and any name with `token`, `secret`, `key`, `password` or `signature` in it, in any letter case.
[[nodiscard]] bool is_secret_name(std::string_view name);

} // namespace troupe
