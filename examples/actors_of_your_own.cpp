// Lives in an actor system that the program already has, and works with its actors both ways.
// Shows: a CAF actor as a step, a deployed pipeline as a CAF actor, a runtime in a given actor
// system. Prints the answer that came through both.
#include <troupe/actors/caf_interop.hpp>
#include <troupe/troupe.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <iostream>

using namespace troupe;

namespace {

// An actor of the program's own: answers a step_request with a step_result of the same id.
caf::behavior doubler() {
  return {[](const step_request& request) {
    step_result result;
    result.id = request.id;
    result.output = *request.input.if_integer() * 2;
    result.ctx = request.ctx;
    return result;
  }};
}

} // namespace

int main() {
  caf::actor_system_config config;
  config.set("scheduler.max-throughput", std::size_t{300});
  caf::actor_system system{config};

  auto worker = system.spawn(doubler);
  runtime rt{{}, actors::make_stage_system(system)};
  auto twice = async_step<int, int>("twice", actors::actor_function(worker));
  auto live = rt.deploy(twice | retry{.max_retries = 1});

  auto entrance = actors::as_actor(system, live);
  {
    caf::scoped_actor self{system};
    step_request request;
    request.id = request_id{7};
    request.input = 21;
    self->send(entrance, request);
    self->receive([](const step_result& result) {
      std::cout << "asked an actor: " << to_string(result.output) << '\n';
    });
  }
  caf::anon_send_exit(entrance, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);
}
