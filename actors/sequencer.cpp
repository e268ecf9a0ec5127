#include <troupe/actors/sequencer.hpp>

#include <optional>
#include <utility>

namespace troupe::actors {

namespace {

// Somebody who has not answered yet has done nothing.
bool leaves_no_trace(const step_result& result) {
  return result.failed_with(failure_kind::paused) && result.step_history.empty();
}

} // namespace

void append_history(std::vector<step_result>& history, step_result&& result, bool spliced) {
  if (leaves_no_trace(result)) return;
  if (!spliced) {
    result.ctx = {};
    history.push_back(std::move(result));
    return;
  }
  for (auto& entry : result.step_history) history.push_back(std::move(entry));
}

class sequence_call final : public call {
public:
  explicit sequence_call(const sequencer& home) : home_(home) {}

private:
  void start() override {
    history_.reserve(home_.children.size());
    go_on(0, request());
  }

  void on_result(std::uint64_t index, step_result&& result) override {
    auto output = keep(index, std::move(result));
    if (!output) return;
    auto next = request();
    next.input = *std::move(output);
    next.ctx = ctx_;
    go_on(index + 1, std::move(next));
  }

  // Asks those that answer at once, one after the other; meanwhile `next` has the context.
  void go_on(std::size_t index, step_request next) {
    while (home_.children[index].spliced ? ask_spliced(index, next) : ask_in_place(index, next)) {
      ++index;
    }
  }

  // Both return true when the sequence goes on with the next stage, and what that works on.
  bool ask_spliced(std::size_t index, step_request& next) {
    step_result result;
    if (!ask(index, home_.children[index].stage, next, result)) return wait(next);
    auto output = keep(index, std::move(result));
    if (!output) return false;
    next.input = *std::move(output);
    next.ctx = ctx_;
    return true;
  }

  // The result is put where it stays.
  bool ask_in_place(std::size_t index, step_request& next) {
    auto& result = history_.emplace_back();
    if (!ask(index, home_.children[index].stage, next, result)) {
      history_.pop_back();
      return wait(next);
    }
    if (result.why || is_last(index)) {
      take_from(result);
      end_with_latest();
      return false;
    }
    spent_ += result.spent;
    next.ctx = std::exchange(result.ctx, {}); // histories have none
    next.input = result.output;
    return true;
  }

  bool wait(step_request& sent) {
    ctx_ = std::move(sent.ctx);
    return false;
  }

  // Returns what the next stage works on; nothing when the sequence has ended.
  std::optional<value> keep(std::size_t index, step_result&& result) {
    take_from(result);
    auto output = result.output;
    auto why = result.why;
    append_history(history_, std::move(result), home_.children[index].spliced);
    if (!why && !is_last(index)) return output;
    conclude(std::move(output), std::move(why));
    return std::nullopt;
  }

  [[nodiscard]] bool is_last(std::size_t index) const { return index + 1 == home_.children.size(); }

  void take_from(step_result& result) {
    spent_ += result.spent;
    ctx_ = std::move(result.ctx);
    result.ctx = {}; // histories have none
  }

  void end_with_latest() {
    auto output = history_.back().output;
    auto why = history_.back().why;
    if (leaves_no_trace(history_.back())) history_.pop_back();
    conclude(std::move(output), std::move(why));
  }

  void on_late_result(std::uint64_t index, step_result&& result) override {
    const auto spliced = home_.children[index].spliced;
    spent_ += result.spent;
    append_history(history_, std::move(result), spliced);
    answer(cancelled_result());
  }

  step_result cancelled_result() override {
    auto result = call::cancelled_result();
    result.ctx = ctx_;
    result.spent = spent_;
    result.step_history = std::move(history_);
    return result;
  }

  // A sequence that fails keeps what its finished steps did to the context; policies around it
  // start over anyway.
  void conclude(value output, std::shared_ptr<const failure> why) {
    step_result result;
    if (!why) result.output = std::move(output);
    result.why = std::move(why);
    result.ctx = std::move(ctx_);
    result.spent = spent_;
    result.step_history = std::move(history_);
    answer(std::move(result));
  }

  const sequencer& home_;
  std::vector<step_result> history_;
  context ctx_;
  usage spent_{};
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, sequencer parts) {
  return std::make_unique<straight_stage_of<sequence_call, sequencer>>(std::move(identity),
                                                                       std::move(parts));
}

} // namespace troupe::actors
