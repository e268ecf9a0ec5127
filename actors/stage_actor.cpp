#include "stage_actor.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/send.hpp>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::stage_mail)

namespace troupe::actors {

namespace {

using wake_atom = caf::atom_constant<caf::atom("wake")>;

// Other actors get their turn after this many events.
constexpr std::size_t events_per_turn = 2048;

void take_turn(caf::event_based_actor* self, stage_actor_state& state) {
  if (state.engine->run(events_per_turn)) self->send(self, wake_atom::value);
  if (state.armed && *state.armed <= state.engine->now()) state.armed.reset();
  const auto next = state.engine->next_timer();
  if (!next || (state.armed && *state.armed <= *next)) return;
  state.armed = next;
  if (state.wake_at) return state.wake_at(*next);
  const auto delay = std::max(duration::zero(), *next - state.engine->services().now());
  self->delayed_send(self, delay, wake_atom::value);
}

} // namespace

void actor_count::add() {
  const std::scoped_lock lock(mutex_);
  ++alive_;
}

void actor_count::remove() {
  const std::scoped_lock lock(mutex_);
  --alive_;
  changed_.notify_all();
}

void actor_count::wait_for_none() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return alive_ == 0; });
}

void actor_mailbox::put(message content) {
  const std::shared_lock lock(mutex_);
  if (actor_) caf::anon_send(actor_, stage_mail{std::move(content)});
}

void actor_mailbox::open(caf::actor actor) {
  const std::unique_lock lock(mutex_);
  actor_ = std::move(actor);
}

caf::actor actor_mailbox::close() {
  const std::unique_lock lock(mutex_);
  return std::exchange(actor_, nullptr);
}

void harden(caf::scheduled_actor* self) {
  self->set_default_handler(
      [](caf::scheduled_actor* receiver, caf::message_view&) -> caf::result<caf::message> {
        if (receiver->current_message_id().is_request()) return caf::sec::unexpected_message;
        return caf::make_message();
      });
  self->set_error_handler([](caf::scheduled_actor*, caf::error&) {});
}

caf::behavior stage_actor(caf::event_based_actor* self, std::shared_ptr<stage_actor_state> state,
                          std::shared_ptr<actor_count> count) {
  harden(self);
  self->attach_functor([count = std::move(count)] { count->remove(); });
  return {[self, state](stage_mail& mail) {
            state->engine->deliver(std::move(mail.content));
            take_turn(self, *state);
          },
          [self, state](wake_atom) { take_turn(self, *state); }};
}

} // namespace troupe::actors
