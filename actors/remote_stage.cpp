#include <troupe/actors/remote_stage.hpp>

namespace troupe::actors {

class remote_call final : public call {
public:
  explicit remote_call(const remote_stage& home) : home_(home) {}

private:
  void start() override {
    if (auto broken = broken_limit()) return fail({failure_kind::usage_limit, *broken});
    auto next = request();
    if (home_.ticket) next.ticket = home_.ticket(next.input);
    send(0, home_.there, std::move(next));
  }

  // What undoes something runs in spite of a broken limit.
  std::optional<std::string> broken_limit() const {
    if (request().shielded) return std::nullopt;
    return request().run->meter()->broken();
  }

  void on_result(std::uint64_t, step_result&& result) override {
    if (result.success()) {
      if (auto broken = broken_limit()) {
        result.why = std::make_shared<const failure>(
            failure{failure_kind::usage_limit, *broken, {}, identity().name.str()});
      }
    }
    answer(std::move(result));
  }

  step_result cancelled_result() override {
    auto result = call::cancelled_result();
    result.node = node_;
    result.attempts = attempts_;
    return result;
  }

  void on_late_result(std::uint64_t tag, step_result&& result) override {
    node_ = result.node;
    attempts_ = result.attempts;
    call::on_late_result(tag, std::move(result));
  }

  const remote_stage& home_;
  shared_name node_;
  std::uint32_t attempts_ = 1;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, remote_stage parts) {
  return std::make_unique<stage_of<remote_call, remote_stage>>(std::move(identity),
                                                               std::move(parts));
}

} // namespace troupe::actors
