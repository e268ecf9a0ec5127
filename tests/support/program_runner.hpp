#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::testing {

struct program_options {
  std::optional<std::string> input{}; ///< all of its standard input; nothing: an empty one
  bool keeps_input_open = false;      ///< until `close_input`
  std::string directory{};            ///< to run in; empty: ours
  /// What differs from our environment; a variable without a value is removed.
  std::map<std::string, std::optional<std::string>> environment{};
};

struct program_result {
  int status = -1; ///< exit status, or 128 and the signal that ended it
  std::string out{};
  std::string err{};
  std::chrono::nanoseconds took{};
};

/// A program under test: fed, listened to, interrupted. Killed when it takes longer than a test may
/// wait.
class running_program {
public:
  explicit running_program(const std::vector<std::string>& argv, program_options options = {});
  ~running_program();
  running_program(const running_program&) = delete;
  running_program& operator=(const running_program&) = delete;

  void write(std::string_view text);
  void close_input();
  void close_output(); ///< stops listening to its standard output
  void signal(int number) const;
  /// Waits until it has written that; false when it ends before.
  [[nodiscard]] bool has_written(std::string_view text);
  [[nodiscard]] bool has_complained(std::string_view text);
  /// Waits for its end.
  program_result finish();

private:
  bool listen_until(const std::string& where, std::string_view text);
  bool listen();
  void close_end(int& end) const;

  pid_t id_ = -1;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  std::string rest_; // of the input
  bool keeps_input_open_ = false;
  program_result result_;
  std::chrono::steady_clock::time_point started_;
};

/// Runs a program to its end.
program_result run_program(const std::vector<std::string>& argv, program_options options = {});

} // namespace troupe::testing
