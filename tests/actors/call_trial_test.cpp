#include "engine_fixture.hpp"

#include <troupe/actors/call_trial.hpp>
#include <troupe/actors/stage.hpp>
#include <troupe/actors/step_host.hpp>
#include <troupe/runtime/testing.hpp>

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace troupe::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

class relay_call;

/// A stage with one child at a time, whose handlers are functions.
struct relay {
  stage_ref child{};
  std::function<void(relay_call&)> start{};
  std::function<void(relay_call&, step_result&&)> result{};
  std::function<void(relay_call&)> woken{}; ///< by a timer or a signal
};

class relay_call final : public call {
public:
  explicit relay_call(const relay& home) : home_(home) {}

  using call::address;
  using call::answer;
  using call::blank_result;
  using call::now;
  using call::open_children;
  using call::request;
  using call::send;
  using call::set_timer;

  void pass_on() { send(0, home_.child, request()); }

  int turns = 0;

private:
  void start() override {
    if (home_.start) home_.start(*this);
    else pass_on();
  }
  void on_result(std::uint64_t, step_result&& result) override {
    if (home_.result) home_.result(*this, std::move(result));
    else answer(std::move(result));
  }
  void on_timer(std::uint32_t) override { home_.woken(*this); }
  void on_signal(signal) override { home_.woken(*this); }

  const relay& home_;
};

/// One host with stages that may be tried above a step of the test.
struct CallTrial : EngineFixture {
  std::uint32_t add_step(const plan& tree) {
    return engine.add([who = identity("step"), tree] { return make_stage(who, step_host{tree}); });
  }
  std::uint32_t add_relay(const std::string& name, std::uint32_t below, relay parts = {}) {
    parts.child = {{}, below};
    return engine.add([who = identity(name), parts = std::move(parts)] {
      return std::make_unique<straight_stage_of<relay_call, relay>>(who, parts);
    });
  }
  /// So many of them above each other.
  std::uint32_t add_tower(std::uint32_t below, int height) {
    for (int level = 0; level < height; ++level) below = add_relay("level", below);
    return below;
  }

  /// An inline step that returns how often it was called.
  std::uint32_t add_counter() {
    return add_step(inline_step("count", [this](int) { return ++counted; }).tree());
  }

  const step_result& run(std::uint64_t number, std::uint32_t stage) {
    start(number, stage, 7);
    EXPECT_TRUE(world.settle());
    return only_result(number);
  }

  testing::scripted_step slow = testing::mock_step("slow", testing::ok(1).taking(50ms));
  int counted = 0;
};

// More levels than may be tried inside each other, above a step that answers at once and above one
// that does not.
TEST_F(CallTrial, ATowerOfAnyHeightAnswers) {
  const auto quick = add_tower(add_counter(), 200);
  const auto waiting = add_tower(add_step(slow().tree()), 200);

  EXPECT_EQ(run(1, quick).output, value(1));
  EXPECT_EQ(run(2, waiting).output, value(1));
  EXPECT_EQ(only_result(2).name, "level");
  EXPECT_EQ(only_result(2).latency, 50ms);
  expect_idle();
}

TEST_F(CallTrial, ACancelReachesTheFootOfATower) {
  const auto hanging = testing::mock_step("hanging", testing::hang());
  const auto tower = add_tower(add_step(hanging().tree()), 200);
  start(1, tower);
  world.call_at(instant(5ms), [this] { cancel(1); });

  EXPECT_TRUE(world.settle());

  EXPECT_TRUE(only_result(1).failed_with(failure_kind::cancelled));
  EXPECT_EQ(hanging.stopped(), 1u);
  expect_idle();
}

// What a handler looks at stays as it is while the next child has its result at once.
TEST_F(CallTrial, TheNextChildPutsItsResultBesideTheOneThatIsLookedAt) {
  const auto stage =
      add_relay("thrice", add_counter(), {.result = [](relay_call& self, step_result&& result) {
                  const auto expected = value(++self.turns);
                  if (self.turns == 3) return self.answer(std::move(result));
                  self.pass_on();
                  EXPECT_EQ(result.output, expected);
                  EXPECT_EQ(self.open_children(), 1u);
                }});

  EXPECT_EQ(run(1, stage).output, value(3));
  EXPECT_EQ(only_result(1).name, "thrice");
  expect_idle();
}

TEST_F(CallTrial, AnAnswerWithoutTheChildsResultIsKeptAndTheResultCounted) {
  const auto stage = add_relay("hasty", add_counter(), {.start = [](relay_call& self) {
                                 self.pass_on();
                                 auto own = self.blank_result();
                                 own.output = "own";
                                 self.answer(std::move(own));
                                 self.answer(self.blank_result()); // one answer is enough
                               }});

  EXPECT_EQ(run(1, add_tower(stage, 3)).output, value("own"));
  EXPECT_EQ(counted, 1);
  EXPECT_EQ(world.services().late_answers, 1u);
  expect_idle();
}

TEST_F(CallTrial, AnAnswerStopsAChildThatIsUnderWay) {
  const auto stage = add_relay("hasty", add_relay("between", add_step(slow().tree())),
                               {.start = [](relay_call& self) {
                                 self.pass_on();
                                 self.answer(self.blank_result());
                               }});

  EXPECT_TRUE(run(1, add_tower(stage, 3)).success());
  EXPECT_EQ(only_result(1).latency, 0ms);
  EXPECT_EQ(slow.call_count(), 0u); // it had not even begun
  expect_idle();
}

TEST_F(CallTrial, TimersOfACallThatHasToWaitComeInTime) {
  auto woken = std::make_shared<std::vector<instant>>();
  const auto stage = add_relay("patient", add_counter(),
                               {.start =
                                    [](relay_call& self) {
                                      for (int number = 1; number <= 6; ++number) {
                                        self.set_timer(0, self.now() + number * 10ms);
                                      }
                                    },
                                .woken =
                                    [woken](relay_call& self) {
                                      woken->push_back(self.now());
                                      if (woken->size() == 6) self.pass_on();
                                    }});

  EXPECT_EQ(run(1, add_tower(stage, 3)).latency, 60ms);
  EXPECT_EQ(woken->front(), instant(10ms));
  EXPECT_EQ(woken->back(), instant(60ms));
  expect_idle();
}

TEST_F(CallTrial, ATimerThatIsNotNeededNeverComes) {
  const auto stage = add_relay("quick", add_counter(),
                               {.start =
                                    [](relay_call& self) {
                                      self.set_timer(0, self.now() + 10s);
                                      self.pass_on();
                                    },
                                .woken = [](relay_call&) { FAIL(); }});

  EXPECT_TRUE(run(1, add_tower(stage, 3)).success());
  EXPECT_EQ(world.services().clock, instant());
  expect_idle();
}

TEST_F(CallTrial, ASignalFindsACallThatGaveItsAddressAway) {
  call_address where;
  const auto stage = add_relay("listens", add_counter(),
                               {.start = [&](relay_call& self) { where = self.address(); },
                                .woken = [](relay_call& self) { self.pass_on(); }});
  world.call_at(instant(5ms), [&] { where.send({}); });

  EXPECT_EQ(run(1, add_tower(stage, 3)).latency, 5ms);
  expect_idle();
}

TEST_F(CallTrial, ASignalThatComesAfterTheAnswerReachesNobody) {
  call_address where;
  const auto stage = add_relay("listens", add_counter(),
                               {.start =
                                    [&](relay_call& self) {
                                      where = self.address();
                                      self.pass_on();
                                    },
                                .woken = [](relay_call&) { FAIL(); }});
  world.call_at(instant(5ms), [&] { where.send({}); });

  EXPECT_TRUE(run(1, add_tower(stage, 3)).success());
  expect_idle();
}

// Results for others leave together, but a step that takes long keeps back only the one before it.
TEST_F(CallTrial, LongStepsDoNotGatherResults) {
  std::vector<std::size_t> answered;
  const auto stage = add_step(inline_step("long", [&](int x) {
                                answered.push_back(asker->results.size());
                                world.services().clock += 1ms;
                                return x;
                              }).tree());
  for (std::uint64_t number = 1; number <= 4; ++number) engine.deliver(order(number, stage, 7));

  EXPECT_FALSE(engine.run(100));

  EXPECT_THAT(answered, ElementsAre(0u, 0u, 2u, 2u));
  EXPECT_EQ(asker->results.size(), 4u);
  expect_idle();
}

/// When a handler throws: while it is started, and when the result of its child is there.
struct ThrowingTrial : CallTrial, ::testing::WithParamInterface<bool> {
  relay glass(int times) {
    auto left = std::make_shared<int>(times);
    const auto maybe_throw = [left] {
      if ((*left)-- > 0) throw std::runtime_error("too thin");
    };
    if (GetParam()) {
      return {.start = [=](relay_call& self) {
        self.pass_on();
        maybe_throw();
      }};
    }
    return {.result = [=](relay_call& self, step_result&& result) {
      maybe_throw();
      self.answer(std::move(result));
    }};
  }
};

TEST_P(ThrowingTrial, FailsItsRequestAndSaysWho) {
  const auto tower = add_tower(add_relay("glass", add_counter(), glass(1)), 3);

  const auto& result = run(1, tower);

  EXPECT_TRUE(result.failed_with(failure_kind::unclassified));
  EXPECT_THAT(result.feedback(), HasSubstr("stage glass crashed: too thin"));
  EXPECT_EQ(result.name, "level");
  EXPECT_EQ(world.services().restarted_stages, 1u);
  EXPECT_TRUE(run(2, tower).success());
  expect_idle();
}

TEST_P(ThrowingTrial, FailsTheOtherOpenRequestsOfItsStage) {
  int seen = 0;
  auto parts = glass(0);
  parts.start = [&seen](relay_call& self) {
    if (++seen == 3) throw std::runtime_error("too thin");
    self.pass_on();
  };
  const auto tower = add_tower(add_relay("glass", add_step(slow().tree()), parts), 3);
  for (std::uint64_t number = 1; number <= 3; ++number) start(number, tower);

  EXPECT_TRUE(world.settle());

  for (std::uint64_t number = 1; number <= 3; ++number) {
    EXPECT_THAT(only_result(number).feedback(), HasSubstr("stage glass crashed: too thin"));
  }
  EXPECT_EQ(world.services().restarted_stages, 1u);
  expect_idle();
}

TEST_P(ThrowingTrial, AfterItHasAnsweredTakesNothingBack) {
  const auto stage =
      add_relay("glass", add_counter(), {.result = [](relay_call& self, step_result&& result) {
                  self.answer(std::move(result));
                  throw std::runtime_error("too late");
                }});

  EXPECT_EQ(run(1, add_tower(stage, GetParam() ? 3 : 0)).output, value(1));
  EXPECT_EQ(world.services().restarted_stages, 1u);
  expect_idle();
}

INSTANTIATE_TEST_SUITE_P(Moments, ThrowingTrial, ::testing::Bool());

} // namespace
} // namespace troupe::actors
