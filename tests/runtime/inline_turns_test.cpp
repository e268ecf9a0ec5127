#include <troupe/runtime/branch.hpp>
#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/deployment.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/runtime/step.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace troupe {
namespace {

using std::chrono_literals::operator""ms;

// However long a sequence of inline steps is, what others have done is not kept waiting behind it.
TEST(InlineSteps, LetOthersHaveTheirTurn) {
  int done = 0;
  const auto busy = inline_step("busy", [&](int x) {
    ++done;
    const auto until = std::chrono::steady_clock::now() + 1ms;
    while (std::chrono::steady_clock::now() < until) {
    }
    return x;
  });
  auto many = busy >> busy;
  for (int more = 2; more < 50; ++more) many = many >> busy;
  const auto broken = inline_step("broken", [](int) -> outcome<int> {
    return failure{failure_kind::permanent, "no"};
  });
  runtime_options options;
  options.log = false;
  runtime rt{options};
  const auto live = rt.deploy(parallel(many, broken));

  const auto result = live.start(1).result();

  EXPECT_EQ(result.why->message, "branch broken: no");
  EXPECT_LE(done, 5);
}

} // namespace
} // namespace troupe
