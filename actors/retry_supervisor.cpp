#include <troupe/actors/retry_supervisor.hpp>

namespace troupe::actors {

class retry_call final : public call {
public:
  explicit retry_call(const retry_supervisor& home) : home_(home), schedule_(home.options) {}

private:
  void start() override {
    if (home_.budget) {
      home_.budget->with([&](retry_budget& budget) { budget.record_call(now()); });
    }
    attempt();
  }

  void attempt() {
    const auto number = schedule_.retries_made() + 1;
    if (request().attempt == number) {
      send(0, home_.child, request());
      return;
    }
    auto next = request();
    next.attempt = number;
    send(0, home_.child, std::move(next));
  }

  void on_result(std::uint64_t, step_result&& result) override {
    spent_ += result.spent;
    attempts_ += result.attempts;
    if (result.success()) return conclude(std::move(result));
    const auto delay = next_delay(result);
    if (!delay) {
      add_cause(result);
      result.ctx = request().ctx;
      return conclude(std::move(result));
    }
    if (result.why->kind != failure_kind::rejected) last_failure_ = result.why;
    if (result.replayed) return attempt(); // it was counted and waited for before
    emit({.kind = event_kind::retry_scheduled,
          .attempt = schedule_.retries_made(),
          .why = result.why.get(),
          .delay = *delay});
    set_timer(0, later(now(), *delay));
  }

  std::optional<duration> next_delay(const step_result& failed) {
    try {
      const auto delay = schedule_.next_delay(*failed.why, now() - started(), unit_random());
      if (!delay || !home_.budget || failed.replayed) return delay;
      const auto affordable =
          home_.budget->with([&](retry_budget& budget) { return budget.take(now()); });
      if (affordable) return delay;
      warn("no retry: the retry budget is used up");
    } catch (const std::exception& error) {
      warn(std::string("no retry: retry_if threw: ") + error.what());
    } catch (...) {
      warn("no retry: retry_if threw an exception that is no std::exception");
    }
    return std::nullopt;
  }

  // A breaker that opens between two attempts must not hide what was wrong.
  void add_cause(step_result& result) {
    if (result.why->kind != failure_kind::rejected || result.why->cause) return;
    if (!last_failure_) return;
    auto why = *result.why;
    why.cause = last_failure_;
    result.why = std::make_shared<const failure>(std::move(why));
  }

  void on_timer(std::uint32_t) override {
    ++request().run->retry_count;
    attempt();
  }

  void on_late_result(std::uint64_t tag, step_result&& result) override {
    attempts_ += result.attempts;
    call::on_late_result(tag, std::move(result));
  }

  step_result cancelled_result() override {
    auto result = call::cancelled_result();
    result.spent += spent_;
    result.attempts = attempts_;
    return result;
  }

  void conclude(step_result&& result) {
    result.spent = spent_;
    result.attempts = attempts_;
    answer(std::move(result));
  }

  const retry_supervisor& home_;
  retry_schedule schedule_;
  usage spent_{};
  std::uint32_t attempts_ = 0;
  std::shared_ptr<const failure> last_failure_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                  retry_supervisor parts) {
  return std::make_unique<straight_stage_of<retry_call, retry_supervisor>>(std::move(identity),
                                                                           std::move(parts));
}

} // namespace troupe::actors
