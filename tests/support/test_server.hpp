#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// An HTTP server on loopback that answers as a function says.
class test_server {
public:
  struct request {
    std::string method;
    std::string path;
    std::string query; ///< as it came
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;

    /// The first header of that name in any letter case, or an empty text.
    [[nodiscard]] std::string header(const std::string& name) const;
    [[nodiscard]] bool has_header(const std::string& name) const;
  };
  struct answer {
    int status = 200;
    std::string body{};
    std::string type = "text/plain";
    std::vector<std::pair<std::string, std::string>> headers{};
  };
  using handler = std::function<answer(const request&)>;

  /// `encrypted` speaks TLS with a certificate for 127.0.0.1 that it has signed itself.
  explicit test_server(handler reply, bool encrypted = false);
  ~test_server();
  test_server(const test_server&) = delete;
  test_server& operator=(const test_server&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const;
  [[nodiscard]] int port() const;
  /// Requests received so far.
  [[nodiscard]] std::vector<request> received() const;
  /// The file with its certificate.
  [[nodiscard]] std::string certificate() const;

private:
  class service;
  std::unique_ptr<service> service_;
};

/// A server that accepts everything and answers nothing until it is told to: on one thread, so that
/// the threads of a client can be counted beside it.
class holding_server {
public:
  holding_server();
  ~holding_server();
  holding_server(const holding_server&) = delete;
  holding_server& operator=(const holding_server&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const;
  /// Waits until so many requests have come in all; false when that takes too long.
  bool wait_for_requests(std::size_t count);
  /// Waits until so few connections are open; false when that takes too long.
  bool wait_for_connections(std::size_t most);
  /// Sends these bytes to every request, held or yet to come.
  void release(std::string bytes);
  /// Sends these bytes to every request, held or yet to come, and closes the connection.
  void hang_up(std::string last_words = {});
  /// The head of the last request, as it came.
  [[nodiscard]] std::string last_head() const;
  /// Connections accepted so far.
  [[nodiscard]] std::size_t accepted() const;
  /// The most requests that were held at one time.
  [[nodiscard]] std::size_t most_held() const;

private:
  class service;
  std::unique_ptr<service> service_;
};

/// A port of loopback on which nobody listens.
[[nodiscard]] int free_port();

/// How many threads this process has.
[[nodiscard]] std::size_t thread_count();

} // namespace troupe::testing
