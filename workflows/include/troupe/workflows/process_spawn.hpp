#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/time.hpp>

#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// One program to run.
struct process_call {
  /// The program and its arguments; there is no shell. A name without `/` is looked up in `PATH`;
  /// a relative path starts at `directory`.
  std::vector<std::string> argv{};
  /// What differs from our environment; a variable without a value is removed.
  std::map<std::string, std::optional<std::string>> environment{};
  std::string directory{};                        ///< to run in; empty: ours
  std::string input{};                            ///< for its standard input
  duration grace = std::chrono::seconds(5);       ///< between SIGTERM and SIGKILL
  std::size_t max_output = std::size_t{16} << 20; ///< bytes of its standard output
  int death_signal = SIGKILL; ///< that the kernel sends it when the thread that started it ends
};

/// Owns an open file descriptor, or none.
class file_descriptor {
public:
  explicit file_descriptor(int number = -1) noexcept : number_(number) {}
  ~file_descriptor() { reset(); }
  file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

  file_descriptor& operator=(file_descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.number_, -1));
    return *this;
  }

  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }
  void reset(int number = -1) noexcept;

private:
  int number_;
};

/// A program that was started, and our ends of its pipes, which never block.
struct spawned_process {
  pid_t id = 0;          ///< of the program and of its group
  file_descriptor end{}; ///< readable once the program has ended; it stays to be reaped
  file_descriptor input{};
  file_descriptor output{};
  file_descriptor errors{};
};

/// Starts a program. The kernel signals it when the calling thread ends.
///
/// REQUIRES: the calling thread blocks all signals. The child runs in our memory until it is
/// another program, and no handler of ours may run there.
outcome<spawned_process> spawn(const process_call& call);

} // namespace troupe
