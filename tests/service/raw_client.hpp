#pragma once

#include <troupe/service/endpoint.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

namespace troupe::testing {

/// A connection that says exactly what it is told to.
class raw_client {
public:
  explicit raw_client(const endpoint& where, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) {
      setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(where.port);
    inet_pton(AF_INET, where.host.c_str(), &to.sin_addr);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~raw_client() { ::close(socket_); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// False when the other side has closed.
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const auto count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// Reads until the text has come; false when the connection ends or nothing comes for long.
  bool read_until(std::string_view text) {
    while (got_.find(text) == std::string::npos) {
      if (!read_some()) return false;
    }
    return true;
  }
  /// Everything until the end of the connection.
  const std::string& read_all() {
    while (read_some()) {
    }
    return got_;
  }
  /// The next response with a `Content-Length`: head and body.
  std::string read_response() {
    if (!read_until("\r\n\r\n")) return got_;
    const auto head = got_.find("\r\n\r\n") + 4;
    const auto at = got_.find("Content-Length: ");
    const auto length = at == std::string::npos || at > head
                            ? 0
                            : std::strtoul(got_.c_str() + at + 16, nullptr, 10);
    while (got_.size() < head + length && read_some()) {
    }
    auto response = got_.substr(0, head + length);
    got_.erase(0, head + length);
    return response;
  }
  [[nodiscard]] bool has_ended() const { return ended_; }
  [[nodiscard]] const std::string& got() const { return got_; }

private:
  bool read_some() {
    pollfd ready{socket_, POLLIN, 0};
    if (::poll(&ready, 1, 20'000) <= 0) return false;
    std::array<char, 65536> part{};
    const auto count = ::recv(socket_, part.data(), part.size(), 0);
    ended_ = count <= 0;
    if (ended_) return false;
    got_.append(part.data(), static_cast<std::size_t>(count));
    return true;
  }

  int socket_;
  bool connected_ = false;
  bool ended_ = false;
  std::string got_;
};

inline int status_of(std::string_view response) {
  return response.size() < 12 ? 0 : std::atoi(std::string(response.substr(9, 3)).c_str());
}

inline std::string body_of(const std::string& response) {
  const auto head = response.find("\r\n\r\n");
  return head == std::string::npos ? std::string() : response.substr(head + 4);
}

} // namespace troupe::testing
