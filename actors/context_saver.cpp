#include <troupe/actors/context_saver.hpp>

namespace troupe {

value troupe_describe(const save_as& options) {
  return value::map({{"key", options.key}});
}

void troupe_check(const save_as& options, option_check& report) {
  report.require(!options.key.empty(), "key", "is empty; the output needs a name in the context");
}

namespace actors {

class saving_call final : public call {
public:
  explicit saving_call(const context_saver& home) : home_(home) {}

private:
  void start() override { send(0, home_.child, request()); }

  void on_result(std::uint64_t, step_result&& result) override {
    if (result.success()) result.ctx.set(home_.options.key, result.output);
    answer(std::move(result));
  }

  void on_late_result(std::uint64_t, step_result&& result) override { answer(std::move(result)); }

  const context_saver& home_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, context_saver parts) {
  return std::make_unique<straight_stage_of<saving_call, context_saver>>(std::move(identity),
                                                                         std::move(parts));
}

} // namespace actors
} // namespace troupe
