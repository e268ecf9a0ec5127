#include <troupe/workflows/process_spawn.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>

namespace troupe {

namespace {

constexpr unsigned close_on_exec = 1U << 2; // CLOSE_RANGE_CLOEXEC, which older headers lack

struct pipe_ends {
  file_descriptor reader;
  file_descriptor writer;
};

/// Everything the child needs, made before it exists: it must not allocate.
struct launch {
  std::vector<std::string> variables;
  std::vector<std::string> places; // where the program may be
  std::vector<char*> argv;
  std::vector<char*> envp;
  const char* directory = nullptr;
  pid_t parent = 0;
  int death_signal = SIGKILL;
  int input = -1;
  int output = -1;
  int errors = -1;
  int report = -1;
};

/// What the child says when it cannot become the program.
struct refusal {
  enum class step : int { directory, program } at;
  int number;
};

// Standard descriptors may be closed in our process; the child would overwrite its own pipes then.
file_descriptor above_standard(int number) {
  if (number < 0 || number > STDERR_FILENO) return file_descriptor(number);
  const file_descriptor low(number);
  return file_descriptor(fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

bool open_pipe(pipe_ends& ends) {
  std::array<int, 2> numbers{-1, -1};
  if (pipe2(numbers.data(), O_CLOEXEC) != 0) return false;
  ends.reader = above_standard(numbers[0]);
  ends.writer = above_standard(numbers[1]);
  return ends.reader && ends.writer;
}

bool never_block(const file_descriptor& end) {
  return fcntl(end.get(), F_SETFL, O_NONBLOCK) == 0;
}

std::map<std::string, std::string> environment_for(const process_call& call) {
  std::map<std::string, std::string> result;
  for (auto* const* each = environ; each && *each; ++each) {
    const std::string_view text(*each);
    const auto equals = text.find('=', 1);
    if (equals == text.npos) continue;
    result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const auto& [name, content] : call.environment) {
    if (content) result.insert_or_assign(name, *content);
    else result.erase(name);
  }
  return result;
}

std::vector<std::string> places_of(const std::string& program,
                                   const std::map<std::string, std::string>& environment) {
  if (program.find('/') != std::string::npos) return {program};
  const auto found = environment.find("PATH");
  std::string_view path = "/bin:/usr/bin";
  if (found != environment.end()) path = found->second;
  std::vector<std::string> result;
  while (true) {
    const auto end = path.find(':');
    std::string place(path.substr(0, end));
    if (!place.empty()) place += '/';
    result.push_back(place += program);
    if (end == path.npos) return result;
    path.remove_prefix(end + 1);
  }
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const auto& each : texts) result.push_back(const_cast<char*>(each.c_str()));
  result.push_back(nullptr);
  return result;
}

// From here on only what is safe after a fork: no memory, no locks.

[[noreturn]] void refuse(const launch& plan, refusal::step at, int number) noexcept {
  const refusal why{at, number};
  (void)!write(plan.report, &why, sizeof why);
  _exit(127);
}

void reset_signals() noexcept {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_program(const launch& plan) noexcept {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, plan.death_signal);
  if (getppid() != plan.parent) _exit(127);
  dup2(plan.input, STDIN_FILENO);
  dup2(plan.output, STDOUT_FILENO);
  dup2(plan.errors, STDERR_FILENO);
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, close_on_exec);
  if (plan.directory && chdir(plan.directory) != 0) refuse(plan, refusal::step::directory, errno);
  reset_signals();
  int reason = ENOENT;
  for (const auto& place : plan.places) {
    execve(place.c_str(), plan.argv.data(), plan.envp.data());
    if (errno == ENOENT || errno == ENOTDIR) continue;
    reason = errno;
    if (reason != EACCES) break;
  }
  refuse(plan, refusal::step::program, reason);
}

// Not `fork`: that would copy the page tables of a large process, and take all locks of malloc.
pid_t launch_child(const launch& plan) {
  const auto child = vfork();
  if (child == 0) become_program(plan);
  return child;
}

// Here everything is allowed again.

bool is_shortage(int number) {
  constexpr std::array shortages{EAGAIN, ENOMEM, EMFILE, ENFILE, ETXTBSY, ENOSPC};
  for (const int each : shortages)
    if (each == number) return true;
  return false;
}

failure no_start(const process_call& call, const refusal& why) {
  auto text = "cannot start " + call.argv.front();
  if (why.at == refusal::step::directory) text += " in " + call.directory;
  return {is_shortage(why.number) ? failure_kind::transient : failure_kind::permanent,
          text + ": " + std::generic_category().message(why.number)};
}

failure no_start(const process_call& call) {
  return no_start(call, {refusal::step::program, errno});
}

std::optional<std::string> refusal_of(const process_call& call) {
  const auto cut = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (call.argv.empty() || call.argv.front().empty()) return "no program is named";
  for (const auto& each : call.argv)
    if (cut(each)) return "an argument has a zero byte in it";
  for (const auto& [name, content] : call.environment) {
    if (name.empty() || name.find('=') != std::string::npos || cut(name))
      return "the environment has a name that is empty or has `=` or a zero byte in it";
    if (content && cut(*content)) return "a variable of the environment has a zero byte in it";
  }
  if (cut(call.directory)) return "the directory has a zero byte in it";
  return {};
}

launch prepare(const process_call& call) {
  launch plan;
  const auto environment = environment_for(call);
  for (const auto& [name, content] : environment)
    (plan.variables.emplace_back(name) += '=') += content;
  plan.places = places_of(call.argv.front(), environment);
  plan.argv = pointers_to(call.argv);
  plan.envp = pointers_to(plan.variables);
  if (!call.directory.empty()) plan.directory = call.directory.c_str();
  plan.parent = getpid();
  plan.death_signal = call.death_signal;
  return plan;
}

std::optional<refusal> read_refusal(const file_descriptor& report) {
  refusal why{};
  ssize_t length = 0;
  do length = read(report.get(), &why, sizeof why);
  while (length < 0 && errno == EINTR);
  if (length != static_cast<ssize_t>(sizeof why)) return {};
  return why;
}

void reap(pid_t child) {
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
}

} // namespace

void file_descriptor::reset(int number) noexcept {
  if (number_ >= 0) close(number_);
  number_ = number;
}

outcome<spawned_process> spawn(const process_call& call) {
  if (const auto reason = refusal_of(call))
    return failure{failure_kind::permanent, "cannot start a program: " + *reason};
  pipe_ends input;
  pipe_ends output;
  pipe_ends errors;
  pipe_ends report;
  for (auto* each : {&input, &output, &errors, &report})
    if (!open_pipe(*each)) return no_start(call);
  if (!never_block(input.writer) || !never_block(output.reader) || !never_block(errors.reader))
    return no_start(call);

  auto plan = prepare(call);
  plan.input = input.reader.get();
  plan.output = output.writer.get();
  plan.errors = errors.writer.get();
  plan.report = report.writer.get();
  const auto child = launch_child(plan);
  if (child < 0) return no_start(call);
  report.writer.reset();
  if (const auto why = read_refusal(report.reader)) {
    reap(child);
    return no_start(call, *why);
  }
  spawned_process started{
      child, file_descriptor(static_cast<int>(syscall(SYS_pidfd_open, child, 0))),
      std::move(input.writer), std::move(output.reader), std::move(errors.reader)};
  if (!started.end) {
    auto why = no_start(call);
    kill(-child, SIGKILL);
    reap(child);
    return why;
  }
  return started;
}

} // namespace troupe
