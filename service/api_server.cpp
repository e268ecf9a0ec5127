#include "api.hpp"

#include <troupe/service/api_server.hpp>

#include <stdexcept>
#include <utility>

namespace troupe::service {

namespace {

void check(const api_options& options) {
  if (is_loopback(options.where)) return;
  const auto where = to_string(options.where);
  if (options.token.empty()) {
    throw std::invalid_argument("the HTTP API at " + where
                                + " needs a token: others than this machine reach it");
  }
  if (!options.tls.given() && !options.insecure) {
    throw std::invalid_argument("the HTTP API at " + where
                                + " needs TLS, or must be told to be insecure");
  }
}

http_server_options server_options(const api_options& options) {
  http_server_options made{options.where, options.tls, {}};
  made.limits.max_header_bytes = options.max_header_bytes;
  made.limits.max_body_bytes = options.max_body_bytes;
  made.limits.max_connections = options.max_connections;
  made.limits.header_time = options.header_time;
  made.limits.body_time = options.body_time;
  made.limits.idle_time = options.idle_time;
  made.limits.write_time = options.write_time;
  made.limits.ping_time = options.ping_time;
  made.limits.send_buffer_bytes = options.send_buffer_bytes;
  return made;
}

} // namespace

class api_server::implementation {
public:
  implementation(const api_options& options, run_book& book, cluster_view& cluster)
      : api_({book, cluster, options.token, options.where.host, options.ready,
              [this] { return counters_.load(); }}),
        server_((check(options), server_options(options)), api_.service()) {
    counters_ = &server_.counters();
  }

  [[nodiscard]] http_server& server() noexcept { return server_; }

  void shut_down() {
    api_.leave();
    server_.shut_down();
  }

private:
  std::atomic<const http_counters*> counters_{nullptr};
  api api_;
  http_server server_;
};

api_server::api_server(api_options options, run_book& book, cluster_view& cluster)
    : implementation_(std::make_unique<implementation>(options, book, cluster)) {}

api_server::~api_server() {
  shut_down();
}

endpoint api_server::address() const {
  return implementation_->server().address();
}

api_counts api_server::counts() const {
  const auto& now = implementation_->server().counters();
  return {now.connections, now.viewers, now.requests, now.refused, now.dropped_viewers};
}

void api_server::shut_down() {
  implementation_->shut_down();
}

} // namespace troupe::service
