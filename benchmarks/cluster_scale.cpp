// What a coordinator pays for requests, heartbeats and workers as its cluster grows: the code that
// runs in a coordinator, with workers that are played, on one thread and in virtual time. What does
// not depend on the size of the cluster takes the same time in every row.
#include "heap_count.hpp"
#include "played_workers.hpp"
#include "shared_state.hpp"

#include <troupe/actors/breaker_guard.hpp>
#include <troupe/actors/gather_scope.hpp>
#include <troupe/actors/stage_engine.hpp>
#include <troupe/nodes/loopback.hpp>
#include <troupe/troupe.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t credit = 8;

double per_item(double total, std::size_t count) {
  return total / static_cast<double>(count);
}

template <class Home>
void check(benchmark::State& state, const Home& home) {
  const auto& counted = home.dispatcher().counters();
  if (counted.fenced > 0 || home.asker().failed > 0) state.SkipWithError("a request went wrong");
}

/// A coordinator of that many workers that are alike, and one branch for all of them.
template <class Home>
std::shared_ptr<Home> with_workers(std::size_t count, std::size_t most_open) {
  auto home = std::make_shared<Home>(most_open);
  for (std::size_t index = 0; index < count; ++index) {
    home->join(played_workers::facts(index, credit));
  }
  home->add_branch(played_run::offer());
  return home;
}

/// Requests are started and the oldest ones answered, with half of the credit in use: so many
/// starts in one turn of the stages, and the results of each worker by themselves.
template <class Home>
void dispatch(benchmark::State& state) {
  const auto workers = static_cast<std::size_t>(state.range(0));
  const auto together = state.range(1);
  const auto open = workers * credit / 2;
  const auto home = with_workers<Home>(workers, open + static_cast<std::size_t>(together));
  for (std::size_t index = 0; index < open; ++index) home->start(1);
  for (auto _ : state) {
    {
      const actors::gather_scope turn;
      for (auto left = together; left > 0; --left) home->start(1);
    }
    for (auto left = together; left > 0; --left) home->end(home->next());
  }
  check(state, *home);
  state.SetItemsProcessed(state.iterations() * together);
}

/// One request is started and the oldest one answered, with all credit in use: it waits until the
/// result of another one makes room, in a queue of `waiting` others.
template <class Home>
void dispatch_full(benchmark::State& state) {
  const auto workers = static_cast<std::size_t>(state.range(0));
  const auto open = workers * credit + static_cast<std::size_t>(state.range(1));
  const auto home = with_workers<Home>(workers, open + 1);
  for (std::size_t index = 0; index < open; ++index) home->start(1);
  for (auto _ : state) {
    home->start(1);
    home->end(home->next());
  }
  check(state, *home);
  state.SetItemsProcessed(state.iterations());
}

/// The same with branches of many placements, each with requests that wait: workers fit all of
/// them, or each worker one. `served` counts the placements whose requests went on.
void many_placements(benchmark::State& state) {
  constexpr std::size_t workers = 1'000;
  const auto placements = static_cast<std::size_t>(state.range(0));
  const auto fits_all = state.range(1) == 1;
  const auto label = [](std::size_t of) { return "place-" + std::to_string(of); };
  const auto open = workers * credit + placements * 10;
  only_dispatcher home(open + 1);
  for (std::size_t index = 0; index < workers; ++index) {
    std::map<std::string, std::string> labels;
    for (std::size_t of = 0; of < placements; ++of) {
      if (fits_all || index % placements == of) labels.emplace(label(of), "yes");
    }
    home.join(played_workers::facts(index, credit, std::move(labels)));
  }
  for (std::size_t of = 0; of < placements; ++of) {
    home.add_branch(played_run::offer({{label(of), "yes"}}));
  }
  for (std::size_t index = 0; index < open; ++index) home.start(1 + index % placements);
  std::vector<bool> served(placements);
  for (auto _ : state) {
    home.end(home.next());
    const auto next = home.newest().branch; // what went to the worker instead
    home.start(next);
    served[next - 1] = true;
  }
  check(state, home);
  state.SetItemsProcessed(state.iterations());
  state.counters["served"] = static_cast<double>(std::count(served.begin(), served.end(), true));
}

/// A second of a cluster at rest: every worker speaks twice, the coordinator looks at each of them
/// ten times and speaks twice.
void heartbeats(benchmark::State& state) {
  const auto workers = static_cast<std::size_t>(state.range(0));
  const auto home = with_workers<whole_coordinator>(workers, 0);
  const auto beat = write_frame(
      message_kind::heartbeat,
      {value::map(
          {{"running", 8}, {"done", 12'345}, {"abandoned", 0}, {"waiting_for_a_thread", 0}})});
  constexpr std::size_t looks = 5; // in each heartbeat
  for (auto _ : state) {
    for (std::size_t look = 0; look < 2 * looks; ++look) {
      home->now += 500ms / looks;
      for (auto each = look % looks; each < workers; each += looks) home->hear(each + 1, beat);
      home->post(tick{});
    }
  }
  if (home->connections() != workers) state.SkipWithError("a worker was lost");
  const auto seconds = static_cast<double>(state.iterations());
  using benchmark::Counter;
  state.counters["core"] = Counter(seconds, Counter::kIsRate | Counter::kInvert);
  state.counters["core_per_worker"] =
      Counter(seconds * static_cast<double>(workers), Counter::kIsRate | Counter::kInvert);
}

/// The oldest worker is lost with all it had, which others do, and a new one comes.
template <class Home>
void join_and_leave(benchmark::State& state) {
  const auto workers = static_cast<std::size_t>(state.range(0));
  const auto home = with_workers<Home>(workers, workers * credit);
  for (std::size_t index = 0; index < workers * credit / 2; ++index) home->start(1);
  std::vector<node_facts> facts;
  for (std::size_t index = 0; index < workers; ++index) {
    facts.push_back(played_workers::facts(index, credit));
  }
  worker_number oldest = 0;
  for (auto _ : state) {
    home->leave(++oldest);
    home->join(facts[(oldest - 1) % workers]);
  }
  check(state, *home);
  state.SetItemsProcessed(state.iterations());
  state.counters["moved"] =
      per_item(static_cast<double>(home->dispatcher().counters().redispatched), oldest);
}

/// What an engine needs, with a clock that stands.
class still_services final : public actors::engine_services, public actors::step_executor {
public:
  [[nodiscard]] instant now() override { return {}; }
  [[nodiscard]] actors::step_executor& executor() override { return *this; }
  void emit(const run_event&) override {}
  [[nodiscard]] std::shared_ptr<void> hold_clock() override { return nullptr; }
  bool sleep_until(instant, const std::stop_token&) override { return false; }
  [[nodiscard]] bool submit(std::function<void()>) override { return false; }
};

/// A service behind a breaker: remembers the request until it is told to answer.
class slow_service final : public actors::mailbox {
public:
  void put(actors::message content) override {
    asked_ = std::move(std::get<actors::start_message>(content));
  }
  void answer() {
    step_result result;
    result.id = asked_.request.id;
    asked_.reply_to->put(actors::result_message{std::move(result)});
  }

private:
  actors::start_message asked_{};
};

/// A host of its own with a guard in front of a service, and one call under way.
class guarded_requester final : public actors::mailbox,
                                public std::enable_shared_from_this<guarded_requester> {
public:
  guarded_requester(still_services& services, std::shared_ptr<result_counter> asker)
      : asker_(std::move(asker)), services_(services) {}
  void begin(const std::shared_ptr<actors::shared_breaker>& state) {
    engine_.emplace(services_, weak_from_this(), 1);
    guard_ = engine_->add([this, state] {
      auto who = std::make_shared<actors::stage_identity>();
      return make_stage(std::move(who), actors::breaker_guard{{service_, 0}, state});
    });
    start();
  }
  void put(actors::message content) override {
    engine_->deliver(std::move(content));
    (void)engine_->run(100);
  }
  void start() { put(actors::start_message{guard_, run_.next(), asker_}); }
  void answer() { service_->answer(); }

private:
  std::shared_ptr<result_counter> asker_;
  still_services& services_;
  std::shared_ptr<slow_service> service_ = std::make_shared<slow_service>();
  std::optional<actors::stage_engine> engine_;
  std::uint32_t guard_ = 0;
  played_run run_;
};

/// A call through the guard of a breaker, by each of `requesters` hosts in turn: with one breaker
/// for all of them, as those of a name have, or one for each. On two threads, all share it.
void shared_breaker(benchmark::State& state) {
  static const breaker options{.failure_rate = 0.5, .window_time = 10s};
  static const auto shared = std::make_shared<actors::shared_breaker>(options);
  const auto is_shared = state.range(1) == 1;
  still_services services;
  const auto asker = std::make_shared<result_counter>();
  std::vector<std::shared_ptr<guarded_requester>> requesters;
  for (std::int64_t index = 0; index < state.range(0); ++index) {
    requesters.push_back(std::make_shared<guarded_requester>(services, asker));
    requesters.back()->begin(is_shared ? shared
                                       : std::make_shared<actors::shared_breaker>(options));
  }
  std::size_t turn = 0;
  for (auto _ : state) {
    auto& each = *requesters[turn++ % requesters.size()];
    each.answer();
    each.start();
  }
  for (const auto& each : requesters) each->answer();
  if (asker->failed > 0) state.SkipWithError("a call was turned away");
  state.SetItemsProcessed(state.iterations());
}

/// Coordinators that share breakers, and the links between them.
class sharing_coordinators {
public:
  sharing_coordinators(std::size_t count, std::size_t breakers) {
    for (std::size_t number = 0; number < count; ++number) {
      all_.push_back(std::make_unique<member>(*this, "c" + std::to_string(number)));
    }
    std::vector<std::string> names;
    for (const auto& each : all_) names.push_back(each->name);
    std::sort(names.begin(), names.end());
    for (const auto& each : all_) {
      auto others = names;
      std::erase(others, each->name);
      each->state.set_others(std::move(others), now_);
      for (std::size_t number = 0; number < breakers; ++number) each->declare(number, now_);
    }
    exchange();
  }
  /// A call through every breaker of every coordinator, and then what they tell each other.
  void exchange() {
    for (const auto& each : all_) {
      each->call_all(now_);
      each->state.look(now_);
    }
    while (!on_the_way_.empty()) {
      const auto next = std::move(on_the_way_.front());
      on_the_way_.pop_front();
      const auto to = std::stoul(next.to.substr(1));
      (void)all_[to]->state.take(next.from, *read_frame(next.body), now_);
    }
    now_ += 100ms;
  }

private:
  struct letter {
    std::string from;
    std::string to;
    frame body;
  };
  struct member final : shared_port {
    member(sharing_coordinators& of, std::string called)
        : world(of), name(std::move(called)),
          state(
              *this, name, [](const auto&, auto, auto) {}, [](const auto&) {}) {}
    void tell_other(const std::string& to, frame body) override {
      world.on_the_way_.push_back({name, to, std::move(body)});
    }
    void declare(std::size_t number, instant now) {
      breakers.push_back(std::make_shared<actors::shared_breaker>(
          breaker{.name = "vendor-" + std::to_string(number), .scope = state_scope::cluster}));
      state.add(breakers.back(), now);
    }
    void call_all(instant now) {
      for (const auto& each : breakers) {
        each->with([&](breaker_state& of) {
          if (const auto leave = of.admit(now))
            of.record(*leave, breaker_verdict::success, {}, now);
        });
      }
    }
    sharing_coordinators& world;
    std::string name;
    shared_state state;
    std::vector<std::shared_ptr<actors::shared_breaker>> breakers{};
  };

  std::vector<std::unique_ptr<member>> all_;
  std::deque<letter> on_the_way_;
  instant now_{1h};
};

/// What coordinators that share breakers tell each other ten times a second while all of these are
/// used: for one coordinator and one breaker, both sides together.
void shared_between(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto breakers = static_cast<std::size_t>(state.range(1));
  sharing_coordinators cluster(count, breakers);
  for (auto _ : state) cluster.exchange();
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}

/// What a coordinator keeps for a worker, without the socket: at first, and after a burst that used
/// all credit. And for a request: on a worker, and waiting.
void memory(benchmark::State& state) {
  constexpr std::size_t many = 256;
  constexpr std::size_t in_turn = 1'000;
  const auto workers = static_cast<std::size_t>(state.range(0));
  const auto count = workers * many;
  for (auto _ : state) {
    const benchmarks::heap_count heap;
    const auto home = std::make_shared<whole_coordinator>(2 * count);
    home->add_branch(played_run::offer());
    const auto empty = heap.bytes();
    for (std::size_t index = 0; index < workers; ++index) {
      home->join(played_workers::facts(index, many));
    }
    const auto joined = heap.bytes();
    for (std::size_t started = 0; started < count;) {
      const actors::gather_scope turn;
      for (const auto end = std::min(count, started + in_turn); started < end; ++started) {
        home->start(1);
      }
    }
    const auto open = heap.bytes();
    const auto waiting = std::min<std::size_t>(count, 50'000);
    for (std::size_t index = 0; index < waiting; ++index) home->start(1);
    const auto queued = heap.bytes();
    for (std::size_t index = 0; index < count + waiting; ++index) home->end(home->next());
    const auto rested = heap.bytes();
    check(state, *home);
    state.counters["bytes_per_worker"] = per_item(joined - empty, workers);
    state.counters["bytes_per_worker_after"] = per_item(rested - empty, workers);
    state.counters["bytes_per_request"] = per_item(open - joined, count);
    state.counters["bytes_per_waiting"] = per_item(queued - open, waiting);
  }
}

/// A map over many items, at most 1,000 at a time, in this process or on four workers in it.
struct map_bytes {
  double halfway = 0;
  double most = 0;
};

map_bytes measure_map(int items, bool is_remote) {
  const auto workers = std::make_shared<loopback_workers>(4);
  runtime_options options;
  options.log = false;
  options.workers = 1;
  if (is_remote) options.placer = workers;
  runtime home(options);
  if (is_remote) workers->serve(home);
  std::atomic<double> halfway{0};
  const auto no_op = [&halfway, items](int item) {
    if (item == items / 2) halfway = benchmarks::heap_count::bytes();
    return item;
  };
  const auto live = home.deploy(
      map_over(inline_step("no_op", no_op, {.idempotent = true}), {.max_in_flight = 1'000}));
  std::vector<int> all(static_cast<std::size_t>(items));
  std::iota(all.begin(), all.end(), 0);
  const benchmarks::heap_count heap;
  heap.forget_peak();
  const auto done = live.run(all);
  return {halfway, done ? heap.peak_bytes() : 0};
}

/// What a map keeps for each item (its inputs, and the history that is its result), and what it
/// keeps beside that for work on workers: both sides of the requests that are open.
void fan_out_memory(benchmark::State& state) {
  const auto items = static_cast<int>(state.range(0));
  for (auto _ : state) {
    const auto here = measure_map(items, false);
    const auto there = measure_map(items, true);
    const auto count = static_cast<std::size_t>(items);
    state.counters["peak_per_item_here"] = per_item(here.most, count);
    state.counters["peak_per_item_there"] = per_item(there.most, count);
    state.counters["halfway_per_item_here"] = per_item(here.halfway, count);
    state.counters["more_there_halfway"] = there.halfway - here.halfway;
  }
}

BENCHMARK_TEMPLATE(dispatch, only_dispatcher)
    ->ArgNames({"workers", "together"})
    ->ArgsProduct({{1, 10, 100, 1'000}, {1}});
BENCHMARK_TEMPLATE(dispatch, whole_coordinator)
    ->ArgNames({"workers", "together"})
    ->ArgsProduct({{1, 10, 100, 1'000}, {1}})
    ->ArgsProduct({{100, 1'000}, {100}});
BENCHMARK_TEMPLATE(dispatch_full, only_dispatcher)
    ->ArgNames({"workers", "waiting"})
    ->ArgsProduct({{1, 10, 100, 1'000}, {0, 1'000}});
BENCHMARK_TEMPLATE(dispatch_full, whole_coordinator)
    ->ArgNames({"workers", "waiting"})
    ->ArgsProduct({{1, 10, 100, 1'000}, {0, 1'000}});
BENCHMARK(many_placements)
    ->ArgNames({"placements", "fits_all"})
    ->ArgsProduct({{1, 10, 100}, {0, 1}});
BENCHMARK(heartbeats)->RangeMultiplier(10)->Range(1, 1'000)->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(join_and_leave, only_dispatcher)->RangeMultiplier(10)->Range(1, 1'000);
BENCHMARK_TEMPLATE(join_and_leave, whole_coordinator)->RangeMultiplier(10)->Range(1, 1'000);
BENCHMARK(shared_breaker)
    ->ArgNames({"requesters", "shared"})
    ->ArgsProduct({{1, 10, 100, 1'000}, {0, 1}});
BENCHMARK(shared_breaker)->ArgNames({"requesters", "shared"})->Args({500, 1})->Threads(2);
BENCHMARK(shared_between)
    ->ArgNames({"coordinators", "breakers"})
    ->ArgsProduct({{2, 4, 8, 16}, {1, 100}})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(memory)->Arg(1)->Arg(100)->Arg(1'000)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(fan_out_memory)
    ->ArgName("items")
    ->Arg(10'000)
    ->Arg(100'000)
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace troupe::nodes
