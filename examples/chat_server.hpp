#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace troupe::examples {

/// How often the service misbehaves, as shares of all chat requests. The draws are taken from the
/// seed and the number of the request, so that one seed gives one sequence.
struct chat_server_options {
  int port = 0;           ///< 0: any free one
  std::string api_key{};  ///< empty: none is asked for
  std::uint64_t seed = 1; ///< decides latencies and faults
  double rate_limited = 0.03;
  double bursts = 0.01; ///< start of a burst of 5xx answers
  int burst_length = 4;
  double hangs = 0.002;
  std::chrono::milliseconds hang_time{30'000}; ///< bound of a hang
  std::string outage_model = "gpt-4";          ///< answers 503 while the outage lasts
  std::uint64_t outage_begins = 0;             ///< request number from 1; 0: no outage
  std::chrono::milliseconds outage_time{5'000};
  double latency_scale = 1.0; ///< 0 answers at once
  int threads = 256;          ///< requests served at a time
};

struct chat_server_stats {
  std::uint64_t requests = 0; ///< chat requests, whatever became of them
  std::uint64_t answered = 0;
  std::uint64_t rate_limited = 0;
  std::uint64_t server_errors = 0; ///< of bursts
  std::uint64_t outage_errors = 0;
  std::uint64_t hung = 0;
  std::uint64_t unauthorized = 0;
  std::uint64_t malformed = 0;
  std::uint64_t documents = 0;
};

/// An OpenAI-compatible service on loopback that is as unreliable as a real one, but the same way
/// each time.
class chat_server {
public:
  /// Listens from here on; throws `std::runtime_error` when the port is taken.
  explicit chat_server(chat_server_options options = {});
  ~chat_server();
  chat_server(const chat_server&) = delete;
  chat_server& operator=(const chat_server&) = delete;

  [[nodiscard]] int port() const;
  [[nodiscard]] std::string base_url() const; ///< `http://127.0.0.1:PORT/v1`
  [[nodiscard]] std::string document_url(const std::string& name) const;
  [[nodiscard]] chat_server_stats stats() const;

private:
  class service;
  std::unique_ptr<service> service_;
};

} // namespace troupe::examples
