#include "stage_actor.hpp"

#include <caf/atom.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace troupe::actors {

namespace {

using wake_atom = caf::atom_constant<caf::atom("wake")>;

// Other actors get their turn after this many events, and after this many looks into the mailbox.
constexpr std::size_t events_per_turn = 2048;
constexpr int looks_per_turn = 8;
/// Looks that find nothing before the actor sleeps.
constexpr int empty_looks = 2;
// A thread that waits for its own run does less for those of others.
constexpr std::size_t events_by_visitors = 512;
constexpr int looks_by_visitors = 4;
// Two threads that sleep are about so late for a timer, so the actor comes that much earlier, and
// stays until it is due: at most a tenth of the time.
const duration lead = std::thread::hardware_concurrency() > 1 ? std::chrono::microseconds(200)
                                                              : std::chrono::microseconds(0);
constexpr int share_of_staying = 10;
/// What a mailbox may keep allocated after a burst.
constexpr std::size_t kept_messages = 16'384;

// Returns true when there may be more to do at once. Who `stays` looks again in any case.
bool work_once(stage_actor_state& state, std::size_t max_events, bool stays = false) {
  const gather_scope turn;
  auto& taken = state.taken;
  if (const auto box = state.box.lock()) box->take(taken, stays);
  const auto found = !taken.empty();
  state.engine->deliver_all(taken);
  taken.clear();
  if (taken.capacity() > kept_messages) taken = {};
  return state.engine->run(max_events) || found;
}

// What is due earlier than the actor would wake up by itself.
std::optional<instant> unarmed(const stage_actor_state& state) {
  const auto next = state.engine->next_timer();
  return next && (!state.armed || *next < *state.armed) ? next : std::nullopt;
}

// Going to sleep and being woken costs more than most runs do, and whoever starts runs may wait for
// this very core: it gets a chance to start some more first.
bool work_off(stage_actor_state& state) {
  auto patience = state.wake_at ? 0 : empty_looks; // nobody else runs under virtual time
  for (auto look = 0; look < looks_per_turn; ++look) {
    const auto is_last = patience == 0;
    if (work_once(state, events_per_turn, !is_last)) continue;
    if (is_last) return false;
    --patience;
    std::this_thread::yield();
  }
  return true;
}

// How long the actor may stay for a timer at that time.
duration may_stay(const stage_actor_state& state, instant at) {
  const auto earned = (at - state.stayed_until) / share_of_staying;
  return std::clamp(state.stay_budget + earned, duration::zero(), lead);
}

// Stays until the timer is due that the actor came early for; true when there is something to do.
bool stay_for_timer(stage_actor_state& state) {
  const auto next = state.wake_at ? std::nullopt : state.engine->next_timer();
  if (!next) return false;
  auto& services = state.engine->services();
  const auto since = services.now();
  const auto box = state.box.lock();
  if (!box || *next - since > may_stay(state, since)) return false;
  auto now = since;
  while (now < *next && box->behind().waiting == 0) {
    std::this_thread::yield();
    now = services.now();
  }
  state.stay_budget = may_stay(state, since) - (now - since);
  state.stayed_until = now;
  return true;
}

void take_turn(caf::event_based_actor* self, stage_actor_state& state) {
  if (!state.turn.begin_or_note()) return; // whoever works wakes this actor again
  auto has_more = work_off(state);
  while (!has_more && stay_for_timer(state)) has_more = work_off(state);
  if (has_more) self->send(self, wake_atom::value);
  if (state.armed && *state.armed <= state.engine->now() + lead) state.armed.reset();
  const auto next = unarmed(state);
  if (next) state.armed = next;
  if (next && state.wake_at) {
    state.wake_at(*next);
  } else if (next) {
    const auto wait = *next - state.engine->services().now() - may_stay(state, *next);
    self->delayed_send(self, std::max(duration::zero(), wait), wake_atom::value);
  }
  static_cast<void>(state.turn.end()); // those who come while an actor works leave it to the actor
}

} // namespace

bool turn_token::begin() {
  auto expected = int{free};
  return state_.compare_exchange_strong(expected, taken, std::memory_order_acquire);
}

bool turn_token::begin_or_note() {
  for (;;) {
    if (begin()) return true;
    auto expected = int{taken};
    if (state_.compare_exchange_strong(expected, wanted) || expected == wanted) return false;
  }
}

bool turn_token::end() {
  return state_.exchange(free, std::memory_order_acq_rel) == wanted;
}

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
    count_waiting();
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

// True when nothing else was there: then the caller has to work, as the actor knows nothing of it.
bool actor_mailbox::put_if_idle(message& content) {
  const std::scoped_lock lock(mutex_);
  if (!actor_ || told_ || !waiting_.empty()) return false;
  told_ = true;
  waiting_.push_back(std::move(content));
  count_waiting();
  return true;
}

void actor_mailbox::put_and_work(message content) {
  const auto state = state_.lock();
  if (!state || !state->turn.begin()) return put(std::move(content));
  auto has_to_go_on = false;
  if (put_if_idle(content)) {
    has_to_go_on = true;
    for (auto look = 0; has_to_go_on && look < looks_by_visitors; ++look) {
      has_to_go_on = work_once(*state, events_by_visitors);
    }
    has_to_go_on = has_to_go_on || unarmed(*state);
  } else {
    put(std::move(content));
  }
  if (state->turn.end() || has_to_go_on) tell();
}

void actor_mailbox::tell() {
  caf::actor to;
  {
    const std::scoped_lock lock(mutex_);
    to = actor_;
  }
  if (to) caf::anon_send(to, wake_atom::value);
}

backlog actor_mailbox::behind() const noexcept {
  return {waiting_count_.load(std::memory_order_relaxed), taken_.load(std::memory_order_relaxed)};
}

// REQUIRES: the lock is held.
void actor_mailbox::count_waiting() {
  waiting_count_.store(static_cast<std::uint32_t>(waiting_.size()), std::memory_order_relaxed);
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

void actor_mailbox::take(std::vector<message>& into, bool stays) {
  const std::scoped_lock lock(mutex_);
  into.swap(waiting_);
  if (into.empty() && !stays) told_ = false;
  count_waiting();
  taken_.store(taken_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void actor_mailbox::open(caf::actor actor, std::weak_ptr<stage_actor_state> state) {
  const std::scoped_lock lock(mutex_);
  actor_ = std::move(actor);
  state_ = std::move(state);
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
