#pragma once

#include "support/program_runner.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::testing {

/// A Redis server of its own on loopback that keeps nothing on the disk. It ends with this object,
/// and with the test program when that ends in any other way.
class redis_server {
public:
  explicit redis_server(std::vector<std::string> settings = {});
  ~redis_server();
  redis_server(const redis_server&) = delete;
  redis_server& operator=(const redis_server&) = delete;

  /// `redis://LOGIN127.0.0.1:PORT/0`
  [[nodiscard]] std::string url(const std::string& login = "") const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  void kill();
  /// On the same port, with nothing in it.
  void start();
  void freeze() const;
  void thaw() const;

private:
  std::uint16_t port_;
  std::string folder_;
  std::vector<std::string> settings_;
  std::unique_ptr<running_program> program_;
};

} // namespace troupe::testing
