#include "program_runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace troupe::testing {

namespace {

constexpr std::chrono::seconds longest(90);

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return ends;
}

std::vector<std::string> environment_with(const program_options& options) {
  std::map<std::string, std::string> all;
  for (char** each = environ; *each; ++each) {
    const std::string entry = *each;
    const auto sign = entry.find('=');
    all[entry.substr(0, sign)] = entry.substr(sign + 1);
  }
  for (const auto& [name, content] : options.environment) {
    if (content) all[name] = *content;
    else all.erase(name);
  }
  std::vector<std::string> entries;
  for (const auto& [name, content] : all) {
    std::string entry = name;
    entry += '=';
    entry += content;
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

} // namespace

running_program::running_program(const std::vector<std::string>& argv, program_options options)
    : started_(std::chrono::steady_clock::now()) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto in = make_pipe();
  const auto out = make_pipe();
  const auto err = make_pipe();
  auto words = argv;
  auto word_pointers = pointers_to(words);
  auto entries = environment_with(options);
  auto entry_pointers = pointers_to(entries);
  id_ = fork();
  if (id_ == 0) {
    setpgid(0, 0);
    // A test that is killed does not come to clean up.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGINT, SIG_DFL);
    if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
    execvpe(word_pointers[0], word_pointers.data(), entry_pointers.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  close(err[1]);
  input_ = in[1];
  output_ = out[0];
  errors_ = err[0];
  fcntl(input_, F_SETFL, O_NONBLOCK);
  rest_ = options.input.value_or("");
  keeps_input_open_ = options.keeps_input_open;
  if (rest_.empty() && !keeps_input_open_) close_end(input_);
}

running_program::~running_program() {
  if (id_ > 0) {
    kill(-id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }
  close_end(input_);
  close_end(output_);
  close_end(errors_);
}

void running_program::close_end(int& end) const {
  if (end >= 0) close(std::exchange(end, -1));
}

void running_program::write(std::string_view text) {
  rest_ += text;
}

void running_program::close_input() {
  keeps_input_open_ = false;
  if (rest_.empty()) close_end(input_);
}

void running_program::close_output() {
  close_end(output_);
}

void running_program::signal(int number) const {
  kill(id_, number);
}

// Returns false when there is nothing more to come.
bool running_program::listen() {
  if (output_ < 0 && errors_ < 0) return false;
  if (std::chrono::steady_clock::now() - started_ > longest) kill(-id_, SIGKILL);
  std::array<pollfd, 3> ready{pollfd{output_, POLLIN, 0}, pollfd{errors_, POLLIN, 0},
                              pollfd{rest_.empty() ? -1 : input_, POLLOUT, 0}};
  if (poll(ready.data(), ready.size(), 1000) <= 0) return true;
  std::array<char, 65536> part{};
  const auto take = [&](int& end, std::string& into) {
    const auto count = read(end, part.data(), part.size());
    if (count > 0) into.append(part.data(), static_cast<std::size_t>(count));
    else if (count == 0 || errno != EINTR) close_end(end);
  };
  if (ready[0].revents != 0) take(output_, result_.out);
  if (ready[1].revents != 0) take(errors_, result_.err);
  if (ready[2].revents == 0) return true;
  const auto count = ::write(input_, rest_.data(), rest_.size());
  if (count > 0) rest_.erase(0, static_cast<std::size_t>(count));
  else if (count < 0 && errno != EAGAIN && errno != EINTR) rest_.clear();
  if (rest_.empty() && !keeps_input_open_) close_end(input_);
  return true;
}

bool running_program::listen_until(const std::string& where, std::string_view text) {
  while (where.find(text) == std::string::npos) {
    if (!listen()) return where.find(text) != std::string::npos;
  }
  return true;
}

bool running_program::has_written(std::string_view text) {
  return listen_until(result_.out, text);
}

bool running_program::has_complained(std::string_view text) {
  return listen_until(result_.err, text);
}

program_result running_program::finish() {
  close_input();
  while (listen()) {
  }
  int status = 0;
  waitpid(id_, &status, 0);
  // Nothing that it has started may stay.
  kill(-id_, SIGKILL);
  id_ = -1;
  result_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result_.took = std::chrono::steady_clock::now() - started_;
  return result_;
}

program_result run_program(const std::vector<std::string>& argv, program_options options) {
  return running_program(argv, std::move(options)).finish();
}

} // namespace troupe::testing
