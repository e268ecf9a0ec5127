#include "process_runner.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace troupe {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t chunk = std::size_t{64} << 10;
constexpr std::size_t kept_errors = std::size_t{4} << 10;
// While the runner closes: until programs are killed, and until those that hang in the kernel even
// then are left to themselves.
constexpr auto closing_grace = std::chrono::seconds(1);
constexpr auto longest_closing = std::chrono::seconds(2);

bool may_try_again(int number) {
  return number == EAGAIN || number == EINTR;
}

} // namespace

class process_runner::loop : public std::enable_shared_from_this<process_runner::loop> {
public:
  std::uint64_t start(process_call call, done answer) {
    order given{next_id_.fetch_add(1), std::make_unique<program>()};
    const auto id = given.fresh->id = given.id;
    given.fresh->call = std::move(call);
    given.fresh->answer = std::move(answer);
    if (const auto refused = send(given)) given.fresh->answer(*refused);
    return id;
  }

  void stop(std::uint64_t id) {
    order given{id, nullptr};
    (void)send(given);
  }

  void shut_down() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake();
    if (!thread_.joinable()) return;
    if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();
    else thread_.join();
  }

private:
  struct program {
    std::uint64_t id = 0;
    process_call call{};
    done answer{};
    spawned_process live{};
    std::size_t written = 0;
    process_reply reply{};
    bool ended = false;    // and waits to be reaped
    bool stopping = false; // was asked to end
    bool exceeded = false; // wrote too much
    bool killed = false;
    instant kill_at = no_deadline;
  };
  using program_ptr = std::unique_ptr<program>;

  // A program to start, or the id of one to stop.
  struct order {
    std::uint64_t id;
    program_ptr fresh;
  };

  /// What a descriptor that is polled stands for.
  enum class role : std::uint8_t { input, output, errors, end };
  struct watch {
    program* whose;
    role what;
  };

  std::optional<failure> send(order& given);
  bool open_thread();
  void wake() const;
  void run();
  bool obey();
  void begin(program_ptr fresh);
  void stop(program& which);
  void close();
  void wait(instant limit);
  void add(program& whose, role what, const file_descriptor& end, short events);
  void serve(const watch& ready);
  [[nodiscard]] instant next_deadline() const;
  void settle();
  void conclude(program& which);
  void finish(program& which, outcome<process_reply> result);
  outcome<process_reply> result_of(program& which);

  static void kill_group(program& which);
  static void write_input(program& which);
  void read_output(program& which, std::size_t most);
  void read_errors(program& which, std::size_t most);
  void drain(program& which);
  std::string_view read_some(file_descriptor& from, std::size_t most);
  static bool is_over(const program& which);

  std::atomic<std::uint64_t> next_id_{1};
  file_descriptor wakeup_; // set once, before the thread starts

  std::mutex mutex_; // guards the three below
  std::vector<order> orders_;
  bool closing_ = false;
  std::thread thread_;

  // The rest belongs to the thread.
  std::map<std::uint64_t, program_ptr> programs_;
  std::vector<pollfd> polled_;
  std::vector<watch> watches_;
  std::array<char, chunk> buffer_{};
};

// Returns why nothing can be started; the program is then left where it was.
std::optional<failure> process_runner::loop::send(order& given) {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) {
      if (!given.fresh) return {};
      if (!open_thread())
        return failure{failure_kind::transient,
                       "no program can be started: " + std::generic_category().message(errno)};
    }
    orders_.push_back(std::move(given));
  }
  wake();
  return {};
}

bool process_runner::loop::open_thread() {
  if (!wakeup_) wakeup_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wakeup_) return false;
  try {
    thread_ = std::thread([self = shared_from_this()] { self->run(); });
  } catch (const std::system_error& error) {
    errno = error.code().value();
    return false;
  }
  return true;
}

void process_runner::loop::wake() const {
  const std::uint64_t one = 1;
  if (wakeup_) (void)!write(wakeup_.get(), &one, sizeof one);
}

void process_runner::loop::run() {
  // Signals belong to the program's own threads. A write to a closed pipe must not end us, and no
  // handler may run in a child that still shares our memory.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  while (obey()) {
    wait(next_deadline());
    settle();
  }
  close();
}

// Returns false when it is time to end.
bool process_runner::loop::obey() {
  std::vector<order> orders;
  bool closing = false;
  {
    const std::lock_guard lock(mutex_);
    orders.swap(orders_);
    closing = closing_;
  }
  for (auto& each : orders) {
    if (each.fresh) begin(std::move(each.fresh));
    else if (const auto found = programs_.find(each.id); found != programs_.end())
      stop(*found->second);
  }
  return !closing;
}

void process_runner::loop::begin(program_ptr fresh) {
  auto& which = *fresh;
  programs_.emplace(which.id, std::move(fresh));
  auto started = spawn(which.call);
  if (!started) return finish(which, started.why());
  which.live = std::move(*started);
  if (which.call.input.empty()) which.live.input.reset();
}

void process_runner::loop::stop(program& which) {
  if (which.stopping || which.killed) return;
  which.stopping = true;
  which.kill_at = later(clock::now(), which.call.grace);
  if (which.call.grace <= duration::zero()) return kill_group(which);
  kill(-which.live.id, SIGTERM);
  kill(-which.live.id, SIGCONT); // a stopped process would not see it
}

void process_runner::loop::kill_group(program& which) {
  which.killed = true;
  kill(-which.live.id, SIGKILL);
}

void process_runner::loop::close() {
  const auto now = clock::now();
  const auto limit = later(now, longest_closing);
  for (auto& [id, each] : programs_) {
    stop(*each);
    each->kill_at = std::min(each->kill_at, later(now, closing_grace));
  }
  while (!programs_.empty() && clock::now() < limit) {
    wait(std::min(limit, next_deadline()));
    settle();
  }
  while (!programs_.empty()) conclude(*programs_.begin()->second);
  std::vector<order> late; // whoever was answered may have asked for more
  {
    const std::lock_guard lock(mutex_);
    late.swap(orders_);
  }
  for (auto& each : late)
    if (each.fresh)
      each.fresh->answer(failure{failure_kind::cancelled, "the runner of programs is closing"});
}

void process_runner::loop::add(program& whose, role what, const file_descriptor& end,
                               short events) {
  if (!end) return;
  polled_.push_back({end.get(), events, 0});
  watches_.push_back({&whose, what});
}

void process_runner::loop::wait(instant limit) {
  polled_.assign(1, {wakeup_.get(), POLLIN, 0});
  watches_.assign(1, {nullptr, role::end});
  for (auto& [id, each] : programs_) {
    add(*each, role::input, each->live.input, POLLOUT);
    add(*each, role::output, each->live.output, POLLIN);
    add(*each, role::errors, each->live.errors, POLLIN);
    if (!each->ended) add(*each, role::end, each->live.end, POLLIN);
  }
  int patience = -1;
  if (limit != no_deadline) {
    constexpr milliseconds most(60'000);
    const auto left = std::chrono::ceil<milliseconds>(limit - clock::now());
    patience = static_cast<int>(std::clamp(left, milliseconds(0), most).count());
  }
  if (poll(polled_.data(), polled_.size(), patience) <= 0) return;
  std::uint64_t count = 0;
  if (polled_.front().revents != 0) (void)!read(wakeup_.get(), &count, sizeof count);
  for (std::size_t at = 1; at < polled_.size(); ++at)
    if (polled_[at].revents != 0) serve(watches_[at]);
}

void process_runner::loop::serve(const watch& ready) {
  auto& whose = *ready.whose;
  switch (ready.what) {
  case role::input: return write_input(whose);
  case role::output: return read_output(whose, chunk);
  case role::errors: return read_errors(whose, chunk);
  case role::end: whose.ended = true;
  }
}

void process_runner::loop::write_input(program& which) {
  const auto& input = which.call.input;
  const auto length =
      write(which.live.input.get(), input.data() + which.written, input.size() - which.written);
  if (length < 0 && may_try_again(errno)) return;
  if (length > 0) which.written += static_cast<std::size_t>(length);
  if (length <= 0 || which.written == input.size()) which.live.input.reset();
}

// Closes the descriptor once there is nothing more to come.
std::string_view process_runner::loop::read_some(file_descriptor& from, std::size_t most) {
  if (!from) return {};
  const auto length = read(from.get(), buffer_.data(), std::min(most, buffer_.size()));
  if (length > 0) return {buffer_.data(), static_cast<std::size_t>(length)};
  if (length == 0 || !may_try_again(errno)) from.reset();
  return {};
}

void process_runner::loop::read_output(program& which, std::size_t most) {
  const auto bytes = read_some(which.live.output, most);
  auto& output = which.reply.output;
  if (bytes.size() <= which.call.max_output - output.size()) {
    output += bytes;
    return;
  }
  which.exceeded = true;
  which.live.output.reset();
  output.clear();
  kill_group(which);
}

void process_runner::loop::read_errors(program& which, std::size_t most) {
  auto& errors = which.reply.errors;
  errors += read_some(which.live.errors, most);
  if (errors.size() > kept_errors) errors.erase(0, errors.size() - kept_errors);
}

// Takes what is in the pipes right now: a descendant that has left the group may hold them open,
// and even go on writing.
void process_runner::loop::drain(program& which) {
  const auto waiting_in = [](const file_descriptor& end) {
    int count = 0;
    if (!end || ioctl(end.get(), FIONREAD, &count) != 0) return std::size_t{0};
    return static_cast<std::size_t>(std::max(count, 0));
  };
  for (auto left = waiting_in(which.live.output); left > 0; left -= std::min(left, chunk))
    read_output(which, left);
  for (auto left = waiting_in(which.live.errors); left > 0; left -= std::min(left, chunk))
    read_errors(which, left);
}

instant process_runner::loop::next_deadline() const {
  auto next = no_deadline;
  for (const auto& [id, each] : programs_)
    if (each->stopping && !each->killed) next = std::min(next, each->kill_at);
  return next;
}

// After a stop, who still holds the output gets the rest of the grace: a shell is often gone long
// before what it has started.
bool process_runner::loop::is_over(const program& which) {
  if (!which.ended) return false;
  return !which.stopping || which.killed || (!which.live.output && !which.live.errors);
}

void process_runner::loop::settle() {
  const instant now = clock::now();
  std::vector<program*> over;
  for (auto& [id, each] : programs_) {
    if (each->stopping && !each->killed && each->kill_at <= now) kill_group(*each);
    if (is_over(*each)) over.push_back(each.get());
  }
  for (auto* each : over) conclude(*each);
}

void process_runner::loop::conclude(program& which) {
  // Until the program is reaped, the number of its group belongs to nobody else.
  kill_group(which);
  drain(which);
  auto result = result_of(which);
  finish(which, std::move(result));
}

outcome<process_reply> process_runner::loop::result_of(program& which) {
  siginfo_t ended{};
  const auto reaped = waitid(P_PID, static_cast<id_t>(which.live.id), &ended, WEXITED | WNOHANG);
  const auto& name = which.call.argv.front();
  if (which.stopping) return failure{failure_kind::cancelled, name + " was stopped"};
  if (which.exceeded)
    return failure{failure_kind::permanent, name + " was killed: its output is larger than "
                                                + std::to_string(which.call.max_output) + " bytes"};
  if (reaped != 0 || ended.si_pid == 0)
    return failure{failure_kind::unclassified,
                   "how " + name + " ended is unknown: somebody else has waited for it"};
  if (ended.si_code == CLD_EXITED) which.reply.exit_code = ended.si_status;
  else which.reply.signal = ended.si_status;
  return std::move(which.reply);
}

void process_runner::loop::finish(program& which, outcome<process_reply> result) {
  const auto kept = std::move(programs_.extract(which.id).mapped());
  kept->live = {};
  kept->answer(std::move(result));
}

process_runner::process_runner() : loop_(std::make_shared<loop>()) {}

process_runner::~process_runner() {
  loop_->shut_down();
}

std::shared_ptr<process_runner> process_runner::shared() {
  static std::mutex mutex;
  static std::weak_ptr<process_runner> existing;
  const std::scoped_lock lock(mutex);
  auto runner = existing.lock();
  if (!runner) existing = runner = std::make_shared<process_runner>();
  return runner;
}

process_runner::stopper process_runner::start(process_call call, done answer) {
  const auto id = loop_->start(std::move(call), std::move(answer));
  return [loop = loop_, id] { loop->stop(id); };
}

} // namespace troupe
