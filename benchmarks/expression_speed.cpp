// What an expression costs: to compile it, and to evaluate it against data that is read in place.
#include <troupe/expressions/expression.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <string_view>

using namespace troupe;

namespace {

constexpr std::array<std::string_view, 2> names = {"input", "context"};

struct data {
  data() {
    value::list_type numbers;
    for (int number = 0; number < 100; ++number) numbers.emplace_back(number);
    input = value::map({{"age", 42},
                        {"items", value::list(std::move(numbers))},
                        {"name", "Ada"},
                        {"query", "What is C++?"}});
    entries.set("tenant", "acme");
    entries.set("tier", "gold");
  }

  std::array<expression_variable, 2> variables() const { return {input, entries}; }

  value input;
  context entries;
};

void evaluate(benchmark::State& state, std::string_view source) {
  const data given;
  const auto variables = given.variables();
  const auto compiled = expression::compile(source, names);
  for (auto _ : state) {
    const auto result = compiled.evaluate(variables);
    if (!result) state.SkipWithError(result.why().message.c_str());
    benchmark::DoNotOptimize(result);
  }
}

void compile(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        expression::compile("input.age >= 18 && context.tier in ['gold', 'silver']", names));
  }
}

void template_with_two_insertions(benchmark::State& state) {
  const data given;
  const auto variables = given.variables();
  const auto compiled =
      text_template::compile("Hello ${{ input.name }}, you are ${{ input.age }}.", names);
  for (auto _ : state) benchmark::DoNotOptimize(compiled.evaluate(variables));
}

BENCHMARK(compile);
BENCHMARK_CAPTURE(evaluate, comparison_on_input, "input.age >= 18");
BENCHMARK_CAPTURE(evaluate, comparison_on_context, "context.tier == 'gold'");
BENCHMARK_CAPTURE(evaluate, presence, "has(input.name)");
BENCHMARK_CAPTURE(evaluate, macro_over_100_items, "input.items.all(number, number < 1000)");
BENCHMARK_CAPTURE(evaluate, pattern, "input.query.matches('^[A-Z].*[?]$')");
BENCHMARK_CAPTURE(evaluate, whole_input, "input");
BENCHMARK(template_with_two_insertions);

} // namespace
