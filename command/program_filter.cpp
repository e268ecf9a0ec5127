#include "program_filter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>

extern char** environ;

namespace troupe::detail {

namespace {

class channel {
public:
  channel() { opened_ = pipe2(ends_.data(), O_CLOEXEC) == 0; }
  ~channel() {
    close_end(0);
    close_end(1);
  }
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  [[nodiscard]] bool opened() const noexcept { return opened_; }
  [[nodiscard]] int reader() const noexcept { return ends_[0]; }
  [[nodiscard]] int writer() const noexcept { return ends_[1]; }
  void close_end(std::size_t which) {
    if (ends_[which] >= 0) close(ends_[which]);
    ends_[which] = -1;
  }

private:
  std::array<int, 2> ends_{-1, -1};
  bool opened_ = false;
};

void take(channel& from, std::string& into) {
  std::array<char, 65536> part{};
  const auto count = read(from.reader(), part.data(), part.size());
  if (count > 0) into.append(part.data(), static_cast<std::size_t>(count));
  else if (count == 0 || errno != EINTR) from.close_end(0);
}

// A program may write before it has read everything, so all pipes are served at once.
void exchange(channel& input, channel& output, channel& errors, std::string_view text,
              filtered& result) {
  (void)fcntl(input.writer(), F_SETFL, O_NONBLOCK);
  while (output.reader() >= 0 || errors.reader() >= 0) {
    if (text.empty()) input.close_end(1);
    std::array<pollfd, 3> ready{pollfd{input.writer(), POLLOUT, 0},
                                pollfd{output.reader(), POLLIN, 0},
                                pollfd{errors.reader(), POLLIN, 0}};
    if (poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[0].revents != 0) {
      const auto count = write(input.writer(), text.data(), text.size());
      if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
      else if (count < 0 && errno != EAGAIN && errno != EINTR) text = {};
    }
    if (ready[1].revents != 0) take(output, result.output);
    if (ready[2].revents != 0) take(errors, result.errors);
  }
}

int spawn(pid_t& child, const std::vector<std::string>& argv, const channel& input,
          const channel& output, const channel& errors) {
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files{};
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, input.reader(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, output.writer(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, errors.writer(), STDERR_FILENO);
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  sigset_t standard;
  sigemptyset(&standard);
  sigaddset(&standard, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &standard);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int error = posix_spawnp(&child, words[0], &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

} // namespace

filtered filter_through(const std::vector<std::string>& argv, const std::string& input) {
  filtered result;
  channel in;
  channel out;
  channel err;
  if (!in.opened() || !out.opened() || !err.opened()) {
    result.errors = std::generic_category().message(errno);
    return result;
  }
  pid_t child = -1;
  if (const auto error = spawn(child, argv, in, out, err); error != 0) {
    result.errors = std::generic_category().message(error);
    return result;
  }
  result.started = true;
  in.close_end(0);
  out.close_end(1);
  err.close_end(1);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  exchange(in, out, err, input, result);
  std::signal(SIGPIPE, before);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
  return result;
}

} // namespace troupe::detail
