#include "sockets.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace troupe::nodes {

namespace {

struct address_list_deleter {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

/// Returns 0, or an error of `getaddrinfo`.
int look_up(const endpoint& where, int flags, std::vector<socket_address>& found) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* first = nullptr;
  const auto port = std::to_string(where.port);
  const auto error = ::getaddrinfo(where.host.c_str(), port.c_str(), &wanted, &first);
  if (error != 0) return error;
  const std::unique_ptr<addrinfo, address_list_deleter> owner(first);
  for (const auto* next = first; next != nullptr; next = next->ai_next) {
    socket_address address;
    std::memcpy(&address.storage, next->ai_addr, next->ai_addrlen);
    address.size = next->ai_addrlen;
    found.push_back(address);
  }
  return 0;
}

const sockaddr* raw(const socket_address& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

socket_handle new_socket(const socket_address& address) {
  return socket_handle(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void enable(const socket_handle& socket, int level, int option) {
  const int on = 1;
  ::setsockopt(socket.get(), level, option, &on, sizeof on);
}

socket_handle listening_socket(const socket_address& address) {
  auto made = new_socket(address);
  if (!made) return {};
  enable(made, SOL_SOCKET, SO_REUSEADDR);
  // `::` must not take IPv4 addresses that nobody named.
  if (address.storage.ss_family == AF_INET6) enable(made, IPPROTO_IPV6, IPV6_V6ONLY);
  if (::bind(made.get(), raw(address), address.size) != 0) return {};
  if (::listen(made.get(), SOMAXCONN) != 0) return {};
  return made;
}

} // namespace

socket_handle::~socket_handle() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string system_message(int number) {
  return std::generic_category().message(number);
}

outcome<std::vector<socket_address>> resolve(const endpoint& where) {
  std::vector<socket_address> found;
  const auto error = look_up(where, 0, found);
  if (error == 0 && !found.empty()) return found;
  const std::string why = error == EAI_SYSTEM ? system_message(errno) : ::gai_strerror(error);
  return failure{failure_kind::transient, "cannot find the host `" + where.host + "`: " + why};
}

std::vector<socket_address> numeric_address(const endpoint& where) {
  std::vector<socket_address> found;
  if (look_up(where, AI_NUMERICHOST, found) != 0) found.clear();
  return found;
}

std::string to_string(const socket_address& address) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const auto error = ::getnameinfo(raw(address), address.size, host.data(), host.size(),
                                   port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  if (error != 0) return "unknown address";
  const std::string name = host.data();
  if (name.find(':') != std::string::npos) return '[' + name + "]:" + port.data();
  return name + ':' + port.data();
}

outcome<socket_handle> listen_at(const endpoint& where) {
  auto addresses = resolve(where);
  if (!addresses) return addresses.why();
  int error = 0;
  for (const auto& address : *addresses) {
    if (auto made = listening_socket(address)) return made;
    error = errno;
  }
  return failure{failure_kind::permanent,
                 "cannot listen at " + troupe::to_string(where) + ": " + system_message(error)};
}

std::uint16_t port_of(const socket_handle& bound) {
  socket_address own;
  own.size = sizeof own.storage;
  if (::getsockname(bound.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) {
    return 0;
  }
  if (own.storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&own.storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&own.storage)->sin_port);
}

socket_handle start_connect(const socket_address& to) {
  auto made = new_socket(to);
  if (!made) return {};
  if (::connect(made.get(), raw(to), to.size) != 0 && errno != EINPROGRESS) {
    const auto error = errno;
    made = socket_handle();
    errno = error;
  }
  return made;
}

int connect_error(const socket_handle& connecting) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(connecting.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

socket_handle accept_from(const socket_handle& listening, socket_address& peer) {
  peer.size = sizeof peer.storage;
  return socket_handle(::accept4(listening.get(), reinterpret_cast<sockaddr*>(&peer.storage),
                                 &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

} // namespace troupe::nodes
