#include "child_node.hpp"

#include <troupe/protocol/json.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

namespace troupe::detail {

namespace {

// What is longer than this is no line, but is said all the same.
constexpr std::size_t longest_line = std::size_t{64} << 10;

/// Keeps all signals from a thread.
class signal_shield {
public:
  signal_shield() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~signal_shield() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signal_shield(const signal_shield&) = delete;
  signal_shield& operator=(const signal_shield&) = delete;

private:
  sigset_t before_{};
};

} // namespace

void line_buffer::add(std::string_view part, const std::function<void(const std::string&)>& say) {
  rest_ += part;
  std::size_t from = 0;
  for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', from)) {
    say(rest_.substr(from, end - from));
    from = end + 1;
  }
  rest_.erase(0, from);
  if (rest_.size() > longest_line) flush(say);
}

void line_buffer::flush(const std::function<void(const std::string&)>& say) {
  if (!rest_.empty()) say(std::exchange(rest_, std::string()));
}

outcome<pid_t> child_node::start(const std::vector<std::string>& argv) {
  ready_ = false;
  process_call call;
  call.argv = argv;
  // It must not speak for us.
  call.environment = {{"NOTIFY_SOCKET", std::nullopt}, {"WATCHDOG_USEC", std::nullopt}};
  // It has programs of its own to end. SIGTERM would not do: the kernel sends this one whenever a
  // thread of ours ends that is its parent then, and a second SIGTERM ends a node at once.
  call.death_signal = SIGUSR1;
  auto started = [&] {
    const signal_shield shield;
    return spawn(call);
  }();
  if (!started) return started.why();
  process_.emplace(*std::move(started));
  process_->input.reset();
  return process_->id;
}

void child_node::signal(int number) const {
  if (process_) kill(process_->id, number);
}

void child_node::listen() {
  if (!process_) return;
  read_from(process_->output, output_, [this](const std::string& line) { take_line(line); });
  read_from(process_->errors, errors_, on_.says);
}

void child_node::read_from(file_descriptor& end, line_buffer& into,
                           const std::function<void(const std::string&)>& say) {
  std::array<char, 16'384> part{};
  while (end) {
    const auto count = read(end.get(), part.data(), part.size());
    if (count > 0) into.add({part.data(), static_cast<std::size_t>(count)}, say);
    else if (count == 0) end.reset();
    else if (errno != EINTR) return;
  }
}

void child_node::take_line(const std::string& line) {
  const auto facts = parse_json(line);
  if (!facts || !facts->at("role").is_text()) return on_.says(line);
  ready_ = true;
  on_.ready(*facts);
}

int child_node::finish() {
  listen();
  output_.flush(on_.says);
  errors_.flush(on_.says);
  // As long as it is not reaped its number is its own, and so is that of its group.
  kill(-process_->id, SIGKILL);
  int status = 0;
  while (waitpid(process_->id, &status, 0) < 0 && errno == EINTR) continue;
  process_.reset();
  return status;
}

std::vector<int> child_node::descriptors() const {
  if (!process_) return {};
  return {process_->end.get(), process_->output.get(), process_->errors.get()};
}

std::string about_end(int status) {
  if (WIFEXITED(status)) return "exited with " + std::to_string(WEXITSTATUS(status));
  const auto number = WTERMSIG(status);
  return "was ended by signal " + std::to_string(number) + " (" + strsignal(number) + ")";
}

std::string own_program() {
  std::array<char, PATH_MAX> path{};
  const auto length = readlink("/proc/self/exe", path.data(), path.size());
  const std::string name(path.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  // It may have been replaced since it was started; the kernel still has it.
  return access(name.c_str(), X_OK) == 0 ? name : "/proc/self/exe";
}

} // namespace troupe::detail
