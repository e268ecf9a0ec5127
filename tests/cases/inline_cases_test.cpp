#include "support/case_fixture.hpp"
#include "support/case_values.hpp"

#include <troupe/runtime/protect.hpp>

#include <atomic>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

// Inline steps are asked without a call of their own where they can be; nobody may notice.
class InlineCases : public CaseFixture {
protected:
  /// Adds one, and does `also` before.
  step<int, int> add(std::function<void(step_context&)> also = nullptr) {
    return inline_step("add", [count = calls, also = std::move(also)](int x, step_context& ctx) {
      ++*count;
      if (also) also(ctx);
      return x + 1;
    });
  }
  /// The same step again and again, at least twice.
  static pipeline<int, int> times(int count, const step<int, int>& each) {
    auto all = each >> each;
    for (int more = 2; more < count; ++more) all = all >> each;
    return all;
  }
  pipeline<int, int> adds(int count) { return times(count, add()); }

  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
};
TROUPE_CASES(InlineCases);

TEST_P(InlineCases, ALongSequenceDoesEachStepOnceAndInOrder) {
  const auto result = run_once(adds(100), 0);

  EXPECT_EQ(result.output, value(100));
  EXPECT_EQ(*calls, 100);
  ASSERT_EQ(result.step_history.size(), 100u);
  for (int index = 0; index < 100; ++index) {
    const auto& entry = result.step_history[static_cast<std::size_t>(index)];
    EXPECT_EQ(entry.output, value(index + 1));
    EXPECT_EQ(entry.name, "add");
    EXPECT_FALSE(entry.node.str().empty());
  }
}

TEST_P(InlineCases, AFailureEndsTheSequenceWhereItIs) {
  const auto broken = inline_step("broken", [](int) -> outcome<int> {
    return failure{failure_kind::permanent, "no"};
  });
  auto live = rt.deploy(adds(40) >> broken >> adds(40));
  const auto result = live.start(0).result();

  EXPECT_EQ(*calls, 40);
  EXPECT_EQ(result.step_history.size(), 41u);
  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_EQ(result.why->step, "broken");
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  for (const auto& layer : live.metrics().layers) {
    if (layer.kind != "step") continue;
    requests += layer.requests;
    failures += layer.failures;
  }
  EXPECT_EQ(requests, 41u);
  EXPECT_EQ(failures, 1u);
}

TEST_P(InlineCases, AnExceptionIsAFailureOfItsStep) {
  const auto broken = inline_step("broken", [](int) -> int { throw std::runtime_error("oh"); });
  const auto result = run_once(add() >> broken >> add(), 0);

  EXPECT_EQ(*calls, 1);
  EXPECT_EQ(result.why->kind, failure_kind::unclassified);
  EXPECT_EQ(result.why->message, "oh");
  EXPECT_EQ(result.why->step, "broken");
}

TEST_P(InlineCases, AUsageLimitEndsTheSequenceAtTheStepThatBreaksIt) {
  const auto dear =
      add([](step_context& ctx) { ctx.report_usage({.cost_usd = 0.1, .tokens = 10}); });
  const auto result = run_once(times(50, dear), 0, {.limits = {.tokens = 405}});

  EXPECT_EQ(*calls, 41);
  EXPECT_EQ(result.why->kind, failure_kind::usage_limit);
  EXPECT_EQ(result.total_tokens, 410);
}

TEST_P(InlineCases, WhatAStepPutsIntoTheContextTheNextOneSees) {
  const auto mark = add([](step_context& ctx) {
    const auto before = ctx.get("seen");
    ctx.set("seen", before.is_null() ? value(1) : value(*before.if_integer() + 1));
  });
  const auto result = run_once(times(40, mark), 0);

  EXPECT_EQ(result.final_context.get("seen"), value(40));
}

TEST_P(InlineCases, ARetryCountsItsAttempts) {
  const auto flaky = inline_step("flaky", [](int x, step_context& ctx) -> outcome<int> {
    if (ctx.attempt() < 3) return failure{failure_kind::transient, "not yet"};
    return x;
  });
  const auto result =
      run_once((flaky | retry{.max_retries = 3, .initial_delay = 10ms, .jitter = jitter_mode::none})
                   >> add(),
               1);

  EXPECT_EQ(result.output, value(2));
  EXPECT_EQ(result.step_history.at(0).attempts, 3u);
  EXPECT_EQ(elapsed(), 30ms);
}

TEST_P(InlineCases, MixesWithStepsThatTakeTime) {
  scripted_step slow("slow", {ok(7).taking(5ms), ok(9).taking(5ms)});
  const auto to_value = inline_step("v", [](int x) { return value(x); });
  const auto to_int =
      inline_step("i", [](const value& v) { return static_cast<int>(*v.if_integer()); });
  const auto result =
      run_once(add() >> to_value >> slow() >> to_int >> add() >> to_value >> slow(), 1);

  EXPECT_EQ(result.output, value(9));
  EXPECT_EQ(result.step_history.size(), 7u);
  EXPECT_EQ(elapsed(), 10ms);
}

TEST_P(InlineCases, AllBranchesOfABlockAreDone) {
  const auto result =
      run_once(map_over(add(), {.max_in_flight = 10}), value(value::list_type(1'000, value(1))));

  ASSERT_TRUE(result.success()) << result.feedback();
  EXPECT_EQ(result.output.if_list()->size(), 1'000u);
  EXPECT_EQ(*calls, 1'000);
}

TEST_P(InlineCases, ABranchThatFailsLeavesNoneThatHadBegunUndone) {
  const auto broken = inline_step("broken", [](int) -> outcome<int> {
    return failure{failure_kind::permanent, "no"};
  });
  const auto result = run_once(parallel(add(), broken, add()), 0);

  EXPECT_EQ(result.why->message, "branch broken: no");
  EXPECT_EQ(result.step_history.at(0).step_history.size(), 3u);
}

TEST_P(InlineCases, ObserversHearOfEveryStep) {
  run_once(adds(50), 0);

  // Steps on other nodes are heard of there.
  if (GetParam() == hosting::remote) return;
  EXPECT_EQ(seen->of(event_kind::step_started).size(), 50u);
  EXPECT_EQ(seen->of(event_kind::step_finished).size(), 50u);
}

TEST_P(InlineCases, NothingBeginsWhenTheDeadlineHasPassed) {
  scripted_step slow("slow", {ok(1).taking(10ms)});
  const auto to_int =
      inline_step("i", [](const value& v) { return static_cast<int>(*v.if_integer()); });
  const auto result = run_once(slow() >> to_int >> add(), {}, {.deadline = 10ms});

  EXPECT_EQ(result.why->kind, failure_kind::timed_out);
  EXPECT_EQ(*calls, 0);
}

} // namespace
} // namespace troupe::testing
