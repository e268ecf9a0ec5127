#include <troupe/actors/looper.hpp>
#include <troupe/actors/step_host.hpp>

namespace troupe::actors {

class loop_call final : public call {
public:
  explicit loop_call(const looper& home) : home_(home) {}

private:
  void start() override {
    ctx_ = request().ctx;
    turn_with(request().input);
  }

  void turn_with(value input) {
    ++iteration_;
    auto next = request();
    next.input = std::move(input);
    next.ctx = ctx_;
    next.turns = std::make_shared<const turn>(turn{iteration_, next.turns});
    send(0, home_.body.stage, std::move(next));
  }

  void on_result(std::uint64_t, step_result&& result) override {
    spent_ += result.spent;
    const auto output = result.output;
    const auto why = result.why;
    if (!why) ctx_ = result.ctx;
    append_history(history_, std::move(result), home_.body.spliced);
    if (why) return conclude({}, why, "");
    try {
      if (home_.options.until(output, iteration_, ctx_, request()))
        return conclude(output, {}, "condition");
      if (iteration_ == static_cast<std::uint64_t>(home_.options.max_iterations)) {
        return give_up();
      }
      turn_with(home_.options.next ? home_.options.next(output, iteration_, ctx_, request())
                                   : output);
    } catch (...) {
      conclude({}, std::make_shared<const failure>(current_failure()), "");
    }
  }

  void give_up() {
    failure why{failure_kind::permanent,
                "the condition of the loop did not hold within " + std::to_string(iteration_)
                    + (iteration_ == 1 ? " iteration" : " iterations"),
                {},
                identity().name.str()};
    conclude({}, std::make_shared<const failure>(std::move(why)), "max_iterations");
  }

  void on_late_result(std::uint64_t, step_result&& result) override {
    spent_ += result.spent;
    append_history(history_, std::move(result), home_.body.spliced);
    answer(cancelled_result());
  }

  step_result cancelled_result() override {
    auto result = call::cancelled_result();
    fill(result);
    return result;
  }

  void fill(step_result& result) {
    result.spent = spent_;
    result.attempts = static_cast<std::uint32_t>(iteration_);
    result.step_history = std::move(history_);
  }

  void conclude(value output, std::shared_ptr<const failure> why, const std::string& reason) {
    auto result = blank_result();
    if (!why) {
      result.output = std::move(output);
      result.ctx = ctx_;
    }
    result.why = std::move(why);
    fill(result);
    if (!reason.empty()) {
      result.edit_metadata([&](step_metadata& metadata) { metadata.exit_reason = reason; });
    }
    answer(std::move(result));
  }

  const looper& home_;
  context ctx_;
  std::uint64_t iteration_ = 0;
  usage spent_{};
  std::vector<step_result> history_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, looper parts) {
  return std::make_unique<straight_stage_of<loop_call, looper>>(std::move(identity),
                                                                std::move(parts));
}

} // namespace troupe::actors
