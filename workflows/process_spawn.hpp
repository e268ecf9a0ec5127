#pragma once

#include "process_runner.hpp"

#include <sys/types.h>

#include <utility>

namespace troupe {

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

/// Starts a program. The kernel kills it when the calling thread ends.
///
/// REQUIRES: the calling thread blocks all signals. The child runs in our memory until it is
/// another program, and no handler of ours may run there.
outcome<spawned_process> spawn(const process_call& call);

} // namespace troupe
