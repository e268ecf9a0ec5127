#include "service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace troupe::detail {

namespace {

std::string taken(const char* name) {
  const char* content = std::getenv(name);
  std::string text = content ? content : "";
  unsetenv(name);
  return text;
}

template <class Number>
Number number(const std::string& text) {
  Number read = 0;
  std::from_chars(text.data(), text.data() + text.size(), read);
  return read;
}

} // namespace

service_manager::service_manager() : address_(taken("NOTIFY_SOCKET")) {
  const auto period = number<std::uint64_t>(taken("WATCHDOG_USEC"));
  const auto whom = taken("WATCHDOG_PID");
  // An address that begins with `@` is one without a file: its first byte is zero.
  const auto fits = !address_.empty() && (address_[0] == '/' || address_[0] == '@')
                    && address_.size() < sizeof(sockaddr_un::sun_path);
  if (!fits) return;
  if (address_[0] == '@') address_[0] = '\0';
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (period > 0 && (whom.empty() || number<pid_t>(whom) == getpid())) {
    watchdog_ = std::chrono::microseconds(period / 2);
  }
}

service_manager::~service_manager() {
  if (socket_ >= 0) close(socket_);
}

void service_manager::tell(std::string_view state) const {
  if (socket_ < 0) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // Nothing depends on it: who does not listen is not told.
  (void)!sendto(socket_, state.data(), state.size(), MSG_NOSIGNAL,
                reinterpret_cast<const sockaddr*>(&to), length);
}

} // namespace troupe::detail
