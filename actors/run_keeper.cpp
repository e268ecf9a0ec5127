#include <troupe/actors/run_keeper.hpp>

namespace troupe::actors {

class run_call final : public call {
public:
  explicit run_call(const run_keeper& home) : home_(home) {}

private:
  void start() override {
    emit({.kind = event_kind::run_started});
    set_timer(0, request().deadline);
    root_ = send(0, home_.root.stage, request());
  }

  void on_result(std::uint64_t, step_result&& result) override { conclude(std::move(result)); }

  // What has finished stays in the history, so the run waits for its root to stop: at most the
  // grace period.
  void on_timer(std::uint32_t) override {
    late_ = std::make_shared<const failure>(
        failure{failure_kind::timed_out, "timed out: the run did not end within its deadline of "
                                             + to_string(now() - started())});
    cancel(root_, late_);
  }

  void on_late_result(std::uint64_t, step_result&& result) override { conclude(std::move(result)); }

  void conclude(step_result&& root) {
    step_result result;
    if (cancel_reason()) {
      result.why = cancel_reason();
    } else if (late_) {
      result.why = late_;
    } else if (root.why && request().run->given_up) {
      result.why = request().run->given_up;
    } else if (root.failed_with(failure_kind::paused) && !request().run->pause(root.why.get())) {
      auto why = *root.why;
      why.kind = failure_kind::permanent;
      why.message = "only a pause can pause a run: " + why.message;
      result.why = std::make_shared<const failure>(std::move(why));
    } else if (root.why) {
      result.why = root.why;
    } else {
      result.output = root.output;
    }
    result.ctx = std::move(root.ctx); // histories have none
    append_history(result.step_history, std::move(root), home_.root.spliced);
    finish(std::move(result));
  }

  step_result cancelled_result() override {
    auto result = call::cancelled_result();
    result.spent = request().run->meter()->total();
    return result;
  }

  void finish(step_result&& result) {
    const auto& meter = *request().run->meter();
    result.spent = meter.total();
    if (auto broken = result.why ? std::nullopt : meter.broken()) {
      // Only what was abandoned on the way can have spent it, no step has failed of it.
      result.output = {};
      result.why = std::make_shared<const failure>(failure{failure_kind::usage_limit, *broken});
    }
    if (observed(event_kind::run_finished)) {
      result.latency = now() - started();
      emit({.kind = event_kind::run_finished, .why = result.why.get(), .result = &result});
    }
    answer(std::move(result));
  }

  const run_keeper& home_;
  call_id root_{};
  std::shared_ptr<const failure> late_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, run_keeper parts) {
  return std::make_unique<straight_stage_of<run_call, run_keeper>>(std::move(identity),
                                                                   std::move(parts));
}

} // namespace troupe::actors
