#include <troupe/runtime/redis_cache.hpp>
#include <troupe/troupe.hpp>

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <deque>
#include <string>

// What a hit costs when the entries of a cache are in Redis, whole runs included. TROUPE_REDIS_URL
// names the server; nothing else should use it meanwhile. Memory is measured beside it.

namespace troupe {
namespace {

constexpr std::int64_t keys = 1'000;

runtime_options quiet() {
  runtime_options chosen;
  chosen.log = false;
  return chosen;
}

class hits {
public:
  explicit hits(std::shared_ptr<cache_backend> backend)
      : live_(rt_.deploy(inline_step("s", [](std::int64_t x) { return x + 1; })
                         | cache{.name = "benchmark", .backend = std::move(backend)})) {
    for (std::int64_t key = 0; key < keys; ++key) (void)live_.start(key).wait();
  }
  run<std::int64_t> start() { return live_.start(next_++ % keys); }
  [[nodiscard]] bool all_hit(std::int64_t asked) const {
    return live_.cache("benchmark")->statistics().hits == static_cast<std::uint64_t>(asked);
  }
  void clear() const { live_.cache("benchmark")->clear(); }

private:
  runtime rt_{quiet()};
  deployment<std::int64_t, std::int64_t> live_;
  std::int64_t next_ = 0;
};

void measure(benchmark::State& state, std::shared_ptr<cache_backend> backend) {
  hits cached(std::move(backend));
  const auto outstanding = static_cast<std::size_t>(state.range(0));
  std::deque<run<std::int64_t>> open;
  std::int64_t asked = 0;
  const auto end_first = [&] {
    benchmark::DoNotOptimize(open.front().wait());
    open.pop_front();
  };
  for (auto _ : state) {
    open.push_back(cached.start());
    ++asked;
    if (open.size() == outstanding) end_first();
  }
  while (!open.empty()) end_first();
  state.SetItemsProcessed(asked);
  if (!cached.all_hit(asked)) state.SkipWithError("not every request was a hit");
  cached.clear();
}

void redis(benchmark::State& state) {
  const auto* url = std::getenv("TROUPE_REDIS_URL");
  if (url) measure(state, redis_cache(url));
  else state.SkipWithError("set TROUPE_REDIS_URL");
}

void memory(benchmark::State& state) {
  measure(state, nullptr);
}

BENCHMARK(redis)->Arg(1)->Arg(64)->UseRealTime();
BENCHMARK(memory)->Arg(1)->Arg(64)->UseRealTime();

} // namespace
} // namespace troupe
