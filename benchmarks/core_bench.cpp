// What the core costs in one process, in units of one hop: a request and its answer between two
// bare CAF actors, measured in turn with the work. Prints a table of all rows with their targets;
// takes the flags of Google Benchmark, of which `--benchmark_filter=REGEX` chooses rows,
// `--benchmark_repetitions=N` prints medians and ranges, and `--benchmark_format=json` is for
// programs.
#include "core_bench.hpp"

#include <benchmark/benchmark.h>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

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

void measure(benchmark::State& state, const row& each) {
  for (auto _ : state) {
    try {
      state.counters["measured"] = each.measure();
    } catch (const std::exception& error) {
      return state.SkipWithError(error.what());
    }
  }
  state.counters["at_most"] = each.at_most;
  state.SetLabel(each.unit);
}

/// Prints a line for each row: the median of its repetitions, their range, and the target.
class table final : public benchmark::BenchmarkReporter {
public:
  bool ReportContext(const Context&) override {
    std::printf("%-64s %10s %-18s%10s\n", "row", "measured", "unit", "at most");
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<double> values;
    for (const auto& each : runs) {
      if (each.error_occurred) {
        std::printf("%-64s %s\n", each.run_name.function_name.c_str(), each.error_message.c_str());
        failed_ = true;
      } else if (each.run_type == Run::RT_Iteration) {
        values.push_back(each.counters.at("measured"));
      }
    }
    if (!values.empty()) print(runs.front(), std::move(values));
    std::fflush(stdout);
  }

  [[nodiscard]] bool failed() const { return failed_; }

private:
  static void print(const Run& about, std::vector<double> values) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const auto range = std::pair{*least, *most};
    const auto repeated = values.size() > 1;
    const auto value = median(std::move(values));
    const double at_most = about.counters.at("at_most");
    std::printf("%-64s %10.3f %-18s", about.run_name.function_name.c_str(), value,
                about.report_label.c_str());
    if (at_most <= 0) std::printf("stated");
    else if (value <= at_most) std::printf("%10.3f met", at_most);
    else std::printf("%10.3f missed by %.0f %%", at_most, 100 * (value / at_most - 1));
    if (repeated) std::printf(" (%.3f to %.3f)", range.first, range.second);
    std::printf("\n");
  }

  bool failed_ = false;
};

int run(int count, char** words) {
  const auto chooses_format = std::any_of(words, words + count, [](std::string_view word) {
    return word.starts_with("--benchmark_format");
  });
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) return 2;
  for (const auto& rows : {speed_rows(), memory_rows()}) {
    for (const auto& each : rows) {
      benchmark::RegisterBenchmark(each.name.c_str(), measure, each)->Iterations(1);
    }
  }
  table lines;
  if (chooses_format) benchmark::RunSpecifiedBenchmarks();
  else benchmark::RunSpecifiedBenchmarks(&lines);
  benchmark::Shutdown();
  return lines.failed() ? 1 : 0;
}

} // namespace

} // namespace core_bench

int main(int count, char** words) {
  return core_bench::run(count, words);
}
