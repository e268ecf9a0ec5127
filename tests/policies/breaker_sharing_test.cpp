#include <troupe/policies/breaker.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr auto success = breaker_verdict::success;
constexpr auto failed = breaker_verdict::failure;
constexpr auto neutral = breaker_verdict::neutral;

/// The breaker of one process, that others share.
struct shared {
  shared(breaker options, breaker_place place) : state(std::move(options)) {
    state.set_place(place);
  }
  bool call(breaker_verdict verdict) {
    const auto permit = state.admit(now);
    if (permit) state.record(*permit, verdict, took, now);
    return permit.has_value();
  }
  void follow(shared& other) {
    state.adopt(other.state.standing(now), now);
    state.count(other.state.take_delta(), now);
  }
  breaker_phase phase() const { return state.phase(); }

  instant now{1h};
  duration took = 1ms;
  breaker_state state;
};

class SharedBreaker : public ::testing::Test {
protected:
  void wait(duration length) {
    home.now += length;
    guest.now += length;
  }
  // The guest has opened it, its wait has passed, and the home was told.
  void open_and_wait() {
    for (int each = 0; each < 3; ++each) guest.call(failed);
    home.follow(guest);
    wait(10s);
  }
  breaker_permit lend() {
    const auto permit = home.state.lease(home.now);
    EXPECT_TRUE(permit);
    guest.follow(home);
    EXPECT_TRUE(guest.state.take_lease(permit->epoch, guest.now));
    return *permit;
  }

  breaker options{.name = "api", .failure_threshold = 3, .success_threshold = 2, .wait = 10s};
  shared home{options, breaker_place::home};
  shared guest{options, breaker_place::guest};
};

TEST_F(SharedBreaker, OpensOnFailuresOfBothTogether) {
  home.call(failed);
  guest.call(failed);
  guest.call(failed);

  home.follow(guest);

  EXPECT_EQ(home.phase(), breaker_phase::open);
}

TEST_F(SharedBreaker, ASuccessElsewhereEndsARowOfFailures) {
  home.call(failed);
  home.call(failed);
  guest.call(success);
  guest.call(failed);

  home.follow(guest);

  EXPECT_EQ(home.phase(), breaker_phase::closed);
  EXPECT_EQ(home.state.failure_count(), 1);
}

TEST_F(SharedBreaker, TellsEachDeltaOnce) {
  guest.call(failed);

  EXPECT_EQ(guest.state.take_delta().calls, 1);
  EXPECT_EQ(guest.state.take_delta().calls, 0);
}

TEST_F(SharedBreaker, WhatItHearsIsNoNewsOfItsOwn) {
  guest.call(failed);
  home.follow(guest);

  EXPECT_EQ(home.state.take_delta(), breaker_delta{});
}

TEST_F(SharedBreaker, RatesLookAtTheCallsOfAll) {
  const breaker rates{.name = "api", .failure_rate = 0.5, .window = 10, .minimum_calls = 4};
  shared here{rates, breaker_place::home};
  shared there{rates, breaker_place::guest};
  here.call(success);
  here.call(success);
  there.call(failed);
  there.call(failed);

  here.follow(there);

  EXPECT_EQ(here.phase(), breaker_phase::open);
}

TEST_F(SharedBreaker, MoreCallsThanTheWindowHoldsKeepTheirShare) {
  const breaker rates{.name = "api", .failure_rate = 0.5, .window = 10, .minimum_calls = 4};
  shared here{rates, breaker_place::home};
  for (int each = 0; each < 10; ++each) here.call(success);

  here.state.count({.calls = 1'000, .failed = 400, .succeeded = true}, here.now);
  EXPECT_EQ(here.phase(), breaker_phase::closed);
  here.state.count({.calls = 1'000, .failed = 500, .succeeded = true}, here.now);
  EXPECT_EQ(here.phase(), breaker_phase::open);
}

TEST_F(SharedBreaker, SlowCallsElsewhereCount) {
  const breaker slow{.name = "api", .window = 10, .minimum_calls = 2, .slow_call_duration = 1s};
  shared here{slow, breaker_place::home};
  shared there{slow, breaker_place::guest};
  there.took = 2s;
  there.call(success);
  there.call(success);

  here.follow(there);

  EXPECT_EQ(here.phase(), breaker_phase::open);
}

TEST_F(SharedBreaker, FollowsWhoIsAhead) {
  for (int each = 0; each < 3; ++each) guest.call(failed);

  EXPECT_TRUE(home.state.adopt(guest.state.standing(guest.now), home.now));

  EXPECT_EQ(home.phase(), breaker_phase::open);
  EXPECT_EQ(home.state.retry_after(home.now), 10s);
  EXPECT_FALSE(home.state.adopt(guest.state.standing(guest.now), home.now));
}

TEST_F(SharedBreaker, CountsNothingOfAnEarlierState) {
  guest.call(failed);
  const auto old = guest.state.take_delta();
  home.state.close();

  home.state.count(old, home.now);

  EXPECT_EQ(home.state.failure_count(), 0);
}

TEST_F(SharedBreaker, OfTwoChangesAtOnceTheOperatorsHolds) {
  home.state.force_open();
  for (int each = 0; each < 3; ++each) guest.call(failed);

  EXPECT_FALSE(home.state.adopt(guest.state.standing(guest.now), home.now));
  EXPECT_TRUE(guest.state.adopt(home.state.standing(home.now), guest.now));

  EXPECT_EQ(guest.phase(), breaker_phase::forced_open);
}

TEST_F(SharedBreaker, AGuestWishesForAProbeInsteadOfMakingOne) {
  open_and_wait();

  EXPECT_FALSE(guest.call(success));

  EXPECT_TRUE(guest.state.take_wish());
  EXPECT_FALSE(guest.state.take_wish());
  EXPECT_EQ(guest.state.rejection("api", guest.now),
            "Circuit breaker is OPEN: the service behind `api` is unavailable; try again once the "
            "probe under way ends");
}

TEST_F(SharedBreaker, ALeaseIsForOneProbe) {
  open_and_wait();
  lend();

  EXPECT_TRUE(guest.call(success));
  EXPECT_FALSE(guest.call(success));
  EXPECT_FALSE(home.call(success));
  EXPECT_FALSE(home.state.lease(home.now));
}

TEST_F(SharedBreaker, ProbesOfGuestsCloseIt) {
  open_and_wait();
  for (int each = 0; each < 2; ++each) {
    lend();
    guest.call(success);
    const auto [permit, verdict] = guest.state.take_probe().value();
    home.state.record(permit, verdict, {}, home.now);
  }
  guest.follow(home);

  EXPECT_EQ(home.phase(), breaker_phase::closed);
  EXPECT_EQ(guest.phase(), breaker_phase::closed);
}

TEST_F(SharedBreaker, AFailedProbeOfAGuestOpensItForAll) {
  open_and_wait();
  lend();
  guest.call(failed);
  const auto [permit, verdict] = guest.state.take_probe().value();
  home.state.record(permit, verdict, {}, home.now);
  guest.follow(home);

  EXPECT_EQ(home.phase(), breaker_phase::open);
  EXPECT_EQ(guest.phase(), breaker_phase::open);
}

TEST_F(SharedBreaker, AnUnusedLeaseGoesBack) {
  open_and_wait();
  lend();
  EXPECT_FALSE(guest.state.return_lease(guest.now - 1s));
  wait(1s);

  const auto back = guest.state.return_lease(guest.now - 1s);

  ASSERT_TRUE(back);
  EXPECT_FALSE(guest.call(success));
  home.state.record(*back, neutral, {}, home.now);
  EXPECT_TRUE(home.call(success));
}

TEST_F(SharedBreaker, ALeaseThatComesTooLateIsRefused) {
  open_and_wait();
  const auto permit = home.state.lease(home.now).value();
  guest.state.close();

  EXPECT_FALSE(guest.state.take_lease(permit.epoch, guest.now));
}

TEST_F(SharedBreaker, WhoBecomesHomeMakesProbesItself) {
  open_and_wait();

  guest.state.set_place(breaker_place::home);

  EXPECT_TRUE(guest.call(success));
  EXPECT_EQ(guest.phase(), breaker_phase::half_open);
}

TEST_F(SharedBreaker, AHomeThatLentAProbeCanBecomeHomeAgain) {
  open_and_wait();
  lend();

  home.state.set_place(breaker_place::guest);
  home.state.set_place(breaker_place::home);

  EXPECT_TRUE(home.call(success));
}

} // namespace
} // namespace troupe
