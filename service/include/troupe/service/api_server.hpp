#pragma once

#include <troupe/protocol/time.hpp>
#include <troupe/service/cluster_view.hpp>
#include <troupe/service/endpoint.hpp>
#include <troupe/service/run_book.hpp>
#include <troupe/service/tls_files.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace troupe::service {

struct api_options {
  endpoint where{};      ///< where to listen; port 0 takes a free one
  tls_files tls{};       ///< of the server; clients show their token and no certificate
  std::string token{};   ///< what clients must show; required outside of loopback
  bool insecure = false; ///< allows addresses outside of loopback without TLS
  /// What `/readyz` says, as long as the server is not shutting down; ready when it is not set.
  std::function<bool()> ready{};

  std::size_t max_header_bytes = 16 << 10;
  std::size_t max_body_bytes = 8 << 20;
  std::size_t max_connections = 4'096;             ///< beyond, answered with 503
  duration header_time = std::chrono::seconds(10); ///< for a client to say what it wants
  duration body_time = std::chrono::seconds(30);   ///< to send the rest
  duration idle_time = std::chrono::seconds(60);   ///< between requests of a connection
  duration write_time = std::chrono::seconds(10); ///< after which a reader that does not is dropped
  duration ping_time = std::chrono::seconds(15);  ///< between signs of life in a stream of events
  std::size_t send_buffer_bytes = 0; ///< of the system, for a connection; 0: what it likes
};

/// What the HTTP API of a coordinator has counted.
struct api_counts {
  std::uint64_t connections = 0; ///< open now
  std::uint64_t viewers = 0;     ///< streams of events, now
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;         ///< unreadable, too large, too slow, too many
  std::uint64_t dropped_viewers = 0; ///< because they did not read
};

/// Serves a run book and a cluster over HTTP/1.1: JSON, and events as server-sent events. What
/// there is to ask for is in `openapi.json`. Thread-safe.
class api_server {
public:
  /// Listens when this returns; book and cluster outlive it. Throws `std::runtime_error` that names
  /// the address or file that cannot be used, `std::invalid_argument` for an address outside of
  /// loopback without token or TLS.
  api_server(api_options options, run_book& book, cluster_view& cluster);
  ~api_server();
  api_server(const api_server&) = delete;
  api_server& operator=(const api_server&) = delete;

  [[nodiscard]] endpoint address() const;
  [[nodiscard]] api_counts counts() const;
  /// Takes no more requests, ends streams, and finishes what is under way, within two seconds.
  void shut_down();

private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace troupe::service
