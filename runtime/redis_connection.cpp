#include "redis_connection.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

namespace troupe {

namespace {

constexpr std::size_t read_size = 64 * 1024;
constexpr std::size_t most_per_turn = 1024 * 1024; // then the clock is looked at again

void set_on(int socket, int level, int option) {
  const int on = 1;
  (void)setsockopt(socket, level, option, &on, sizeof on); // merely makes it better
}

} // namespace

owned_fd::~owned_fd() {
  if (number_ >= 0) ::close(number_);
}

std::shared_ptr<address_query> address_query::start(const std::string& host, std::uint16_t port,
                                                    std::function<void()> done) {
  auto made = std::make_shared<address_query>();
  made->look_up(host, port, AI_NUMERICHOST);
  if (!made->found_.empty()) {
    made->ended_ = true;
    return made;
  }
  try {
    std::thread([made, host, port, done = std::move(done)] {
      made->look_up(host, port, AI_ADDRCONFIG);
      {
        const std::scoped_lock lock(made->mutex_);
        made->ended_ = true;
      }
      done();
    }).detach();
  } catch (const std::system_error& error) {
    made->why_ = error.what();
    made->ended_ = true;
  }
  return made;
}

bool address_query::ended() const {
  const std::scoped_lock lock(mutex_);
  return ended_;
}

std::vector<socket_address> address_query::addresses(std::string& why) const {
  const std::scoped_lock lock(mutex_);
  why = why_;
  return found_;
}

void address_query::look_up(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* all = nullptr;
  const auto error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &all);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(error == 0 ? all : nullptr,
                                                             [](addrinfo* list) {
                                                               if (list) freeaddrinfo(list);
                                                             });
  const std::scoped_lock lock(mutex_);
  why_ = error == 0 ? "" : gai_strerror(error);
  for (const auto* each = owned.get(); each; each = each->ai_next) {
    socket_address one;
    std::memcpy(&one.content, each->ai_addr, each->ai_addrlen);
    one.size = each->ai_addrlen;
    found_.push_back(one);
  }
}

redis_connection::redis_connection(const socket_address& where)
    : socket_(::socket(where.content.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  if (!socket_) {
    fail("there is no socket", errno);
    return;
  }
  set_on(fd(), IPPROTO_TCP, TCP_NODELAY);
  set_on(fd(), SOL_SOCKET, SO_KEEPALIVE);
  const auto* address = reinterpret_cast<const sockaddr*>(&where.content);
  if (::connect(fd(), address, where.size) != 0 && errno != EINPROGRESS)
    fail("it cannot be reached", errno);
}

void redis_connection::finish_connecting() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) fail("it cannot be reached", error);
}

bool redis_connection::flush() {
  bool moved = false;
  while (wants_to_write() && trouble_.empty()) {
    const auto sent = ::send(fd(), out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
    if (sent > 0) {
      written_ += static_cast<std::size_t>(sent);
      moved = moved || stuck_;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      stuck_ = true;
      return moved;
    } else if (errno != EINTR) {
      fail("the connection broke", errno);
    }
  }
  out_.clear();
  written_ = 0;
  stuck_ = false;
  if (out_.capacity() > most_per_turn) out_.shrink_to_fit();
  return moved;
}

bool redis_connection::receive() {
  std::array<char, read_size> bytes;
  std::size_t taken = 0;
  while (taken < most_per_turn && trouble_.empty()) {
    const auto got = ::recv(fd(), bytes.data(), bytes.size(), 0);
    if (got > 0) {
      reader_.feed({bytes.data(), static_cast<std::size_t>(got)});
      taken += static_cast<std::size_t>(got);
      if (static_cast<std::size_t>(got) < bytes.size()) break;
    } else if (got == 0) {
      trouble_ = "the connection was closed";
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      fail("the connection broke", errno);
    }
  }
  return taken > 0;
}

std::optional<redis_answer> redis_connection::next() {
  auto answer = reader_.next();
  if (reader_.broken() && trouble_.empty()) trouble_ = "what it says is not the protocol of Redis";
  return answer;
}

void redis_connection::fail(std::string_view what, int error) {
  trouble_ = std::string(what) + ": " + std::generic_category().message(error);
}

} // namespace troupe
