#include "expression_fixture.hpp"

#include <atomic>
#include <thread>

namespace troupe {
namespace {

using namespace testing_support;

TEST(ExpressionThreads, EvaluateOneExpressionAtTheSameTime) {
  const auto rule = expression::compile(
      "input.names.filter(name, name.matches('^[A-Z]')).map(name, name + ' ' + context.suffix)"
      " + [string(timestamp(0).getHours(input.zone))]",
      names);
  const auto text = text_template::compile("${{ input.names[0] }} in ${{ input.zone }}", names);
  const auto input =
      value::map({{"names", value::list({"Ada", "bob", "Cy"})}, {"zone", "Asia/Tokyo"}});
  context entries;
  entries.set("suffix", "!");
  const std::array<expression_variable, 2> variables = {input, entries};
  std::atomic<int> right = 0;

  std::array<std::thread, 4> threads;
  for (auto& thread : threads) {
    thread = std::thread([&] {
      for (int round = 0; round < 200; ++round) {
        const auto found = rule.evaluate(variables);
        const auto inserted = text.evaluate(variables);
        if (found && *found == value::list({"Ada !", "Cy !", "9"}) && inserted
            && *inserted == value("Ada in Asia/Tokyo")) {
          ++right;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(right, 800);
}

} // namespace
} // namespace troupe
