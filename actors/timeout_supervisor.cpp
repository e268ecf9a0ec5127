#include <troupe/actors/timeout_supervisor.hpp>

namespace troupe::actors {

class timeout_call final : public call {
public:
  explicit timeout_call(const timeout_supervisor& home) : home_(home) {}

private:
  void start() override {
    auto inner = request();
    limit_ = later(now(), home_.options.after);
    // With an earlier limit further out, that one answers.
    set_timer(0, limit_);
    inner.deadline = std::min(inner.deadline, limit_);
    meter_ = std::make_shared<usage_meter>(usage_limit{}, inner.meter);
    inner.meter = meter_;
    child_ = send(0, home_.child, std::move(inner));
  }

  void on_result(std::uint64_t, step_result&& result) override { answer(std::move(result)); }

  void on_timer(std::uint32_t) override {
    auto result =
        failed_result({failure_kind::timed_out, "timed out: no result within the limit of "
                                                    + to_string(home_.options.after)});
    abandon(child_, result.why);
    result.spent = meter_->total();
    answer(std::move(result));
  }

  const timeout_supervisor& home_;
  instant limit_{};
  call_id child_{};
  std::shared_ptr<usage_meter> meter_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                  timeout_supervisor parts) {
  return std::make_unique<straight_stage_of<timeout_call, timeout_supervisor>>(std::move(identity),
                                                                               std::move(parts));
}

} // namespace troupe::actors
