#pragma once

#include <signal.h>

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace troupe::detail {

/// Takes SIGINT, SIGTERM and SIGHUP while it lives, and ignores SIGPIPE. The first one asks for an
/// orderly end; the second one ends the program at once. One at a time in a process.
class interrupts {
public:
  interrupts();
  ~interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;

  [[nodiscard]] bool happened() const noexcept;
  /// Readable once it has happened, for `poll`.
  [[nodiscard]] int descriptor() const noexcept { return pipe_[0]; }

  struct reactions {
    std::function<void()> first{};   ///< at the first signal, or at once when that was before
    std::function<void()> overdue{}; ///< when the end takes longer than is decent after it
  };
  /// What to do, on a thread of its own. Replaces what was given before, and returns only when
  /// none of that is running any more.
  void react_with(reactions what);

private:
  void watch();

  std::array<int, 2> pipe_{-1, -1};
  int stop_ = -1;
  std::array<struct sigaction, 4> before_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  reactions reactions_;
  bool first_done_ = true;
  bool reacting_ = false;
  bool ending_ = false;
  std::thread thread_;
};

/// Says that the cursor is hidden, so that it is shown again however the program ends.
void cursor_is_hidden(bool hidden) noexcept;
/// Undoes what was done to the terminal. Safe in a signal handler.
void restore_terminal() noexcept;

} // namespace troupe::detail
