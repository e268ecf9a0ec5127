// What a step costs on a worker in another process, over loopback: every figure is of a coordinator
// in this process and workers in processes of their own, which are this program again. Set
// TROUPE_BENCH_TLS to a folder that `make_cluster_ca` may use for mutual TLS.
#include <troupe/nodes/certificates.hpp>
#include <troupe/nodes/node.hpp>
#include <troupe/troupe.hpp>

#include <benchmark/benchmark.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace troupe;

namespace {

auto no_op() {
  return inline_step("no_op", [](int x) { return x; }, {.idempotent = true});
}

auto nap() {
  return async_step<int, int>(
      "nap",
      [](int x, completion<int> done) { done.context().after(10ms, [x, done] { done(x); }); },
      {.idempotent = true});
}

auto spread(int window) {
  return map_over(no_op(), {.max_in_flight = window});
}

auto spread_naps(int window) {
  return map_over(nap(), {.max_in_flight = window});
}

// Ends when it is told to stop.
auto hold() {
  return async_step<int, int>(
      "hold",
      [](int, completion<int> done) {
        auto on_stop = std::make_shared<std::optional<std::stop_callback<std::function<void()>>>>();
        on_stop->emplace(done.context().stop_token(), [done, on_stop] {
          done(failure{failure_kind::cancelled, "told to stop"});
        });
      },
      {.idempotent = true});
}

constexpr int wide = 1'024;
constexpr int held = 10'000;
constexpr int nap_credit = 8;
constexpr int rounds = 100;

tls_files identity_of(const std::string& name) {
  const char* folder = std::getenv("TROUPE_BENCH_TLS");
  if (!folder) return {};
  const std::string base(folder);
  return {base + "/ca.pem", base + '/' + name + ".pem", base + '/' + name + "-key.pem"};
}

node_options common(const std::string& name, std::size_t threads) {
  node_options options;
  options.name = name;
  options.tls = identity_of(name);
  options.runtime.log = false;
  options.runtime.workers = threads;
  options.max_queued = 200'000;
  options.registry.add_pipeline("no_op", no_op());
  options.registry.add_pipeline("spread", spread(wide));
  options.registry.add_pipeline("nap", nap());
  options.registry.add_pipeline("held", map_over(hold(), {.max_in_flight = held}));
  for (int workers = 1; workers <= 16; workers *= 2) {
    options.registry.add_pipeline("naps" + std::to_string(workers),
                                  spread_naps(nap_credit * workers));
  }
  return options;
}

int work_for(const std::string& port, const std::string& name, const std::string& credit) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto options = common(name, 1);
  options.credit = std::stoul(credit);
  options.coordinators = {{"127.0.0.1", static_cast<std::uint16_t>(std::stoi(port))}};
  const node worker(options);
  pause();
  return 0;
}

/// A coordinator here, and workers that end with it.
class cluster {
public:
  explicit cluster(int workers, int credit = held) : home_(coordinator()) {
    const auto takes = std::to_string(credit);
    for (int number = 0; number < workers; ++number) {
      const auto child = fork();
      if (child == 0) {
        const auto port = std::to_string(home_.listen_address().port);
        const auto name = "worker-" + std::to_string(number);
        execl("/proc/self/exe", "cluster_speed", "--work-for", port.c_str(), name.c_str(),
              takes.c_str(), nullptr);
        _exit(127);
      }
      children_.push_back(child);
    }
    home_.wait_for_connections(static_cast<std::size_t>(workers), 30s);
  }
  ~cluster() {
    for (const auto child : children_) kill(child, SIGKILL);
    for (const auto child : children_) waitpid(child, nullptr, 0);
  }
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  [[nodiscard]] runtime& home() const { return home_.runtime(); }
  void kill_one() {
    kill(children_.back(), SIGKILL);
    waitpid(children_.back(), nullptr, 0);
    children_.pop_back();
  }

private:
  static node_options coordinator() {
    auto options = common("home", 1);
    options.role = node_role::coordinator;
    options.serves_http = false;
    return options;
  }

  node home_;
  std::vector<pid_t> children_;
};

// `outstanding` runs of one remote step at a time.
void remote_step(benchmark::State& state) {
  const cluster nodes(1);
  const auto live = nodes.home().deploy(no_op());
  const auto outstanding = static_cast<int>(state.range(0));
  const auto batch = outstanding == 1 ? 2'000 : 20'000;
  std::counting_semaphore<> slots(outstanding);
  for (auto _ : state) {
    for (int number = 0; number < batch; ++number) {
      slots.acquire();
      static_cast<void>(
          live.start(number, {.on_done = [&](const run_result&) { slots.release(); }}));
    }
    for (int number = 0; number < outstanding; ++number) slots.acquire();
    slots.release(outstanding);
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

// Each run is waited for before the next one.
void lone_step(benchmark::State& state) {
  const cluster nodes(1);
  const auto live = nodes.home().deploy(no_op());
  int number = 0;
  for (auto _ : state) {
    if (!live.run(number++)) state.SkipWithError("the run failed");
  }
}

// One run that spreads no-ops over four workers and joins them.
void fan_out(benchmark::State& state) {
  const cluster nodes(4);
  const auto live = nodes.home().deploy(spread(wide));
  std::vector<int> items(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    if (!live.run(items)) state.SkipWithError("the run failed");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// Branches that sleep for 10 ms, eight at a time on each worker: the share of what the sleeps alone
// allow, and of so many times what one worker does.
void scale_out(benchmark::State& state) {
  const auto workers = static_cast<int>(state.range(0));
  const cluster nodes(workers, nap_credit);
  const auto window = nap_credit * workers;
  const auto live = nodes.home().deploy(spread_naps(window));
  std::vector<int> items(static_cast<std::size_t>(window) * rounds);
  const auto ideal = rounds * 0.010;
  double spent = 0;
  for (auto _ : state) {
    const auto begun = std::chrono::steady_clock::now();
    if (!live.run(items)) state.SkipWithError("the run failed");
    spent += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  }
  const auto of_sleeps = ideal * static_cast<double>(state.iterations()) / spent;
  static double of_one_worker = 0;
  if (workers == 1) of_one_worker = of_sleeps;
  state.counters["of_sleeps"] = of_sleeps;
  if (of_one_worker > 0) state.counters["of_linear"] = of_sleeps / of_one_worker;
}

// From the cancel of a run with 10,000 branches at work on four workers to its result, in which
// every branch has confirmed.
void cancel_all(benchmark::State& state) {
  const cluster nodes(4);
  const auto live = nodes.home().deploy(map_over(hold(), {.max_in_flight = held}));
  const std::vector<int> items(held);
  for (auto _ : state) {
    const auto run = live.start(items);
    static_cast<void>(run.wait_for(2s)); // until all of them are at work
    const auto begun = std::chrono::steady_clock::now();
    run.cancel();
    const auto& result = run.result();
    const auto took = std::chrono::steady_clock::now() - begun;
    state.SetIterationTime(std::chrono::duration<double>(took).count());
    const auto& branches = result.step_history.at(0).step_history;
    const auto confirmed = std::count_if(branches.begin(), branches.end(), [](const auto& each) {
      return each.feedback().find("told to stop") != std::string::npos
             || each.failed_with(failure_kind::cancelled);
    });
    if (confirmed != held) state.SkipWithError("not every branch was confirmed");
  }
}

// 256 naps of 10 ms at a time on four workers, of which one is killed: how long until nine tenths
// of the former rate are reached again, and whether every run had its one right result.
void kill_one_worker(benchmark::State& state) {
  cluster nodes(4);
  const auto live = nodes.home().deploy(nap());
  constexpr auto window = 50ms;
  std::atomic<int> right{0};
  std::atomic<int> ended{0};
  std::counting_semaphore<> slots(256);
  for (auto _ : state) {
    auto started = 0;
    const auto rate_of = [&] {
      const auto before = ended.load();
      const auto until = std::chrono::steady_clock::now() + window;
      while (std::chrono::steady_clock::now() < until) {
        if (!slots.try_acquire_for(1ms)) continue;
        const auto number = started++;
        static_cast<void>(live.start(number, {.on_done = [&, number](const run_result& result) {
                                       right += result.output == value(number) ? 1 : 0;
                                       ++ended;
                                       slots.release();
                                     }}));
      }
      return ended.load() - before;
    };
    for (int warm = 0; warm < 10; ++warm) static_cast<void>(rate_of());
    auto normal = 0;
    for (int count = 0; count < 10; ++count) normal += rate_of();
    nodes.kill_one();
    const auto killed = std::chrono::steady_clock::now();
    while (rate_of() * 10 * 10 < normal * 9) {
    }
    const auto took = std::chrono::steady_clock::now() - killed;
    state.SetIterationTime(std::chrono::duration<double>(took).count());
    while (ended < started) std::this_thread::yield();
    if (right != started) state.SkipWithError("a result was lost, wrong or came twice");
  }
}

BENCHMARK(cancel_all)->UseManualTime()->Iterations(5)->Unit(benchmark::kMillisecond);
BENCHMARK(kill_one_worker)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(remote_step)->Arg(1)->Arg(64)->Arg(1024)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(lone_step)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(scale_out)->RangeMultiplier(2)->Range(1, 16)->UseRealTime()->Iterations(5)->Unit(
    benchmark::kMillisecond);
BENCHMARK(fan_out)->Arg(10'000)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);

} // namespace

int main(int count, char** words) {
  if (count == 5 && std::strcmp(words[1], "--work-for") == 0) {
    return work_for(words[2], words[3], words[4]);
  }
  if (const char* folder = std::getenv("TROUPE_BENCH_TLS")) {
    make_cluster_ca(folder, {.replace = true});
    make_node_certificate(folder, "home", {.replace = true});
    for (int number = 0; number < 16; ++number) {
      make_node_certificate(folder, "worker-" + std::to_string(number), {.replace = true});
    }
  }
  benchmark::Initialize(&count, words);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
