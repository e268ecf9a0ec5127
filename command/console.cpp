#include "console.hpp"

#include "interrupts.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace troupe::detail {

namespace {

// Whoever has closed our output wants no more: end quietly, as if SIGPIPE were not ignored.
[[noreturn]] void end_unheard() {
  restore_terminal();
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
  _exit(128 + SIGPIPE);
}

std::string variable(const char* name) {
  const char* content = std::getenv(name);
  return content ? content : "";
}

} // namespace

void text_output::write(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  while (!text.empty() && error_ == 0) {
    const auto count = ::write(descriptor_, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd ready{descriptor_, POLLOUT, 0};
      (void)poll(&ready, 1, -1);
    } else if (errno == EPIPE && descriptor_ == STDOUT_FILENO) {
      end_unheard();
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
}

bool text_output::good() const {
  const std::scoped_lock lock(mutex_);
  return error_ == 0;
}

bool text_output::is_terminal() const noexcept {
  return isatty(descriptor_) == 1;
}

console::console(std::string program, console_options options)
    : program_(std::move(program)), options_(options),
      paints_(err.is_terminal() && variable("TERM") != "dumb" && !variable("TERM").empty()),
      colored_(paints_ && options.colored && variable("NO_COLOR").empty()) {}

void console::say(std::string_view text) {
  err.line(program_ + ": " + std::string(text));
}

bool console::can_ask() const noexcept {
  return isatty(STDIN_FILENO) == 1 && err.is_terminal();
}

screen_size size_of_screen() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {};
  }
  return {size.ws_col, size.ws_row};
}

} // namespace troupe::detail
