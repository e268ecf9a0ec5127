#include "support/signal_box.hpp"

#include <troupe/actors/breaker_guard.hpp>
#include <troupe/actors/message.hpp>
#include <troupe/actors/run_event.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace troupe::actors {
namespace {

TEST(MessageTest, CallIdsBecomeRequestIdsAndBack) {
  for (const call_id id : {call_id{0, 1}, call_id{1, 0}, call_id{7, 9}, call_id{UINT32_MAX, 3},
                           call_id{3, UINT32_MAX}}) {
    EXPECT_EQ(to_call_id(to_request_id(id)), id);
  }
}

TEST(MessageTest, CallIdWithoutGenerationNamesNoCall) {
  EXPECT_FALSE((call_id{5, 0}));
  EXPECT_TRUE((call_id{0, 1}));
}

TEST(MessageTest, SignalGoesToTheHostOfItsCall) {
  auto box = std::make_shared<testing::signal_box>();
  const call_address where{box, {3, 4}};

  where.send({9, nullptr});

  ASSERT_EQ(box->received.size(), 1u);
  EXPECT_EQ(box->received[0].call, (call_id{3, 4}));
  EXPECT_EQ(box->received[0].content.what, 9u);
}

TEST(MessageTest, SignalToNobodyVanishes) {
  const call_address nowhere;

  nowhere.send({1, nullptr});
}

TEST(RunEventTest, EveryKindHasANameOfItsOwn) {
  std::set<std::string> names;
  const auto last = static_cast<int>(event_kind::warning);

  for (int kind = 0; kind <= last; ++kind) {
    names.emplace(to_string(static_cast<event_kind>(kind)));
  }

  EXPECT_EQ(names.size(), static_cast<std::size_t>(last) + 1);
  EXPECT_TRUE(names.contains("retry_scheduled"));
}

TEST(BreakerGuardTest, TransitionIsWrittenAsAnArrow) {
  EXPECT_EQ(transition_text(breaker_phase::closed, breaker_phase::open), "closed -> open");
}

} // namespace
} // namespace troupe::actors
