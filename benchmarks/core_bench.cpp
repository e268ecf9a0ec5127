// What the core costs in one process, in units of one hop: a request and its answer between two
// bare CAF actors, measured in turn with the work. Prints one row for each target; with an
// argument, only the rows whose name contains it.
#include "core_bench.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>

namespace core_bench {

double median(std::vector<double> of) {
  std::sort(of.begin(), of.end());
  return of[of.size() / 2];
}

double seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

namespace {

caf::behavior echo() {
  return {[](int x) { return x; }};
}

// The tokens travel between two actors until the batch is used up.
caf::behavior asker(caf::event_based_actor* self, caf::actor other, std::binary_semaphore* done) {
  auto left = std::make_shared<int>(batch);
  self->set_default_handler(caf::drop);
  for (int token = 0; token < at_once; ++token) self->send(other, token);
  return {[=](int x) {
    if (--*left > 0) self->send(other, x);
    else if (*left == 0) done->release();
  }};
}

constexpr int lone_requests = 2'000;

caf::behavior lone_asker(caf::event_based_actor* self, caf::actor other, std::vector<double>* took,
                         std::binary_semaphore* done) {
  auto begun = std::make_shared<std::chrono::steady_clock::time_point>();
  *begun = std::chrono::steady_clock::now();
  self->send(other, 1);
  return {[=](int x) {
    const auto now = std::chrono::steady_clock::now();
    took->push_back(std::chrono::duration<double>(now - *begun).count());
    if (took->size() == lone_requests) return done->release();
    *begun = now;
    self->send(other, x);
  }};
}

// The same scheduler as that of a runtime with two threads.
struct bare_system {
  bare_system() {
    config.set("scheduler.policy", caf::atom("sharing"))
        .set("scheduler.max-throughput", std::size_t{300})
        .set("scheduler.max-threads", std::size_t{2});
    system = std::make_unique<caf::actor_system>(config);
  }
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
};

template <class... Arguments>
double time_of_two(Arguments&&... arguments) {
  static bare_system bare;
  std::binary_semaphore done(0);
  auto other = bare.system->spawn(echo);
  caf::actor self;
  const auto took = seconds([&] {
    self = bare.system->spawn(arguments..., other, &done);
    done.acquire();
  });
  caf::anon_send_exit(self, caf::exit_reason::kill);
  caf::anon_send_exit(other, caf::exit_reason::kill);
  return took;
}

} // namespace

double hop_batch() {
  return time_of_two(asker);
}

double lone_hop() {
  std::vector<double> took;
  took.reserve(lone_requests);
  time_of_two([&took](caf::event_based_actor* self, caf::actor other, std::binary_semaphore* done) {
    return lone_asker(self, std::move(other), &took, done);
  });
  return median(std::move(took));
}

namespace {

void print(const row& each) {
  const auto value = each.measure();
  std::printf("%-64s %10.3f %-18s", each.name.c_str(), value, each.unit.c_str());
  if (each.at_most <= 0) std::puts("stated");
  else if (value <= each.at_most) std::printf("%10.3f met\n", each.at_most);
  else std::printf("%10.3f missed by %.0f %%\n", each.at_most, 100 * (value / each.at_most - 1));
  std::fflush(stdout);
}

int print_all(const std::string& part) {
  std::printf("%-64s %10s %-18s%10s\n", "row", "measured", "unit", "at most");
  for (const auto& rows : {speed_rows(), memory_rows()}) {
    for (const auto& each : rows) {
      if (each.name.find(part) != std::string::npos) print(each);
    }
  }
  return 0;
}

} // namespace

} // namespace core_bench

int main(int count, char** arguments) {
  try {
    return core_bench::print_all(count > 1 ? arguments[1] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "core_bench: %s\n", error.what());
    return 1;
  }
}
