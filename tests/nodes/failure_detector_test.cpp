#include "failure_detector.hpp"

#include <gtest/gtest.h>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;

constexpr instant start{};

TEST(failure_detector, suspects_after_three_heartbeats_and_gives_up_after_the_limit) {
  failure_detector of({500ms, 10s}, start);
  for (auto now = 500ms; now < 1500ms; now += 500ms) {
    EXPECT_EQ(of.look(start + now), liveness::alive) << now.count();
  }
  for (auto now = 1500ms; now < 10s; now += 500ms) {
    EXPECT_EQ(of.look(start + now), liveness::suspect) << now.count();
  }
  EXPECT_EQ(of.look(start + 10s), liveness::gone);
}

TEST(failure_detector, takes_any_word_for_a_sign_of_life) {
  failure_detector of({500ms, 10s}, start);
  for (auto now = 500ms; now <= 4s; now += 500ms) (void)of.look(start + now);
  of.heard(start + 4100ms);
  EXPECT_EQ(of.look(start + 4500ms), liveness::alive);
  EXPECT_EQ(of.silence(start + 4500ms), 400ms);
}

TEST(failure_detector, does_not_blame_others_for_its_own_pause) {
  failure_detector of({500ms, 10s}, start);
  EXPECT_EQ(of.look(start + 500ms), liveness::alive);
  // This process was stopped for a minute: it could hear nothing.
  EXPECT_NE(of.look(start + 60s), liveness::gone);
  for (auto now = 60500ms; now < 68s; now += 500ms) EXPECT_NE(of.look(start + now), liveness::gone);
  for (auto now = 68s + 500ms; now < 71s; now += 500ms) (void)of.look(start + now);
  EXPECT_EQ(of.look(start + 71s), liveness::gone) << "the silence goes on, and counts";
}

TEST(failure_detector, keeps_its_order_when_the_limit_is_short) {
  failure_detector of({100ms, 200ms}, start);
  EXPECT_EQ(of.look(start + 50ms), liveness::alive);
  EXPECT_EQ(of.look(start + 100ms), liveness::suspect);
  EXPECT_EQ(of.look(start + 200ms), liveness::gone);
}

} // namespace
} // namespace troupe::nodes
