#include <troupe/actors/hedge_supervisor.hpp>

namespace troupe::actors {

class hedge_call final : public call {
public:
  explicit hedge_call(const hedge_supervisor& home) : home_(home) {}

private:
  void start() override {
    meter_ = std::make_shared<usage_meter>(usage_limit{}, request().meter);
    // A run that only undoes what it has done begins nothing.
    if (!request().run->given_up) {
      delay_ = home_.latencies->with(
          [&](const recent_latencies& seen) { return hedge_delay(home_.options, seen); });
    }
    begin_attempt();
  }

  void begin_attempt() {
    auto next = request();
    next.meter = meter_;
    send(begun_++, home_.child, std::move(next));
    if (delay_ && static_cast<int>(begun_) <= home_.options.max_hedges) {
      set_timer(0, later(now(), *delay_));
    }
  }

  void on_timer(std::uint32_t) override {
    emit({.kind = event_kind::hedge_started});
    begin_attempt();
  }

  void on_result(std::uint64_t tag, step_result&& result) override {
    attempts_ += result.attempts;
    if (result.success()) return win(tag, std::move(result));
    if (open_children() > 0) return;
    // Every attempt that was started has failed; the delay is for slow ones, so no more are.
    result.ctx = request().ctx;
    conclude(std::move(result));
  }

  void win(std::uint64_t tag, step_result&& result) {
    home_.latencies->with([&](recent_latencies& seen) { seen.record(result.latency); });
    if (tag > 0) {
      result.edit_metadata([](step_metadata& metadata) { metadata.hedge_won = true; });
    }
    attempts_ += static_cast<std::uint32_t>(open_children());
    conclude(std::move(result));
  }

  step_result cancelled_result() override {
    auto result = call::cancelled_result();
    result.spent = meter_->total();
    result.attempts = begun_;
    return result;
  }

  void conclude(step_result&& result) {
    static const auto lost = std::make_shared<const failure>(
        failure{failure_kind::cancelled, "another attempt of the hedge was faster"});
    abandon_children(lost);
    result.spent = meter_->total();
    result.attempts = attempts_;
    answer(std::move(result));
  }

  const hedge_supervisor& home_;
  std::optional<duration> delay_;
  std::uint32_t begun_ = 0;
  std::uint32_t attempts_ = 0;
  std::shared_ptr<usage_meter> meter_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                  hedge_supervisor parts) {
  return std::make_unique<stage_of<hedge_call, hedge_supervisor>>(std::move(identity),
                                                                  std::move(parts));
}

} // namespace troupe::actors
