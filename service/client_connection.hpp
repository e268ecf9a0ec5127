#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/service/cluster_client.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::service {

/// A failure that `problem_of` tells apart.
[[nodiscard]] failure problem(cluster_problem which, failure_kind kind, std::string message);

struct client_reply {
  int status = 0;
  std::string body{};
  std::optional<duration> retry_after{};
};

/// Connections to one server, kept open from call to call. Thread-safe.
class client_connection {
public:
  client_connection(std::string url, cluster_options options);
  ~client_connection();
  client_connection(const client_connection&) = delete;
  client_connection& operator=(const client_connection&) = delete;

  struct call {
    std::string method = "GET";
    std::string target{};
    std::optional<std::string> body{}; ///< JSON
    std::string last_event_id{};
    /// Takes the body of a successful response as it comes, without a limit in time; false stops.
    std::function<bool(std::string_view)> take{};
  };
  /// A response of any status; a failure when there is none.
  outcome<client_reply> send(const call& what);

  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  [[nodiscard]] const cluster_options& options() const noexcept { return options_; }

private:
  class handle;
  std::unique_ptr<handle> take_handle();

  const std::string url_;
  const cluster_options options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<handle>> idle_;
};

/// The text as a part of a path or query.
[[nodiscard]] std::string encoded(std::string_view text);

} // namespace troupe::service
