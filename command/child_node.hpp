#pragma once

#include "process_file.hpp"

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/workflows/process_spawn.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

/// A text that comes in parts, taken apart into its lines.
class line_buffer {
public:
  /// Says each line that is complete now.
  void add(std::string_view part, const std::function<void(const std::string&)>& say);
  /// Says what is left.
  void flush(const std::function<void(const std::string&)>& say);

private:
  std::string rest_;
};

/// A node as a process of its own: started, listened to, ended. It ends at once when this process
/// does, however that comes about.
class child_node {
public:
  struct callbacks {
    std::function<void(const value& facts)> ready{};     ///< it is, and where
    std::function<void(const std::string& line)> says{}; ///< on its standard error
  };

  child_node(std::string name, callbacks on) : name_(std::move(name)), on_(std::move(on)) {}

  /// Returns its number. REQUIRES: it does not run, and the calling thread is the main one.
  outcome<pid_t> start(const std::vector<std::string>& argv);
  void signal(int number) const;
  /// Reads what there is to read.
  void listen();
  /// Once its end is readable: how it ended, as the status that `waitpid` gives.
  int finish();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool runs() const noexcept { return process_.has_value(); }
  [[nodiscard]] bool is_ready() const noexcept { return ready_; }
  [[nodiscard]] pid_t id() const noexcept { return process_ ? process_->id : 0; }
  /// What becomes readable: its end, its standard output and error; -1 for what is closed.
  [[nodiscard]] std::vector<int> descriptors() const;

private:
  void read_from(file_descriptor& end, line_buffer& into,
                 const std::function<void(const std::string&)>& say);
  void take_line(const std::string& line);

  std::string name_;
  callbacks on_;
  std::optional<spawned_process> process_;
  line_buffer output_;
  line_buffer errors_;
  bool ready_ = false;
};

/// Returns `exited with 2`, `was ended by signal 9 (Killed)`.
[[nodiscard]] std::string about_end(int status);
/// This program, so that it can be started once more.
[[nodiscard]] std::string own_program();

} // namespace troupe::detail
