#include "engine_fixture.hpp"

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

using ::testing::HasSubstr;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

enum class moment { open, start, result, timer, cancel };

/// A stage that passes everything to its child, and lets a function look on that may throw.
struct fragile {
  stage_ref child;
  std::function<void(moment)> look_on;
};

class fragile_call final : public call {
public:
  explicit fragile_call(const fragile& home) : home_(home) { home_.look_on(moment::open); }

private:
  void start() override {
    set_timer(0, later(now(), 20ms));
    send(0, home_.child, request());
    home_.look_on(moment::start);
  }
  void on_result(std::uint64_t, step_result&& result) override {
    home_.look_on(moment::result);
    answer(std::move(result));
  }
  void on_timer(std::uint32_t) override { home_.look_on(moment::timer); }
  void on_cancel(const std::shared_ptr<const failure>& reason) override {
    home_.look_on(moment::cancel);
    call::on_cancel(reason);
  }

  const fragile& home_;
};

/// One host with a fragile stage named `glass` above the step `child`.
struct SupervisionTest : EngineFixture {
  std::uint32_t add_glass(std::function<void(moment)> look_on) {
    const auto below = engine.add([who = identity("child"), tree = child().tree()] {
      return make_stage(who, step_host{tree});
    });
    return engine.add([who = identity("glass"), parts = fragile{{{}, below}, std::move(look_on)}] {
      return std::make_unique<stage_of<fragile_call, fragile>>(who, parts);
    });
  }

  void expect_crash(std::uint64_t number, const std::string& reason) {
    const auto& result = only_result(number);
    EXPECT_TRUE(result.failed_with(failure_kind::unclassified));
    EXPECT_THAT(result.feedback(), HasSubstr("stage glass crashed: " + reason));
  }

  testing::scripted_step child = testing::mock_step("child", testing::ok(1).taking(50ms));
};

/// Throws at that moment, as often as given.
std::function<void(moment)> throws_at(moment when, int times = 1) {
  return [when, left = std::make_shared<int>(times)](moment now) {
    if (now == when && *left > 0 && (*left)-- > 0) throw std::runtime_error("too thin");
  };
}

struct ThrowingHandler : SupervisionTest, ::testing::WithParamInterface<moment> {};

TEST_P(ThrowingHandler, FailsItsRequestAndSaysWho) {
  const auto glass = add_glass(throws_at(GetParam()));

  start(1, glass);
  EXPECT_TRUE(world.settle());

  expect_crash(1, "too thin");
  EXPECT_EQ(world.services().restarted_stages, 1u);
  expect_idle();
}

TEST_P(ThrowingHandler, MayThrowAnything) {
  const auto glass = add_glass([when = GetParam()](moment now) {
    if (now == when) throw 42;
  });

  start(1, glass);
  EXPECT_TRUE(world.settle());

  expect_crash(1, "an exception that is no std::exception");
  expect_idle();
}

TEST_P(ThrowingHandler, IsThereAgainForTheNextRequest) {
  const auto glass = add_glass(throws_at(GetParam()));
  start(1, glass);
  EXPECT_TRUE(world.settle());

  start(2, glass);
  EXPECT_TRUE(world.settle());

  EXPECT_TRUE(only_result(2).success());
  EXPECT_EQ(only_result(2).output, value(1));
}

INSTANTIATE_TEST_SUITE_P(Moments, ThrowingHandler,
                         ::testing::Values(moment::start, moment::result, moment::timer));

TEST_F(SupervisionTest, HandlerOfACancelMayThrow) {
  const auto glass = add_glass(throws_at(moment::cancel));
  start(1, glass);
  world.call_at(instant(5ms), [&] { cancel(1); });

  EXPECT_TRUE(world.settle());

  expect_crash(1, "too thin");
  expect_idle();
}

TEST_F(SupervisionTest, CallThatCannotEvenBeMadeFailsItsRequest) {
  const auto glass = add_glass([](moment now) {
    if (now == moment::open) throw std::runtime_error("no glass");
  });
  const auto brick = add_glass([](moment now) {
    if (now == moment::open) throw 42;
  });

  start(1, glass);
  start(2, brick);
  EXPECT_TRUE(world.settle());

  EXPECT_THAT(only_result(1).feedback(), HasSubstr("no glass"));
  EXPECT_TRUE(only_result(2).failed_with(failure_kind::unclassified));
  expect_idle();
}

TEST_F(SupervisionTest, CrashCancelsTheChildren) {
  child = testing::mock_step("child", testing::hang());
  const auto glass = add_glass(throws_at(moment::timer));

  start(1, glass);
  EXPECT_TRUE(world.settle());

  expect_crash(1, "too thin");
  EXPECT_EQ(child.stopped(), 1u);
  expect_idle();
}

TEST_F(SupervisionTest, CrashFailsAllOpenRequestsOfItsStage) {
  const auto glass = add_glass(throws_at(moment::timer));

  for (std::uint64_t number = 1; number <= 5; ++number) start(number, glass);
  EXPECT_TRUE(world.settle());

  for (std::uint64_t number = 1; number <= 5; ++number) expect_crash(number, "too thin");
  EXPECT_EQ(world.services().restarted_stages, 1u);
  expect_idle();
}

TEST_F(SupervisionTest, OtherStagesOfTheHostLiveOn) {
  const auto glass = add_glass(throws_at(moment::timer));
  const auto steel = add_glass([](moment) {});

  start(1, glass);
  start(2, steel);
  EXPECT_TRUE(world.settle());

  expect_crash(1, "too thin");
  EXPECT_TRUE(only_result(2).success());
  expect_idle();
}

TEST_F(SupervisionTest, ParentHearsOfACrashAsAnyOtherFailure) {
  const auto glass = add_glass(throws_at(moment::start));
  const fragile outer{{{}, glass}, [](moment) {}};
  const auto above = engine.add([who = identity("above"), outer] {
    return std::make_unique<stage_of<fragile_call, fragile>>(who, outer);
  });

  start(1, above);
  EXPECT_TRUE(world.settle());

  expect_crash(1, "too thin");
  EXPECT_EQ(only_result(1).name, "above");
  EXPECT_EQ(world.services().restarted_stages, 1u);
}

TEST_F(SupervisionTest, StageThatCrashesTooOftenStaysDown) {
  world.services().restarts = {2, 10s};
  const auto glass = add_glass(throws_at(moment::start, 1000));

  for (std::uint64_t number = 1; number <= 3; ++number) {
    start(number, glass);
    EXPECT_TRUE(world.settle());
    expect_crash(number, "too thin");
  }
  start(4, glass);
  EXPECT_TRUE(world.settle());

  const auto& result = only_result(4);
  EXPECT_TRUE(result.failed_with(failure_kind::permanent));
  EXPECT_THAT(result.feedback(), HasSubstr("stage glass crashed: too thin"));
  EXPECT_THAT(result.feedback(), HasSubstr("stays down"));
  EXPECT_EQ(result.why->step, "glass");
  expect_idle();
}

TEST_F(SupervisionTest, CrashesThatAreFarApartAreForgiven) {
  world.services().restarts = {1, 10s};
  const auto glass = add_glass(throws_at(moment::start, 5));

  for (std::uint64_t number = 1; number <= 6; ++number) {
    world.call_at(instant(number * 11s), [this, number, glass] { start(number, glass); });
  }
  EXPECT_TRUE(world.settle());

  for (std::uint64_t number = 1; number <= 5; ++number) expect_crash(number, "too thin");
  EXPECT_TRUE(only_result(6).success());
}

TEST_F(SupervisionTest, StageThatCannotBeMadeAgainStaysDown) {
  auto made = std::make_shared<int>(0);
  const auto below = add_glass([](moment) {});
  const fragile parts{{{}, below}, throws_at(moment::start)};
  const auto glass = engine.add([who = identity("glass"), parts, made]() -> std::unique_ptr<stage> {
    if ((*made)++ > 0) throw 42;
    return std::make_unique<stage_of<fragile_call, fragile>>(who, parts);
  });

  start(1, glass);
  EXPECT_TRUE(world.settle());
  start(2, glass);
  EXPECT_TRUE(world.settle());

  expect_crash(1, "too thin");
  EXPECT_TRUE(only_result(2).failed_with(failure_kind::permanent));
  EXPECT_THAT(only_result(2).feedback(), HasSubstr("restart failed"));
}

TEST_F(SupervisionTest, RestartIsToldToObservers) {
  const auto glass = add_glass(throws_at(moment::start));

  start(1, glass);
  EXPECT_TRUE(world.settle());

  EXPECT_THAT(world.trace(), ::testing::Contains(HasSubstr("stage_restarted glass")));
}

} // namespace
} // namespace troupe::actors
