#include "support/caf_fixture.hpp"

#include <troupe/actors/stage_system.hpp>
#include <troupe/runtime/testing.hpp>

#include <gmock/gmock.h>

#include <thread>
#include <utility>

namespace troupe::testing {
namespace {

using std::chrono_literals::operator""s;

/// Deployed pipelines as actors.
class CafInteropTest : public CafFixture {
protected:
  template <class Stage>
  caf::actor deployed(const Stage& what) {
    return keep(actors::as_actor(system, rt->deploy(what)));
  }

  static step_request ask(std::uint64_t number, value input = {}) {
    step_request request;
    request.id = request_id{number};
    request.input = std::move(input);
    return request;
  }

  static step_result next_result(caf::scoped_actor& self) {
    step_result got;
    self->receive([&](step_result& result) { got = std::move(result); },
                  caf::after(60s) >> [] { ADD_FAILURE() << "no result"; });
    return got;
  }
};

TEST_F(CafInteropTest, DeployedPipelineAnswersARequest) {
  const auto pipeline = deployed(inline_step("a", [](int x) { return x + 1; }));
  caf::scoped_actor self(system);

  self->send(pipeline, ask(7, 41));

  const auto result = next_result(self);
  EXPECT_EQ(static_cast<std::uint64_t>(result.id), 7u);
  EXPECT_EQ(result.output, value(42));
}

TEST_F(CafInteropTest, DeployedPipelineAnswersEachRequestUnderItsId) {
  const auto pipeline = deployed(inline_step("a", [](int x) { return x * 10; }));
  caf::scoped_actor self(system);

  for (int number = 1; number <= 100; ++number) {
    self->send(pipeline, ask(static_cast<std::uint64_t>(number), number));
  }

  for (int count = 1; count <= 100; ++count) {
    const auto result = next_result(self);
    EXPECT_EQ(result.output, value(static_cast<std::uint64_t>(result.id) * 10));
  }
}

TEST_F(CafInteropTest, DeployedPipelineAnswersAFailure) {
  const auto pipeline = deployed(mock_step("a", permanent("never"))());
  caf::scoped_actor self(system);

  self->send(pipeline, ask(1));

  EXPECT_TRUE(next_result(self).failed_with(failure_kind::permanent));
}

TEST_F(CafInteropTest, TwoRequestersMayUseTheSameId) {
  const auto pipeline = deployed(inline_step("a", [](int x) { return x; }));
  caf::scoped_actor first(system);
  caf::scoped_actor second(system);

  first->send(pipeline, ask(1, 1));
  second->send(pipeline, ask(1, 2));

  EXPECT_EQ(next_result(first).output, value(1));
  EXPECT_EQ(next_result(second).output, value(2));
}

TEST_F(CafInteropTest, CancelRequestCancelsOnlyItsRequest) {
  scripted_step a("a");
  a.answering([](const value& input, const context&) { return input.is_null() ? hang() : ok(1); });
  const auto pipeline = deployed(a());
  caf::scoped_actor self(system);
  self->send(pipeline, ask(1));
  self->send(pipeline, ask(2));
  while (a.call_count() < 2) std::this_thread::yield(); // or it might end before it begins

  self->send(pipeline, cancel_request{request_id{2}, nullptr});

  const auto result = next_result(self);
  EXPECT_EQ(static_cast<std::uint64_t>(result.id), 2u);
  EXPECT_TRUE(result.failed_with(failure_kind::cancelled));
  EXPECT_EQ(a.stopped(), 1u);
}

TEST_F(CafInteropTest, RequestsOfARequesterThatEndsAreCancelled) {
  auto stopped = std::make_shared<event_flag>();
  auto arrived = std::make_shared<event_flag>();
  const auto pipeline = deployed(step("a", [=](int x, step_context& context) {
    const std::stop_callback on_stop(context.stop_token(), [=] { stopped->raise(); });
    arrived->raise();
    stopped->wait();
    return x;
  }));
  const auto requester = system.spawn([=](caf::event_based_actor* self) -> caf::behavior {
    self->send(pipeline, ask(1, 1));
    return {[](const step_result&) {}};
  });
  arrived->wait();

  end(requester);

  stopped->wait();
}

TEST_F(CafInteropTest, MessagesItDoesNotKnowDoItNoHarm) {
  const auto pipeline = deployed(inline_step("a", [](int x) { return x; }));
  caf::scoped_actor self(system);

  self->send(pipeline, std::string("hello"));
  self->send(pipeline, caf::make_error(caf::sec::runtime_error));
  self->send(pipeline, cancel_request{request_id{99}, nullptr});
  self->send(pipeline, ask(1, 5));

  EXPECT_EQ(next_result(self).output, value(5));
}

TEST_F(CafInteropTest, RequestsAfterTheEndOfTheRuntimeAreAnswered) {
  const auto pipeline = deployed(inline_step("a", [](int x) { return x; }));
  caf::scoped_actor self(system);
  rt.reset();

  self->send(pipeline, ask(1, 5));

  EXPECT_TRUE(next_result(self).failed_with(failure_kind::cancelled));
}

TEST_F(CafInteropTest, EndOfTheRuntimeAnswersOpenRequests) {
  const auto pipeline = deployed(mock_step("a", hang())());
  caf::scoped_actor self(system);
  self->send(pipeline, ask(1, 5));
  self->send(pipeline, ask(2, 5));

  rt.reset();

  EXPECT_TRUE(next_result(self).failed_with(failure_kind::cancelled));
  EXPECT_TRUE(next_result(self).failed_with(failure_kind::cancelled));
}

TEST_F(CafInteropTest, PipelineMayBeAStepOfAnother) {
  const auto inner = deployed(inline_step("inner", [](int x) { return x + 1; }));

  const auto result = run_once(actor_step(inner), 1);

  EXPECT_EQ(result.output, value(2));
}

TEST_F(CafInteropTest, CancelGoesThroughAPipelineThatIsAStep) {
  auto arrived = std::make_shared<event_flag>();
  scripted_step a("inner");
  a.answering([arrived](const value&, const context&) {
    arrived->raise();
    return hang();
  });
  const auto run = rt->deploy(actor_step(deployed(a()))).start_value({});
  arrived->wait();

  EXPECT_TRUE(run.cancel());

  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_EQ(a.stopped(), 1u);
}

TEST_F(CafInteropTest, RuntimeGoesBeforeItsSystemWithRunsOpen) {
  const auto run = rt->deploy(mock_step("a", hang())()).start_value({});

  rt.reset();

  EXPECT_EQ(run.result().status, run_status::cancelled);
}

TEST_F(CafInteropTest, SeveralRuntimesShareASystem) {
  runtime_options silent;
  silent.log = false;
  runtime other(silent, actors::make_stage_system(system));
  const auto a = inline_step("a", [](int x) { return x; });

  EXPECT_EQ(other.deploy(a).start_value(1).result().output, value(1));
  EXPECT_EQ(run_once(a, 2).output, value(2));
}

TEST_F(CafInteropTest, RuntimeOfAGivenSystemUsesItsThreads) {
  EXPECT_EQ(actors::make_stage_system(system)->scheduler_threads(), 2u);
}

} // namespace
} // namespace troupe::testing
