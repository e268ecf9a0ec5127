#include "stage_actor.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <iterator>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::stage_mail)

namespace troupe::actors {

namespace {

using wake_atom = caf::atom_constant<caf::atom("wake")>;

// Other actors get their turn after this many events.
constexpr std::size_t events_per_turn = 2048;

void take_turn(caf::event_based_actor* self, stage_actor_state& state) {
  const gather_scope turn;
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
  const std::scoped_lock lock(mutex_);
  if (!actor_) return;
  auto* turn = gather_scope::current();
  if (!turn && gathered_.empty()) {
    caf::anon_send(actor_, stage_mail{std::move(content)});
    return;
  }
  gathered_.push_back(std::move(content));
  if (!turn) send_gathered();
  else if (gathered_.size() == 1) turn->note(shared_from_this());
}

void actor_mailbox::release() {
  const std::scoped_lock lock(mutex_);
  if (!gathered_.empty()) send_gathered();
}

void actor_mailbox::send_gathered() {
  stage_mail mail{std::move(gathered_.front())};
  if (gathered_.size() > 1) {
    mail.more.assign(std::move_iterator(gathered_.begin() + 1),
                     std::move_iterator(gathered_.end()));
  }
  gathered_.clear();
  if (actor_) caf::anon_send(actor_, std::move(mail));
}

void actor_mailbox::open(caf::actor actor) {
  const std::scoped_lock lock(mutex_);
  actor_ = std::move(actor);
}

caf::actor actor_mailbox::close() {
  const std::scoped_lock lock(mutex_);
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
            const gather_scope turn;
            state->engine->deliver(std::move(mail.first));
            for (auto& each : mail.more) state->engine->deliver(std::move(each));
            take_turn(self, *state);
          },
          [self, state](wake_atom) { take_turn(self, *state); }};
}

} // namespace troupe::actors
