#pragma once

#include <troupe/actors/stage_system.hpp>
#include <troupe/actors/step_host.hpp>
#include <troupe/protocol/cancel_request.hpp>
#include <troupe/protocol/step_request.hpp>
#include <troupe/protocol/step_result.hpp>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <memory>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::step_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::step_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::cancel_request)

namespace troupe::actors {

/// Hosts stages in an actor system that exists already, and outlives what is returned. Give it
/// `scheduler.max-throughput` 300: by default a busy actor keeps its thread for ever.
[[nodiscard]] std::unique_ptr<stage_system> make_stage_system(caf::actor_system& system);

/// A step whose work is done by an actor of the user's. It gets a `step_request` and sends back a
/// `step_result` with the same id, by returning it or later by `send`. A `cancel_request` says that
/// the result is not needed any more. When the actor ends, its open requests fail with
/// `worker_lost`; when it sends an error instead of a result, they fail for good.
[[nodiscard]] async_function actor_function(caf::actor worker);

/// Begins the work of one request; the second argument takes its result, once, from any thread.
/// Returns what cancels it, which may be called at any time.
using entrance_function =
    std::function<std::function<void()>(step_request, std::function<void(step_result)>)>;

/// An actor that takes `step_request` and answers each with one `step_result` of the same id. It
/// takes `cancel_request`, and cancels the requests of an actor that ends. End it with an exit
/// message before its actor system goes.
[[nodiscard]] caf::actor make_entrance(caf::actor_system& system, entrance_function begin);

/// A deployed pipeline as an actor.
template <class Deployment>
[[nodiscard]] caf::actor as_actor(caf::actor_system& system, Deployment live) {
  return make_entrance(system, [live = std::move(live)](step_request request, auto done) {
    return live.serve(std::move(request), std::move(done));
  });
}

} // namespace troupe::actors
