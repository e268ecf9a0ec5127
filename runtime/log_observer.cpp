#include <troupe/runtime/observer.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace troupe {

namespace {

/// A failure is written once: where a policy decides about it, or where the run ends.
class log_observer final : public observer {
public:
  log_observer() : logger_(spdlog::get("troupe")) {
    if (logger_) return;
    logger_ = std::make_shared<spdlog::logger>(
        "troupe", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger_->set_level(spdlog::level::warn);
  }

  void on_event(const run_event& event) override {
    switch (event.kind) {
    case event_kind::run_finished: return run_finished(event);
    case event_kind::retry_scheduled:
      return write(spdlog::level::info, event, "attempt {} failed, next in {}: {}", event.attempt,
                   to_string(event.delay), to_string(*event.why));
    case event_kind::fallback_started:
      return write(spdlog::level::warn, event, "failed, falling back to {}: {}", event.detail,
                   to_string(*event.why));
    case event_kind::breaker_changed:
      return write(spdlog::level::warn, event, "circuit breaker {}", event.detail);
    case event_kind::step_abandoned:
      return write(spdlog::level::warn, event, "ignores its stop token and was abandoned");
    case event_kind::stage_restarted:
      return write(spdlog::level::err, event, "restarted: {}", event.why->message);
    case event_kind::warning:
      return write(event.why ? spdlog::level::err : spdlog::level::warn, event, "{}", event.detail);
    default: return;
    }
  }

  [[nodiscard]] std::uint32_t interests() const override {
    return interest_in(event_kind::run_finished) | interest_in(event_kind::retry_scheduled)
           | interest_in(event_kind::fallback_started) | interest_in(event_kind::breaker_changed)
           | interest_in(event_kind::step_abandoned) | interest_in(event_kind::stage_restarted)
           | interest_in(event_kind::warning);
  }

private:
  void run_finished(const run_event& event) {
    if (!event.why || event.why->kind == failure_kind::cancelled) return;
    if (event.why->kind == failure_kind::paused) return;
    write(spdlog::level::warn, event, "run failed: {}", to_string(*event.why));
  }

  template <class... Args>
  void write(spdlog::level::level_enum level, const run_event& event,
             spdlog::format_string_t<Args...> format, Args&&... args) {
    if (!logger_->should_log(level)) return;
    const auto text = fmt::format(format, std::forward<Args>(args)...);
    const auto whose = event.run ? std::string_view(event.run->correlation_id()) : "-";
    if (event.step.empty()) logger_->log(level, "[{}] {}", whose, text);
    else logger_->log(level, "[{}] {}: {}", whose, event.step, text);
  }

  std::shared_ptr<spdlog::logger> logger_;
};

} // namespace

std::shared_ptr<observer> make_log_observer() {
  return std::make_shared<log_observer>();
}

} // namespace troupe
