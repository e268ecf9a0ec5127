#pragma once

#include "http_message.hpp"

#include <troupe/protocol/time.hpp>
#include <troupe/service/endpoint.hpp>
#include <troupe/service/tls_files.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace troupe::service {

struct http_limits {
  std::size_t max_header_bytes = 16 << 10;
  std::size_t max_body_bytes = 8 << 20;
  std::size_t max_connections = 4'096;             ///< beyond, answered with 503
  duration header_time = std::chrono::seconds(10); ///< for TLS, and for the first head, each
  duration body_time = std::chrono::seconds(30);
  duration idle_time = std::chrono::seconds(60);  ///< from a response to the next head
  duration write_time = std::chrono::seconds(10); ///< for a client that does not read
  duration ping_time = std::chrono::seconds(15);  ///< between signs of life in a stream
  duration leave_time = std::chrono::seconds(2);  ///< to finish what is under way at the end
  std::size_t handler_threads = 2;
  std::size_t send_buffer_bytes = 0; ///< of the system, for a connection; 0: what it likes
};

struct http_server_options {
  endpoint where{};
  tls_files tls{}; ///< without them: no TLS. Clients need no certificate
  http_limits limits{};
};

struct http_counters {
  std::atomic<std::uint64_t> connections{0}; ///< open now
  std::atomic<std::uint64_t> viewers{0};     ///< of streams, now
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refused{0};         ///< unreadable, too large, too slow, too many
  std::atomic<std::uint64_t> dropped_viewers{0}; ///< because they did not read
};

/// Serves HTTP/1.1 on one thread for all connections, and a few for handlers. Thread-safe.
class http_server {
public:
  /// Listens when this returns. Throws `std::runtime_error` that names the address or file that
  /// cannot be used.
  http_server(http_server_options options, http_service service);
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  [[nodiscard]] endpoint address() const;
  [[nodiscard]] const http_counters& counters() const noexcept;
  /// Takes no more connections, ends streams, finishes the requests that are under way.
  void shut_down();

private:
  class implementation;
  std::shared_ptr<implementation> implementation_;
};

} // namespace troupe::service
