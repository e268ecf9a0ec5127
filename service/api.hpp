#pragma once

#include "http_server.hpp"
#include "router.hpp"

#include <troupe/service/cluster_view.hpp>
#include <troupe/service/run_book.hpp>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace troupe::service {

/// The description of all routes, see `openapi.json`.
extern const char* const openapi_text;

/// What the API answers to requests: everything but the bytes. Thread-safe.
class api {
public:
  struct parts {
    run_book& book;
    cluster_view& cluster;
    std::string token{}; ///< empty: everybody may
    std::string host{};  ///< that the server listens on
    std::function<bool()> ready{};
    std::function<http_counters const*()> counters{};
  };
  explicit api(parts given);

  [[nodiscard]] http_service service();
  [[nodiscard]] const std::vector<route>& routes() const noexcept { return router_.routes(); }
  /// From now on it is not ready.
  void leave() noexcept { leaving_ = true; }

private:
  [[nodiscard]] std::vector<route> all_routes();
  void add_runs(std::vector<route>& all);
  void add_cluster(std::vector<route>& all);
  void add_self(std::vector<route>& all);
  [[nodiscard]] std::optional<http_response> admit(const http_request& head) const;
  [[nodiscard]] bool may_enter(const http_request& head) const;
  [[nodiscard]] http_response answer(const http_request& request) const;

  http_response submit(const http_request& request);
  http_response list(const http_request& request) const;
  http_response show(const run_id& run) const;
  http_response events(const http_request& request, const run_id& run) const;
  http_response why(const run_id& run) const;
  http_response cancel(const run_id& run);
  http_response resume(const http_request& request, const run_id& run);
  http_response retry(const run_id& run);
  http_response status() const;

  parts parts_;
  digest token_sum_;
  instant started_;
  std::atomic<bool> leaving_{false};
  router router_;
};

/// `{"error": {"code", "message"}}` with that status.
[[nodiscard]] http_response error_response(int status, const std::string& message);

} // namespace troupe::service
