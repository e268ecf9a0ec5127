#pragma once

#include "redis_protocol.hpp"

#include <troupe/protocol/failure.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// A file descriptor that is closed with its owner.
class owned_fd {
public:
  explicit owned_fd(int number = -1) noexcept : number_(number) {}
  ~owned_fd();
  owned_fd(owned_fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  owned_fd& operator=(owned_fd&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }

private:
  int number_;
};

struct socket_address {
  sockaddr_storage content{};
  socklen_t size = 0;
};

/// The addresses of a host, looked up on a thread of its own because that may take long.
class address_query {
public:
  /// `done` is called once there is a result, on that thread or before this returns.
  static std::shared_ptr<address_query> start(const std::string& host, std::uint16_t port,
                                              std::function<void()> done);
  [[nodiscard]] bool ended() const;
  /// Why there are none when it returns none. REQUIRES: it has ended.
  [[nodiscard]] std::vector<socket_address> addresses(std::string& why) const;

private:
  void look_up(const std::string& host, std::uint16_t port, int flags);

  mutable std::mutex mutex_;
  bool ended_ = false;
  std::string why_;
  std::vector<socket_address> found_;
};

/// A connection to a Redis server that never blocks. One thread at a time.
class redis_connection {
public:
  /// Begins to connect; when that fails at once, `trouble` says why.
  explicit redis_connection(const socket_address& where);

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  /// Why nothing more can come; empty as long as it can.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }
  /// Ends the connecting once the socket can be written.
  void finish_connecting();

  void write(std::string_view bytes) { out_ += bytes; }
  [[nodiscard]] bool wants_to_write() const noexcept { return written_ < out_.size(); }
  /// Sends what it can. True when bytes went that could not go before.
  bool flush();
  /// Takes what has come. True when there was anything.
  bool receive();
  [[nodiscard]] std::optional<redis_answer> next();

private:
  void fail(std::string_view what, int error);

  owned_fd socket_;
  std::string trouble_;
  std::string out_;
  std::size_t written_ = 0;
  bool stuck_ = false; // the last write did not take all
  redis_reader reader_;
};

} // namespace troupe
