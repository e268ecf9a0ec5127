// What a run costs beside the work of its steps, in units of one hop: a request and its answer
// between two bare CAF actors with the same number outstanding. Every figure is for 64 runs at a
// time on two scheduler threads.
#include <troupe/troupe.hpp>

#include <benchmark/benchmark.h>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <semaphore>
#include <string>

using namespace std::chrono_literals;
using namespace troupe;

namespace {

constexpr int outstanding = 64;
constexpr int batch = 20'000;

runtime_options quiet() {
  runtime_options options;
  options.log = false;
  options.workers = 2;
  return options;
}

// Starts `batch` runs, at most 64 at a time, and waits for all of them.
template <class Deployment, class Input>
void run_batch(const Deployment& live, Input&& input_of) {
  std::counting_semaphore<> slots(outstanding);
  for (int number = 0; number < batch; ++number) {
    slots.acquire();
    static_cast<void>(
        live.start(input_of(number), {.on_done = [&](const run_result&) { slots.release(); }}));
  }
  for (int number = 0; number < outstanding; ++number) slots.acquire();
}

template <class Stage, class Input>
void measure(benchmark::State& state, const Stage& stage, Input&& input_of) {
  runtime rt{quiet()};
  auto live = rt.deploy(stage);
  for (auto _ : state) run_batch(live, input_of);
  state.SetItemsProcessed(state.iterations() * batch);
}

auto identity() {
  return inline_step("identity", [](int x) { return x; });
}

auto full_stack() {
  const auto sorry = inline_step("sorry", [](int) { return 0; });
  return identity() | breaker{} | timeout{.after = 30s} | retry{.max_retries = 3}
         | fallback(identity() | timeout{.after = 10s} | retry{.max_retries = 2}, sorry)
         | timeout{.after = 120s} | cache{.max_size = 1'000};
}

caf::behavior echo() {
  return {[](int x) { return x; }};
}

// 64 tokens travel between two actors until the batch is used up.
caf::behavior asker(caf::event_based_actor* self, caf::actor other, std::binary_semaphore* done) {
  auto left = std::make_shared<int>(batch);
  self->set_default_handler(caf::drop);
  for (int token = 0; token < outstanding; ++token) self->send(other, token);
  return {[=](int x) {
    if (--*left > 0) self->send(other, x);
    else if (*left == 0) done->release();
  }};
}

void hop(benchmark::State& state) {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"))
      .set("scheduler.max-throughput", std::size_t{300})
      .set("scheduler.max-threads", std::size_t{2});
  caf::actor_system system{config};
  for (auto _ : state) {
    std::binary_semaphore done(0);
    auto other = system.spawn(echo);
    auto self = system.spawn(asker, other, &done);
    done.acquire();
    caf::anon_send_exit(self, caf::exit_reason::kill);
    caf::anon_send_exit(other, caf::exit_reason::kill);
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

void one_step_run(benchmark::State& state) {
  measure(state, identity(), [](int number) { return number; });
}

void ten_step_run(benchmark::State& state) {
  auto steps = identity() >> identity() >> identity() >> identity() >> identity() >> identity()
               >> identity() >> identity() >> identity() >> identity();
  measure(state, steps, [](int number) { return number; });
}

void full_stack_miss(benchmark::State& state) {
  measure(state, full_stack(), [next = 0](int) mutable { return next++; });
}

void full_stack_hit(benchmark::State& state) {
  measure(state, full_stack(), [](int) { return 1; });
}

void blocking_step_run(benchmark::State& state) {
  measure(state, step("identity", [](int x) { return x; }), [](int number) { return number; });
}

void fan_out_of_1000(benchmark::State& state) {
  runtime rt{quiet()};
  auto live = rt.deploy(map_over(identity(), map_options(1'000)));
  const std::vector<int> items(1'000, 7);
  for (auto _ : state) benchmark::DoNotOptimize(live.run(items));
  state.SetItemsProcessed(state.iterations() * 1'000);
}

BENCHMARK(hop)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(one_step_run)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ten_step_run)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(full_stack_miss)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(full_stack_hit)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(blocking_step_run)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(fan_out_of_1000)->UseRealTime()->Unit(benchmark::kMillisecond);

} // namespace
