#include "issues_of.hpp"

#include <troupe/policies/bulkhead.hpp>

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <utility>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using answer = bulkhead_state::answer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Bulkhead, HasTheDocumentedDefaults) {
  EXPECT_EQ(bulkhead{}.max_in_flight, 16);
  EXPECT_EQ(bulkhead{}.max_queue, 0);
  EXPECT_THAT(issues_of(bulkhead{}), IsEmpty());
}

TEST(Bulkhead, RefusesNumbersOutOfBounds) {
  EXPECT_THAT(issues_of(bulkhead{.max_in_flight = 0}), ElementsAre(HasSubstr("max_in_flight")));
  EXPECT_THAT(issues_of(bulkhead{.max_queue = -1}), ElementsAre(HasSubstr("max_queue")));
  EXPECT_THAT(issues_of(bulkhead{.max_wait = -1s}), ElementsAre(HasSubstr("max_wait")));
}

TEST(Bulkhead, DescribesItsOptions) {
  EXPECT_EQ(troupe_describe(bulkhead{.max_in_flight = 2, .max_wait = 1us}),
            value::map({{"max_in_flight", 2}, {"max_queue", 0}, {"max_wait", "1us"}}));
}

TEST(BulkheadState, RejectsWhatIsBeyondTheQueue) {
  bulkhead_state state(bulkhead{.max_in_flight = 2, .max_queue = 1});

  EXPECT_EQ(state.enter().what, answer::admitted);
  EXPECT_EQ(state.enter().what, answer::admitted);
  EXPECT_EQ(state.enter().what, answer::queued);
  EXPECT_EQ(state.enter().what, answer::rejected);
  EXPECT_EQ(state.in_flight(), 2);
  EXPECT_EQ(state.queued(), 1U);
}

TEST(BulkheadState, WhoIsNeverTurnedAwayQueuesBeyondTheBound) {
  bulkhead_state state(bulkhead{.max_in_flight = 1});

  EXPECT_EQ(state.enter_or_wait().what, answer::admitted);
  const auto waiting = state.enter_or_wait();
  EXPECT_EQ(waiting.what, answer::queued);
  EXPECT_EQ(state.enter().what, answer::rejected);
  EXPECT_EQ(state.leave(), waiting.number);
  EXPECT_EQ(state.in_flight(), 1);
}

TEST(BulkheadState, AdmitsTheLongestWaitingCallWhenOneLeaves) {
  bulkhead_state state(bulkhead{.max_in_flight = 1, .max_queue = 2});
  (void)state.enter();
  const auto first = state.enter().number;
  const auto second = state.enter().number;

  EXPECT_EQ(state.position(second), 2U);
  EXPECT_EQ(state.leave(), first);
  EXPECT_EQ(state.position(first), 0U);
  EXPECT_EQ(state.position(second), 1U);
  EXPECT_EQ(state.leave(), second);
  EXPECT_EQ(state.leave(), std::nullopt);
  EXPECT_EQ(state.in_flight(), 0);
}

TEST(BulkheadState, SkipsCallsThatGaveUp) {
  bulkhead_state state(bulkhead{.max_in_flight = 1, .max_queue = 2});
  const auto inside = state.enter().number;
  const auto impatient = state.enter().number;
  const auto patient = state.enter().number;

  EXPECT_TRUE(state.abandon(impatient));
  EXPECT_FALSE(state.abandon(impatient));
  EXPECT_FALSE(state.abandon(inside));
  EXPECT_EQ(state.leave(), patient);
}

RC_GTEST_PROP(BulkheadState, NeverLetsInMoreThanItsBound, ()) {
  const auto bound = *rc::gen::inRange(1, 5);
  const auto room = *rc::gen::inRange(0, 5);
  bulkhead_state state(bulkhead{.max_in_flight = bound, .max_queue = room});
  std::vector<bulkhead_state::ticket> waiting;
  int inside = 0;
  for (const auto action : *rc::gen::container<std::vector<int>>(200, rc::gen::inRange(0, 4))) {
    if (action < 2) {
      const auto free = inside < bound;
      const auto decision = state.enter();
      RC_ASSERT((decision.what == answer::admitted) == free);
      if (decision.what == answer::admitted) ++inside;
      if (decision.what == answer::queued) waiting.push_back(decision.number);
    } else if (action == 2 && inside > 0) {
      const auto next = state.leave();
      RC_ASSERT(next.has_value() == !waiting.empty());
      if (next) {
        RC_ASSERT(*next == waiting.front());
        waiting.erase(waiting.begin());
      } else {
        --inside;
      }
    } else if (!waiting.empty()) {
      RC_ASSERT(state.abandon(waiting.back()));
      waiting.pop_back();
    }
    RC_ASSERT(state.in_flight() == inside);
    RC_ASSERT(inside <= bound);
    RC_ASSERT(state.queued() == waiting.size());
    RC_ASSERT(std::cmp_less_equal(waiting.size(), room));
  }
}

} // namespace
} // namespace troupe
