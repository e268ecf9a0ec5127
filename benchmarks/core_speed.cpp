#include "core_bench.hpp"

#include <troupe/actors/timer_queue.hpp>
#include <troupe/protocol/codec.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;
using namespace troupe;

namespace core_bench {

namespace {

constexpr int rounds = 9;

/// Seconds for one piece of work, in hops: both are measured in turn.
double in_hops(double pieces, const std::function<void()>& work) {
  std::vector<double> hops;
  std::vector<double> times;
  work();
  for (int round = 0; round < rounds; ++round) {
    hops.push_back(hop_batch() / batch);
    times.push_back(seconds(work) / pieces);
  }
  return median(std::move(times)) / median(std::move(hops));
}

double microseconds(double pieces, const std::function<void()>& work) {
  std::vector<double> times;
  work();
  for (int round = 0; round < rounds; ++round) times.push_back(seconds(work) / pieces * 1e6);
  return median(std::move(times));
}

int count_up(int number) {
  return number;
}

template <class Stage, class Input>
double run_in_hops(const Stage& stage, Input&& input_of) {
  runtime rt{quiet()};
  auto live = rt.deploy(stage);
  return in_hops(batch, [&] { run_many(live, batch, at_once, input_of); });
}

template <class Stage, class Input>
double runs_a_second(const Stage& stage, std::size_t threads, Input&& input_of) {
  runtime rt{quiet(threads)};
  auto live = rt.deploy(stage);
  return 1 / microseconds(batch, [&] { run_many(live, batch, at_once, input_of); });
}

template <class Stage, class Input>
double allocations_of(const Stage& stage, Input&& input_of) {
  runtime rt{quiet()};
  auto live = rt.deploy(stage);
  run_many(live, batch, at_once, input_of);
  const heap_count heap;
  run_many(live, batch, at_once, input_of);
  return heap.allocations() / batch;
}

// The complete stack; every input is a new one.
auto full_stack() {
  const auto sorry = inline_step("sorry", [](int) { return 0; });
  return identity() | breaker{} | timeout{.after = 30s} | retry{.max_retries = 3}
         | fallback(identity() | timeout{.after = 10s} | retry{.max_retries = 2}, sorry)
         | timeout{.after = 120s} | cache{.max_size = 1'000};
}

double stack_miss() {
  return run_in_hops(full_stack(), [next = 0](int) mutable { return next++; });
}

/// The median time of a run that is alone, in hops of a request that is alone.
template <class Stage, class Input>
double lone_run_in_hops(const Stage& stage, Input&& input_of) {
  constexpr int runs = 2'000;
  runtime rt{quiet()};
  auto live = rt.deploy(stage);
  std::vector<double> hops;
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    hops.push_back(lone_hop());
    std::vector<double> took;
    for (int number = 0; number < runs; ++number) {
      took.push_back(seconds([&] { static_cast<void>(live.run(input_of(number))); }));
    }
    times.push_back(median(std::move(took)));
  }
  return median(std::move(times)) / median(std::move(hops));
}

double cache_hit_run() {
  return run_in_hops(identity() | cache{.max_size = 1'000}, [](int) { return 1; });
}

/// What one more stage costs inside of a run: a hundred of them, less what a run costs anyway.
template <class Stage>
double stage_in_hops(const Stage& stage) {
  constexpr int runs = 500;
  constexpr int stages = 100;
  runtime rt{quiet()};
  auto chain = stage >> stage;
  for (int number = 2; number < stages; ++number) chain = chain >> stage;
  auto live = rt.deploy(chain);
  auto bare = rt.deploy(identity());
  const auto overhead =
      in_hops(runs, [&] { run_many(bare, runs, at_once, [](int) { return 1; }); });
  const auto whole = in_hops(runs, [&] { run_many(live, runs, at_once, [](int) { return 1; }); });
  return (whole - overhead) / stages;
}

double parallel_branch(std::size_t branches) {
  auto options = quiet();
  options.replicas = 1;
  runtime rt{options};
  auto live = rt.deploy(parallel(std::vector(branches, identity())));
  const auto runs = std::max<std::size_t>(1, 100'000 / branches);
  return microseconds(static_cast<double>(branches * runs), [&] {
    for (std::size_t number = 0; number < runs; ++number) {
      if (live.run(1).value().size() != branches) throw std::runtime_error("a branch is missing");
    }
  });
}

double map_item() {
  constexpr int items = 1'000'000;
  runtime rt{quiet()};
  auto live = rt.deploy(map_over(identity(), map_options(1'000)));
  const std::vector<int> numbers(items, 7);
  std::vector<double> times;
  for (int round = 0; round < 3; ++round) {
    times.push_back(seconds([&] { static_cast<void>(live.run(numbers)); }) / items * 1e6);
  }
  return median(std::move(times));
}

double blocking_step() {
  runtime rt{quiet()};
  auto live = rt.deploy(step("identity", [](int x) { return x; }));
  return microseconds(batch, [&] { run_many(live, batch, at_once, count_up); });
}

/// How much later than 10 ms a step of 10 ms ends, one at a time.
double lateness() {
  runtime rt{quiet()};
  auto live = rt.deploy(async_step<int, int>("nap", [](int x, completion<int> done) {
    done.context().after(10ms, [x, done] { done(x); });
  }));
  std::vector<double> late;
  for (int number = 0; number < 50; ++number) {
    late.push_back((seconds([&] { static_cast<void>(live.run(number)); }) - 0.010) * 1e6);
  }
  return median(std::move(late));
}

/// A thousand branches that change one key each, in a context with so many bytes beside.
double branches_with_context(std::size_t bytes) {
  constexpr std::size_t branches = 1'000;
  std::vector<step<int, int>> stages;
  for (std::size_t number = 0; number < branches; ++number) {
    stages.push_back(
        inline_step("set", [key = "key" + std::to_string(number)](int x, step_context& ctx) {
          ctx.set(key, x);
          return x;
        }));
  }
  value::map_type members;
  for (std::size_t place = 0; place < 100; ++place) {
    members.emplace_back("blob" + std::to_string(place), std::string(bytes / 100, 'x'));
  }
  const context given("", value::map(std::move(members)));
  runtime rt{quiet()};
  auto live = rt.deploy(parallel(stages));
  return microseconds(branches, [&] { static_cast<void>(live.run(1, {.context = given})); });
}

double heavy_context() {
  return branches_with_context(10'000'000) / branches_with_context(1'000);
}

auto failing(std::atomic<int>& tried) {
  return inline_step("fails",
                     [&tried](int) -> outcome<int> {
                       ++tried;
                       return failure{failure_kind::transient, "not yet"};
                     })
         | retry{.initial_delay = 600s, .max_delay = 600s};
}

/// Runs that all wait for a retry at once.
struct runs_in_back_off {
  static constexpr int runs = 1'000'000;

  runs_in_back_off() : rt(quiet()), live(rt.deploy(failing(tried))) {
    const heap_count heap;
    started = seconds([&] {
      for (int number = 0; number < runs; ++number) {
        static_cast<void>(live.start_value(number));
      }
      while (tried.load() < runs) std::this_thread::yield();
    });
    bytes = heap.bytes() / runs;
  }

  double cancel_all() {
    return seconds([&] { rt.shut_down(); });
  }

  std::atomic<int> tried{0};
  runtime rt;
  deployment<int, int> live;
  double started = 0;
  double bytes = 0;
};

double set_timer() {
  constexpr std::uint32_t timers = 1'000'000;
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    actors::timer_queue queue;
    const auto took = seconds([&] {
      for (std::uint32_t number = 0; number < timers; ++number) {
        // Close together and out of order, as the delays of retries with jitter are.
        const instant due{std::chrono::nanoseconds(number * 2'654'435'761u)};
        static_cast<void>(queue.set(due, {number, 1}, 0, actors::timer_queue::none));
      }
    });
    times.push_back(took / timers * 1e9);
  }
  return median(std::move(times));
}

/// A rejected run: the breaker stays open.
struct open_breaker {
  open_breaker() : rt(quiet()), live(rt.deploy(identity() | breaker{})) {
    live.breaker("identity")->force_open();
  }
  runtime rt;
  deployment<int, int> live;
};

double rejection() {
  open_breaker open;
  return in_hops(batch, [&] { run_many(open.live, batch, at_once, count_up); });
}

double rejection_allocations() {
  open_breaker open;
  run_many(open.live, batch, at_once, count_up);
  const heap_count heap;
  run_many(open.live, batch, at_once, count_up);
  return heap.allocations() / batch;
}

double msgpack_round_trip() {
  constexpr int trips = 20'000;
  value::list_type numbers;
  for (int number = 0; number < 40; ++number) numbers.emplace_back(number * 1'000);
  const auto content = value::map({{"id", 12'345'678},
                                   {"name", "a name of some length"},
                                   {"numbers", value::list(std::move(numbers))},
                                   {"ratio", 0.125},
                                   {"text", std::string(800, 'x')},
                                   {"truth", true}});
  return microseconds(trips, [&] {
    for (int trip = 0; trip < trips; ++trip) {
      std::vector<std::uint8_t> bytes;
      if (!encode(content, bytes) || !decode(bytes)) throw std::runtime_error("no round trip");
    }
  });
}

std::vector<row> run_rows() {
  return {
      {"hop, 64 outstanding", "us", 0,
       [] { return microseconds(batch, [] { static_cast<void>(hop_batch()); }); }},
      {"hop, 1 outstanding, p50", "us", 0, [] { return lone_hop() * 1e6; }},
      {"one-step run, 64 outstanding", "hops", 2.5,
       [] { return run_in_hops(identity(), count_up); }},
      {"one-step run, 1 outstanding, p50", "hops", 4,
       [] { return lone_run_in_hops(identity(), count_up); }},
      {"full stack, the cache misses, 64 outstanding", "hops", 3, stack_miss},
      {"full stack, the cache misses, 1 outstanding, p50", "hops", 0,
       [] { return lone_run_in_hops(full_stack(), [next = 0](int) mutable { return next++; }); }},
      {"cache hit as a run", "hops", 2.5, cache_hit_run},
      {"cache hit inside a pipeline", "hops", 1,
       [] { return stage_in_hops(identity() | cache{.max_size = 1'000}); }},
      {"sequence of 100 inline steps, per step", "hops", 0.3,
       [] { return stage_in_hops(identity()); }},
      {"the same with a breaker around each", "hops", 0,
       [] { return stage_in_hops(identity() | breaker{}); }},
      {"the same with a retry around each", "hops", 0,
       [] { return stage_in_hops(identity() | retry{.max_retries = 3}); }},
      {"the same with a timeout around each", "hops", 0,
       [] { return stage_in_hops(identity() | timeout{.after = 30s}); }},
  };
}

std::vector<row> block_rows() {
  return {
      {"parallel over 100 branches, per branch", "us", 0.5, [] { return parallel_branch(100); }},
      {"parallel over 1,000", "us", 0.5, [] { return parallel_branch(1'000); }},
      {"parallel over 10,000", "us", 0.5, [] { return parallel_branch(10'000); }},
      {"parallel over 99,990", "us", 0.5, [] { return parallel_branch(99'990); }},
      {"map over 1,000,000 items, per item", "us", 0.5, map_item},
      {"blocking step through the thread pool, 64 outstanding", "us", 2, blocking_step},
      {"1,000 branches, context of 10 MB against 1 KB", "times", 1.1, heavy_context},
  };
}

std::vector<row> waiting_rows() {
  auto back_off = std::make_shared<std::optional<runs_in_back_off>>();
  const auto waiting = [back_off]() -> runs_in_back_off& {
    return *back_off ? **back_off : back_off->emplace();
  };
  return {
      {"1,000,000 runs in back-off: bytes a run", "bytes", 1'000,
       [back_off] { return back_off->emplace().bytes; }},
      {"1,000,000 runs in back-off: start to back-off", "ns a run", 0,
       [waiting] { return waiting().started / runs_in_back_off::runs * 1e9; }},
      {"1,000,000 timers, setting one", "ns", 100, set_timer},
      {"a step of 10 ms is late by, p50", "us", 0, lateness},
      {"1,000,000 runs in back-off: all cancelled within", "s", 1,
       [waiting, back_off] {
         const auto took = waiting().cancel_all();
         back_off->reset();
         return took;
       }},
  };
}

std::vector<row> other_rows() {
  return {
      {"open breaker rejects a run", "hops", 1.5, rejection},
      {"msgpack round trip of 1 KB", "us", 2, msgpack_round_trip},
      {"allocations of a one-step run", "each", 4,
       [] { return allocations_of(identity(), count_up); }},
      {"allocations of a rejection by an open breaker", "each", 0, rejection_allocations},
      {"allocations of the full stack, the cache misses", "each", 0,
       [] { return allocations_of(full_stack(), [next = 0](int) mutable { return next++; }); }},
      {"one-step runs, 1 thread", "million a second", 0,
       [] { return runs_a_second(identity(), 1, count_up); }},
      {"one-step runs, 2 threads", "million a second", 0,
       [] { return runs_a_second(identity(), 2, count_up); }},
      {"one-step runs, 4 threads", "million a second", 0,
       [] { return runs_a_second(identity(), 4, count_up); }},
  };
}

} // namespace

std::vector<row> speed_rows() {
  std::vector<row> all;
  for (auto&& part : {run_rows(), block_rows(), waiting_rows(), other_rows()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

} // namespace core_bench
