#include "support/caf_fixture.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

/// Steps whose work is done by actors of the user's.
using CafStepTest = CafFixture;

step_result result_of(const step_request& request) {
  step_result result;
  result.id = request.id;
  result.ctx = request.ctx;
  return result;
}

/// Answers each request at once, with what the function makes of it.
template <class F>
caf::actor answering_actor(caf::actor_system& system, F answer) {
  return system.spawn([answer](caf::event_based_actor*) -> caf::behavior {
    return {[answer](const step_request& request) { return answer(request); },
            [](const cancel_request&) {}};
  });
}

TEST_F(CafStepTest, ActorAnswersWithAnOutput) {
  const auto worker = keep(answering_actor(system, [](const step_request& request) {
    auto result = result_of(request);
    result.output = *request.input.if_integer() + 1;
    return result;
  }));

  const auto result = run_once(actor_step(worker), 41);

  EXPECT_EQ(result.status, run_status::completed);
  EXPECT_EQ(result.output, value(42));
}

TEST_F(CafStepTest, FailureOfTheActorIsTheFailureOfTheStep) {
  const auto worker = keep(answering_actor(system, [](const step_request& request) {
    auto result = result_of(request);
    result.why = std::make_shared<const failure>(failure{failure_kind::transient, "not now"});
    return result;
  }));

  const auto result = run_once(actor_step(worker));

  ASSERT_TRUE(result.why);
  EXPECT_EQ(result.why->kind, failure_kind::transient);
  EXPECT_EQ(result.feedback(), "not now");
}

TEST_F(CafStepTest, UsageOfTheActorCounts) {
  const auto worker = keep(answering_actor(system, [](const step_request& request) {
    auto result = result_of(request);
    result.spent = {0.25, 7};
    return result;
  }));

  const auto result = run_once(actor_step(worker));

  EXPECT_EQ(result.total_cost_usd, 0.25);
  EXPECT_EQ(result.total_tokens, 7);
}

TEST_F(CafStepTest, ContextChangesOfTheActorCount) {
  const auto worker = keep(answering_actor(system, [](const step_request& request) {
    auto result = result_of(request);
    result.ctx.set("new", 1);
    result.ctx.erase("old");
    return result;
  }));
  run_options how;
  how.context.set("old", 1);
  how.context.set("kept", 1);

  const auto result = run_once(actor_step(worker), {}, how);

  EXPECT_EQ(result.final_context.to_value(), value::map({{"kept", 1}, {"new", 1}}));
}

TEST_F(CafStepTest, ManyRequestsAtOnceGetTheirOwnAnswers) {
  const auto worker = keep(answering_actor(system, [](const step_request& request) {
    auto result = result_of(request);
    result.output = request.input;
    return result;
  }));
  auto live = rt->deploy(actor_step(worker));

  std::vector<any_run> runs;
  for (int i = 0; i < 200; ++i) runs.push_back(live.start_value(i));

  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(runs[static_cast<std::size_t>(i)].result().output, value(i));
  }
}

/// Keeps every request until it is told to stop; says when one arrives.
caf::behavior patient_actor(caf::event_based_actor* self, std::shared_ptr<event_flag> arrived) {
  return {[arrived](const step_request&) { arrived->raise(); },
          [self](const cancel_request& order) {
            step_result result;
            result.id = order.id;
            result.output = "stopped";
            self->send(caf::actor_cast<caf::actor>(self->current_sender()), std::move(result));
          }};
}

TEST_F(CafStepTest, CancelReachesTheActor) {
  auto arrived = std::make_shared<event_flag>();
  const auto worker = keep(system.spawn(patient_actor, arrived));
  auto live = rt->deploy(actor_step(worker));
  const auto run = live.start_value({});
  arrived->wait();

  EXPECT_TRUE(run.cancel());

  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_EQ(rt->metrics().abandoned_steps, 0u);
}

TEST_F(CafStepTest, CancelIsNoErrorForAnActorThatDoesNotTakeIt) {
  auto arrived = std::make_shared<event_flag>();
  auto asked = std::make_shared<event_flag>();
  const auto worker = keep(system.spawn([=](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler([asked](caf::scheduled_actor*, caf::message_view&) {
      asked->raise();
      return caf::result<caf::message>(caf::sec::unexpected_message);
    });
    return {[=](const step_request& request) {
      if (request.input == value("wait")) return arrived->raise();
      self->send(caf::actor_cast<caf::actor>(self->current_sender()), result_of(request));
    }};
  }));
  auto live = rt->deploy(actor_step(worker));
  const auto first = live.start_value("wait");
  const auto second = live.start_value("wait");
  arrived->wait(2);

  EXPECT_TRUE(first.cancel());
  asked->wait();
  EXPECT_EQ(live.start_value({}).result().status, run_status::completed);

  EXPECT_FALSE(second.done());
  EXPECT_TRUE(second.cancel());
  EXPECT_EQ(second.result().status, run_status::cancelled);
}

TEST_F(CafStepTest, EndOfTheActorFailsWhatItHadOpen) {
  auto arrived = std::make_shared<event_flag>();
  const auto worker = system.spawn(patient_actor, arrived);
  auto live = rt->deploy(actor_step(worker));
  const auto first = live.start_value({});
  const auto second = live.start_value({});
  arrived->wait(2);

  caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);

  for (const auto& run : {first, second}) {
    ASSERT_TRUE(run.result().why);
    EXPECT_EQ(run.result().why->kind, failure_kind::worker_lost);
  }
}

TEST_F(CafStepTest, RequestForAnActorThatHasEndedFails) {
  auto arrived = std::make_shared<event_flag>();
  const auto worker = system.spawn(patient_actor, arrived);
  end(worker);

  const auto result = run_once(actor_step(worker));

  ASSERT_TRUE(result.why);
  EXPECT_EQ(result.why->kind, failure_kind::worker_lost);
}

TEST_F(CafStepTest, ActorThatThrowsIsLost) {
  const auto worker = answering_actor(
      system, [](const step_request&) -> step_result { throw std::runtime_error("broken"); });

  const auto result = run_once(actor_step(worker));

  ASSERT_TRUE(result.why);
  EXPECT_EQ(result.why->kind, failure_kind::worker_lost);
}

TEST_F(CafStepTest, ActorThatTakesNoRequestsFailsThemForGood) {
  const auto worker = keep(system.spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler(caf::drop);
    return {[](const std::string&) {}};
  }));
  const auto good = keep(answering_actor(system, result_of));
  auto live = rt->deploy(actor_step(worker));

  const auto result = live.start_value({}).result();

  ASSERT_TRUE(result.why);
  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_THAT(result.feedback(), HasSubstr("answered with an error"));
  EXPECT_EQ(live.start_value({}).result().status, run_status::failed);
  EXPECT_EQ(run_once(actor_step(good)).status, run_status::completed);
}

TEST_F(CafStepTest, ActorThatIgnoresACancelIsAnsweredForAndNothingLeaks) {
  auto arrived = std::make_shared<event_flag>();
  const auto worker = keep(system.spawn([arrived](caf::event_based_actor*) -> caf::behavior {
    return {[arrived](const step_request&) { arrived->raise(); }, [](const cancel_request&) {}};
  }));
  const auto run = rt->deploy(actor_step(worker)).start_value({});
  arrived->wait();

  EXPECT_TRUE(run.cancel());

  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_EQ(rt->metrics().abandoned_steps, 1u);
}

} // namespace
} // namespace troupe::testing
