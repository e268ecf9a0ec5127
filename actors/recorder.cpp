#include <troupe/actors/pauser.hpp>
#include <troupe/actors/recorder.hpp>

namespace troupe::actors {

class recording_call final : public call {
public:
  explicit recording_call(const recorder& home) : home_(home) {}

private:
  void start() override {
    const auto& journal = request().run->journal;
    auto inner = request();
    if (journal) {
      where_ = place_of(identity(), request());
      if (const auto known = journal->find(where_)) return answer_from(*known);
      if (must_not_begin()) return fail(*request().run->given_up);
      inner.calls = std::make_shared<const turn>(turn{where_.call, inner.calls});
    }
    send(0, home_.child, std::move(inner));
  }

  // An attempt that had not ended is repeated as far as it got.
  bool must_not_begin() const {
    return request().run->given_up && !request().shielded && !home_.failures_only;
  }

  void answer_from(const run_record& known) {
    auto result = replay(known, request().ctx);
    result.replayed = true;
    const auto& meter = request().meter ? request().meter : request().run->meter();
    meter->add(result.spent);
    answer_as_it_was(std::move(result));
  }

  void on_result(std::uint64_t, step_result&& result) override {
    result.replayed = false;
    const auto& journal = request().run->journal;
    if (journal && is_final(result)) journal->record(where_, make_record(result, request().ctx));
    answer(std::move(result));
  }

  void on_late_result(std::uint64_t, step_result&& result) override { answer(std::move(result)); }

  // What ended with the run has to be done again.
  bool is_final(const step_result& result) const {
    return result.success() ? !home_.failures_only : !ends_the_run(*result.why);
  }

  const recorder& home_;
  run_journal::place where_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, recorder parts) {
  return std::make_unique<straight_stage_of<recording_call, recorder>>(std::move(identity),
                                                                       std::move(parts));
}

} // namespace troupe::actors
