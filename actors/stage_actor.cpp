#include "stage_actor.hpp"

#include <caf/atom.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

using wake_atom = caf::atom_constant<caf::atom("wake")>;

// Other actors get their turn after this many events, and after this many looks into the mailbox.
constexpr std::size_t events_per_turn = 2048;
constexpr int looks_per_turn = 8;
/// What a mailbox may keep allocated after a burst.
constexpr std::size_t kept_messages = 16'384;

// Returns true when there may be more to do at once.
bool work_once(stage_actor_state& state) {
  const gather_scope turn;
  auto& taken = state.taken;
  if (const auto box = state.box.lock()) box->take(taken);
  const auto found = !taken.empty();
  state.engine->deliver_all(taken);
  taken.clear();
  if (taken.capacity() > kept_messages) taken = {};
  return state.engine->run(events_per_turn) || found;
}

void take_turn(caf::event_based_actor* self, stage_actor_state& state) {
  auto is_busy = true;
  for (auto look = 0; is_busy && look < looks_per_turn; ++look) is_busy = work_once(state);
  if (is_busy) self->send(self, wake_atom::value);
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
  caf::actor to;
  {
    const std::scoped_lock lock(mutex_);
    if (!actor_) return;
    waiting_.push_back(std::move(content));
    if (told_) return;
    if (auto* turn = gather_scope::current()) {
      if (std::exchange(noted_in_, turn) != turn) turn->note(shared_from_this());
      return;
    }
    told_ = true;
    to = actor_;
  }
  caf::anon_send(to, wake_atom::value);
}

void actor_mailbox::release() {
  caf::actor to;
  {
    const std::scoped_lock lock(mutex_);
    noted_in_ = nullptr;
    if (!actor_ || waiting_.empty() || std::exchange(told_, true)) return;
    to = actor_;
  }
  caf::anon_send(to, wake_atom::value);
}

void actor_mailbox::take(std::vector<message>& into) {
  const std::scoped_lock lock(mutex_);
  into.swap(waiting_);
  if (into.empty()) told_ = false;
}

void actor_mailbox::open(caf::actor actor) {
  const std::scoped_lock lock(mutex_);
  actor_ = std::move(actor);
}

caf::actor actor_mailbox::close() {
  std::vector<message> dropped;
  const std::scoped_lock lock(mutex_);
  dropped.swap(waiting_);
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
  return {[self, state](wake_atom) { take_turn(self, *state); }};
}

} // namespace troupe::actors
