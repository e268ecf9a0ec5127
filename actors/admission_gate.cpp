#include "gate_call.hpp"

#include <troupe/actors/admission_gate.hpp>

namespace troupe::actors {

bulkhead_state::decision shared_bulkhead::enter(const call_address& who, bool let_in_before) {
  const std::scoped_lock lock(mutex_);
  const auto decision = let_in_before ? state_.enter_or_wait() : state_.enter();
  if (decision.what == bulkhead_state::answer::queued) waiting_.emplace(decision.number, who);
  return decision;
}

void shared_bulkhead::leave() {
  call_address next;
  {
    const std::scoped_lock lock(mutex_);
    const auto ticket = state_.leave();
    if (!ticket) return;
    const auto place = waiting_.find(*ticket);
    next = std::move(place->second);
    waiting_.erase(place);
  }
  next.send({admitted_signal, nullptr});
}

void shared_bulkhead::give_up(bulkhead_state::ticket number) {
  {
    const std::scoped_lock lock(mutex_);
    if (state_.abandon(number)) {
      waiting_.erase(number);
      return;
    }
  }
  leave();
}

std::size_t shared_bulkhead::position(bulkhead_state::ticket number) {
  const std::scoped_lock lock(mutex_);
  return state_.position(number);
}

std::size_t shared_bulkhead::queued() {
  const std::scoped_lock lock(mutex_);
  return state_.queued();
}

int shared_bulkhead::in_flight() {
  const std::scoped_lock lock(mutex_);
  return state_.in_flight();
}

class bulkhead_call final : public gate_call {
public:
  explicit bulkhead_call(const bulkhead_gate& home)
      : gate_call(home.child, home.remembers), home_(home) {}

  ~bulkhead_call() override {
    if (inside_) home_.shared->leave();
    else if (waiting_) home_.shared->give_up(ticket_);
  }

private:
  void start() override {
    if (undoes_only()) return;
    const auto let_in_before = was_let_in();
    const auto decision = home_.shared->enter(address(), let_in_before);
    ticket_ = decision.number;
    switch (decision.what) {
    case bulkhead_state::answer::admitted: return go_in();
    case bulkhead_state::answer::queued: return wait(!let_in_before);
    case bulkhead_state::answer::rejected: return reject("its queue is full");
    }
  }

  void wait(bool may_give_up) {
    waiting_ = true;
    if (may_give_up && home_.options.max_wait) set_timer(0, later(now(), *home_.options.max_wait));
    if (!observed(event_kind::call_waiting)) return;
    const auto place = std::to_string(home_.shared->position(ticket_));
    emit({.kind = event_kind::call_waiting, .detail = "bulkhead full, position " + place});
  }

  void go_in() {
    waiting_ = false;
    inside_ = true;
    drop_timers();
    let_in();
  }

  void reject(const std::string& reason) {
    const auto& options = home_.options;
    failure why{failure_kind::rejected,
                "bulkhead is full: " + std::to_string(options.max_in_flight) + " in flight, "
                    + std::to_string(home_.shared->queued()) + " queued; " + reason};
    emit({.kind = event_kind::call_rejected, .why = &why});
    fail(std::move(why));
  }

  void on_signal(signal) override {
    if (!cancel_reason()) go_in();
  }

  void on_timer(std::uint32_t) override {
    waiting_ = false;
    home_.shared->give_up(ticket_);
    reject("waited for " + to_string(*home_.options.max_wait));
  }

  void on_result(std::uint64_t, step_result&& result) override { answer(std::move(result)); }

  const bulkhead_gate& home_;
  bulkhead_state::ticket ticket_ = 0;
  bool waiting_ = false;
  bool inside_ = false;
};

class rate_call final : public gate_call {
public:
  explicit rate_call(const rate_gate& home) : gate_call(home.child, home.remembers), home_(home) {}

private:
  void start() override {
    if (undoes_only()) return;
    if (was_let_in()) return pass_on();
    const auto decision =
        home_.shared->with([&](token_bucket& bucket) { return bucket.acquire(now()); });
    if (!decision.admitted) return reject(decision.delay);
    if (decision.delay == duration::zero()) return go_in();
    held_back_ = true;
    set_timer(0, later(now(), decision.delay));
    emit({.kind = event_kind::call_waiting, .delay = decision.delay, .detail = "rate limit"});
  }

  void go_in() {
    held_back_ = false;
    let_in();
  }

  void reject(duration retry_after) {
    failure why{failure_kind::rejected,
                "rate limit reached; try again in " + to_string(retry_after), retry_after};
    emit({.kind = event_kind::call_rejected, .why = &why});
    fail(std::move(why));
  }

  void on_timer(std::uint32_t) override { go_in(); }

  void on_cancel(const std::shared_ptr<const failure>& reason) override {
    if (held_back_) home_.shared->with([](token_bucket& bucket) { bucket.give_back(); });
    call::on_cancel(reason);
  }

  void on_result(std::uint64_t, step_result&& result) override { answer(std::move(result)); }

  const rate_gate& home_;
  bool held_back_ = false;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, bulkhead_gate parts) {
  return std::make_unique<straight_stage_of<bulkhead_call, bulkhead_gate>>(std::move(identity),
                                                                           std::move(parts));
}

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, rate_gate parts) {
  return std::make_unique<straight_stage_of<rate_call, rate_gate>>(std::move(identity),
                                                                   std::move(parts));
}

} // namespace troupe::actors
