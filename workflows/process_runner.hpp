#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/workflows/process_spawn.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace troupe {

/// How a program ended.
struct process_reply {
  int exit_code = 0;
  int signal = 0;       ///< that ended it; 0: it exited
  std::string output{}; ///< its whole standard output
  std::string errors{}; ///< the last 4 KiB of its standard error
};

/// Runs programs, many at a time, on one thread that starts with the first of them.
///
/// Each program leads a process group of its own. When the program has ended, whoever is left in
/// the group is killed, so nothing outlives its call but what has left the group. If our process is
/// killed, the kernel kills the programs.
///
/// Says no with `permanent` when a program cannot be started or writes too much, `transient` when
/// the system is out of processes, memory or file descriptors, `cancelled` when it was stopped. A
/// program that ends by itself is a reply, whatever its exit code.
class process_runner {
public:
  /// Called once per program, when it is gone, on the runner's thread, or inside `start` if that
  /// thread cannot be had. Must neither block nor throw.
  using done = std::function<void(outcome<process_reply>)>;

  process_runner();
  /// Stops what is under way, with the rest of its grace but a second at most, answers it as
  /// `cancelled` and, unless called from a `done`, waits for that.
  ~process_runner();
  process_runner(const process_runner&) = delete;
  process_runner& operator=(const process_runner&) = delete;

  /// The runner of this process. It lives as long as somebody holds it.
  [[nodiscard]] static std::shared_ptr<process_runner> shared();

  /// Sends SIGTERM to the group of one program and, once its grace has passed, SIGKILL; unless it
  /// has ended already. Members of the group that still hold its output when the program itself
  /// has ended get the rest of the grace. May be called at any time and from any thread.
  using stopper = std::function<void()>;

  /// From any thread, also from a `done`.
  stopper start(process_call call, done answer);

private:
  class loop;
  std::shared_ptr<loop> loop_;
};

} // namespace troupe
