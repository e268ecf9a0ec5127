#include "interrupts.hpp"

#include "command_error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <system_error>
#include <utility>

namespace troupe::detail {

namespace {

constexpr std::array<int, 4> taken{SIGINT, SIGTERM, SIGHUP, SIGPIPE};
// An orderly end is given less than the two seconds that a person is willing to wait.
constexpr std::chrono::milliseconds patience(1'600);

std::atomic<int> signals_seen{0};
std::atomic<int> pipe_to_write{-1};
std::atomic<bool> cursor_hidden{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void on_signal(int) {
  const auto before = errno;
  if (signals_seen.fetch_add(1) > 0) {
    restore_terminal();
    _exit(exit_cancelled);
  }
  const char byte = 1;
  (void)!write(pipe_to_write.load(), &byte, 1);
  errno = before;
}

} // namespace

void cursor_is_hidden(bool hidden) noexcept {
  cursor_hidden = hidden;
}

void restore_terminal() noexcept {
  if (!cursor_hidden.exchange(false)) return;
  constexpr std::string_view restore = "\x1b[0m\x1b[?25h\r\n";
  (void)!write(STDERR_FILENO, restore.data(), restore.size());
}

interrupts::interrupts() {
  if (pipe2(pipe_.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  stop_ = eventfd(0, EFD_CLOEXEC);
  signals_seen = 0;
  pipe_to_write = pipe_[1];
  for (std::size_t at = 0; at < taken.size(); ++at) {
    struct sigaction action {};
    action.sa_handler = taken[at] == SIGPIPE ? SIG_IGN : on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(taken[at], nullptr, &before_[at]);
    // Who was started to outlive its terminal goes on doing so.
    if (taken[at] == SIGHUP && before_[at].sa_handler == SIG_IGN) continue;
    sigaction(taken[at], &action, nullptr);
  }
  thread_ = std::thread([this] { watch(); });
}

interrupts::~interrupts() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  const std::uint64_t one = 1;
  (void)!write(stop_, &one, sizeof one);
  thread_.join();
  for (std::size_t at = 0; at < taken.size(); ++at) sigaction(taken[at], &before_[at], nullptr);
  pipe_to_write = -1;
  close(pipe_[0]);
  close(pipe_[1]);
  close(stop_);
}

bool interrupts::happened() const noexcept {
  return signals_seen > 0;
}

void interrupts::react_with(reactions what) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !reacting_; });
  reactions_ = std::move(what);
  first_done_ = !reactions_.first;
  changed_.notify_all();
}

void interrupts::watch() {
  std::array<pollfd, 2> ready{pollfd{pipe_[0], POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
  while (poll(ready.data(), ready.size(), -1) < 0 && errno == EINTR) {
  }
  const auto limit = std::chrono::steady_clock::now() + patience;
  bool overdue_done = false;
  std::unique_lock lock(mutex_);
  const auto is_late = [&] { return std::chrono::steady_clock::now() >= limit; };
  while (!ending_) {
    std::function<void()> next;
    if (!std::exchange(first_done_, true)) next = reactions_.first;
    else if (!overdue_done && is_late()) {
      overdue_done = true;
      next = reactions_.overdue;
    }
    if (next) {
      reacting_ = true;
      lock.unlock();
      next();
      lock.lock();
      reacting_ = false;
      changed_.notify_all();
    } else if (overdue_done) {
      changed_.wait(lock, [&] { return ending_ || !first_done_; });
    } else {
      changed_.wait_until(lock, limit, [&] { return ending_ || !first_done_; });
    }
  }
}

} // namespace troupe::detail
