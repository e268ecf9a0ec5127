#include <troupe/actors/fallback_supervisor.hpp>

namespace troupe::actors {

class fallback_call final : public call {
public:
  explicit fallback_call(const fallback_supervisor& home) : home_(home) {}

private:
  void start() override {
    checkpoint("primary.start");
    send(0, home_.levels[0], request());
  }

  void on_result(std::uint64_t level, step_result&& result) override {
    spent_ += result.spent;
    attempts_ += result.attempts;
    if (result.success()) return succeed(level, std::move(result));
    if (ends_the_run(*result.why)) return give_up(std::move(result));
    checkpoint(level == 0 ? "primary.failed" : "fallback.failed");
    messages_ += (messages_.empty() ? "" : "; ") + result.why->message;
    last_ = std::make_shared<const step_result>(std::move(result));
    if (level == 0) primary_ = last_;
    if (level + 1 == home_.levels.size()) return fail_all();
    emit({.kind = event_kind::fallback_started,
          .why = last_->why.get(),
          .detail = home_.names[level + 1]});
    checkpoint("fallback.start");
    auto next = request();
    next.attempt = 1;
    send(level + 1, home_.levels[level + 1], std::move(next));
  }

  void succeed(std::uint64_t level, step_result&& result) {
    if (level == 0) return conclude(std::move(result));
    checkpoint("fallback.success");
    request().run->fallback_used = true;
    emit({.kind = event_kind::fallback_succeeded, .result = &result, .detail = home_.names[level]});
    auto answer = blank_result();
    answer.output = result.output;
    answer.ctx = result.ctx;
    answer.step_history = result.step_history;
    answer.edit_metadata([&](step_metadata& metadata) {
      metadata.fallback_triggered = true;
      metadata.primary_attempt_result = primary_;
      metadata.fallback_attempt_result = std::make_shared<const step_result>(std::move(result));
    });
    conclude(std::move(answer));
  }

  void fail_all() {
    emit({.kind = event_kind::fallback_failed, .why = last_->why.get()});
    auto why = *last_->why;
    why.message = messages_;
    why.step = identity().name.str();
    auto result = failed_result(std::move(why));
    result.edit_metadata([&](step_metadata& metadata) {
      metadata.primary_attempt_result = primary_;
      metadata.fallback_attempt_result = last_;
    });
    conclude(std::move(result));
  }

  void give_up(step_result&& result) {
    result.ctx = request().ctx;
    conclude(std::move(result));
  }

  step_result cancelled_result() override {
    auto result = call::cancelled_result();
    result.spent += spent_;
    result.attempts = std::max(1u, attempts_);
    return result;
  }

  void conclude(step_result&& result) {
    result.spent = spent_;
    result.attempts = attempts_;
    answer(std::move(result));
  }

  const fallback_supervisor& home_;
  usage spent_{};
  std::uint32_t attempts_ = 0;
  std::string messages_;
  std::shared_ptr<const step_result> primary_;
  std::shared_ptr<const step_result> last_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                  fallback_supervisor parts) {
  return std::make_unique<straight_stage_of<fallback_call, fallback_supervisor>>(
      std::move(identity), std::move(parts));
}

} // namespace troupe::actors
