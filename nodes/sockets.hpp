#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/service/endpoint.hpp>

#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

namespace troupe::nodes {

/// Owns a file descriptor.
class socket_handle {
public:
  socket_handle() = default;
  explicit socket_handle(int descriptor) noexcept : descriptor_(descriptor) {}
  socket_handle(socket_handle&& other) noexcept : descriptor_(other.release()) {}
  socket_handle& operator=(socket_handle other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~socket_handle();

  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }
  [[nodiscard]] explicit operator bool() const noexcept { return descriptor_ >= 0; }

private:
  int descriptor_ = -1;
};

/// A numeric address with its port.
struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// Looks a host up; blocks for as long as the system's resolver does. At least one address.
outcome<std::vector<socket_address>> resolve(const endpoint& where);
/// Like `resolve`, for hosts that are written as an address: never blocks, nothing for a name.
[[nodiscard]] std::vector<socket_address> numeric_address(const endpoint& where);
/// `HOST:PORT` in numbers.
[[nodiscard]] std::string to_string(const socket_address& address);

/// A non-blocking socket that listens at the first of the host's addresses that can be had.
outcome<socket_handle> listen_at(const endpoint& where);
[[nodiscard]] std::uint16_t port_of(const socket_handle& bound);

/// Starts to connect without blocking. No socket, and `errno` set, when that fails at once.
[[nodiscard]] socket_handle start_connect(const socket_address& to);
/// What became of it, once the socket is writable: 0 or an error number.
[[nodiscard]] int connect_error(const socket_handle& connecting);

/// The next connection, non-blocking; no socket, and `errno` set, when there is none.
[[nodiscard]] socket_handle accept_from(const socket_handle& listening, socket_address& peer);

/// What the system says about an error number.
[[nodiscard]] std::string system_message(int number);

} // namespace troupe::nodes
