#pragma once

#include <stdexcept>
#include <string>

namespace troupe::detail {

// What the program says by its exit status.
inline constexpr int exit_done = 0;
inline constexpr int exit_run_failed = 1;
inline constexpr int exit_bad_usage = 2;
inline constexpr int exit_unreachable = 3;
inline constexpr int exit_paused = 4;
inline constexpr int exit_cancelled = 130;

/// Thrown for what the user has to put right: a bad option, an unreadable file. Ends the program
/// with `exit_bad_usage`.
class usage_error : public std::runtime_error {
public:
  /// A `complete` message is printed as it is, any other one behind the name of the program.
  explicit usage_error(const std::string& message, bool complete = false)
      : std::runtime_error(message), complete_(complete) {}
  [[nodiscard]] bool complete() const noexcept { return complete_; }

private:
  bool complete_;
};

/// Thrown when a cluster says no, or nothing. Ends the program with that status.
class cluster_error : public std::runtime_error {
public:
  cluster_error(int status, const std::string& message)
      : std::runtime_error(message), status_(status) {}
  [[nodiscard]] int status() const noexcept { return status_; }

private:
  int status_;
};

} // namespace troupe::detail
