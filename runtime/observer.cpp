#include <troupe/runtime/observer.hpp>

#include <utility>

namespace troupe {

namespace {

class hook_observer final : public observer {
public:
  explicit hook_observer(hooks functions) : functions_(std::move(functions)) {}

  void on_event(const run_event& event) override {
    switch (event.kind) {
    case event_kind::run_started: return tell(functions_.before_run, event);
    case event_kind::run_finished: return tell(functions_.after_run, event);
    case event_kind::step_started: return tell(functions_.before_step, event);
    case event_kind::step_finished:
      tell(functions_.after_step, event);
      if (event.why) tell(functions_.on_failure, event);
      return;
    case event_kind::breaker_changed: return tell(functions_.on_breaker_transition, event);
    default: return;
    }
  }

  [[nodiscard]] std::uint32_t interests() const override {
    std::uint32_t wanted = 0;
    const auto add = [&](bool set, event_kind kind) { wanted |= set ? interest_in(kind) : 0; };
    add(functions_.before_run != nullptr, event_kind::run_started);
    add(functions_.after_run != nullptr, event_kind::run_finished);
    add(functions_.before_step != nullptr, event_kind::step_started);
    add(functions_.after_step || functions_.on_failure, event_kind::step_finished);
    add(functions_.on_breaker_transition != nullptr, event_kind::breaker_changed);
    return wanted;
  }

private:
  static void tell(const std::function<void(const run_event&)>& hook, const run_event& event) {
    if (hook) hook(event);
  }
  hooks functions_;
};

} // namespace

std::shared_ptr<observer> make_observer(hooks functions) {
  return std::make_shared<hook_observer>(std::move(functions));
}

} // namespace troupe
