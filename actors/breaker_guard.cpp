#include "gate_call.hpp"

#include <troupe/actors/breaker_guard.hpp>

namespace troupe::actors {

std::string transition_text(breaker_phase from, breaker_phase to) {
  return std::string(to_string(from)) + " -> " + std::string(to_string(to));
}

class breaker_call final : public gate_call {
public:
  explicit breaker_call(const breaker_guard& home)
      : gate_call(home.child, home.remembers), home_(home) {}

  // A permit that is never handed back would keep the breaker half open for ever.
  ~breaker_call() override {
    if (!permit_) return;
    home_.state->with([&](breaker_state& state) {
      state.record(*permit_, breaker_verdict::neutral, {}, last_seen_);
    });
  }

private:
  void start() override {
    last_seen_ = now();
    if (undoes_only()) return;
    if (was_let_in()) return pass_on();
    failure turned_away{failure_kind::rejected, {}};
    use([&](breaker_state& state) {
      permit_ = state.admit(now());
      if (permit_) return;
      turned_away.message = state.rejection(identity().name.str(), now());
      turned_away.retry_after = state.retry_after(now());
    });
    if (permit_) return let_in();
    emit({.kind = event_kind::call_rejected, .why = &turned_away});
    fail(std::move(turned_away));
  }

  void on_result(std::uint64_t, step_result&& result) override {
    record([&](const breaker_state& state) { return judge(state, result.why.get()); });
    answer(std::move(result));
  }

  // A limit further out has passed: that is the service's fault. Anybody else's cancel is not.
  void on_cancel(const std::shared_ptr<const failure>& reason) override {
    record([&](const breaker_state& state) {
      return reason->kind == failure_kind::timed_out ? judge(state, reason.get())
                                                     : breaker_verdict::neutral;
    });
    call::on_cancel(reason);
  }

  breaker_verdict judge(const breaker_state& state, const failure* why) {
    try {
      return state.judge(why, request().attempt);
    } catch (const std::exception& error) {
      warn(std::string("failure_if threw, the failure counts: ") + error.what());
    } catch (...) {
      warn("failure_if threw, the failure counts");
    }
    return breaker_verdict::failure;
  }

  template <class Verdict>
  void record(Verdict&& verdict) {
    if (!permit_) return;
    const auto permit = *std::exchange(permit_, std::nullopt);
    use([&](breaker_state& state) {
      state.record(permit, verdict(state), now() - started(), now());
    });
  }

  // Every use of the breaker tells the run its state afterwards, and observers what changed.
  template <class Use>
  void use(Use&& change) {
    const auto [before, after] = home_.state->with([&](breaker_state& state) {
      const auto phase = state.phase();
      change(state);
      return std::pair{phase, state.phase()};
    });
    request().run->circuit_breaker_state = static_cast<std::uint8_t>(after);
    if (before != after) {
      emit({.kind = event_kind::breaker_changed, .detail = transition_text(before, after)});
    }
  }

  const breaker_guard& home_;
  std::optional<breaker_permit> permit_;
  instant last_seen_{};
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, breaker_guard parts) {
  return std::make_unique<straight_stage_of<breaker_call, breaker_guard>>(std::move(identity),
                                                                          std::move(parts));
}

} // namespace troupe::actors
