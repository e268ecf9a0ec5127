#pragma once

#include <troupe/actors/run_event.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace troupe {

/// Is told facts about runs as they happen. Called on threads of the runtime, from several at a
/// time; must be quick and never block. What it throws is logged once and changes no run.
class observer {
public:
  virtual ~observer() = default;
  virtual void on_event(const run_event& event) = 0;
  /// One bit for each `event_kind` that is wanted; asked once.
  [[nodiscard]] virtual std::uint32_t interests() const { return UINT32_MAX; }
};

[[nodiscard]] constexpr std::uint32_t interest_in(event_kind kind) noexcept {
  return std::uint32_t{1} << static_cast<unsigned>(kind);
}

/// Functions to call around runs and steps; those that are not set cost nothing.
struct hooks {
  std::function<void(const run_event&)> before_run{};
  std::function<void(const run_event&)> after_run{};
  std::function<void(const run_event&)> before_step{};
  std::function<void(const run_event&)> after_step{};
  std::function<void(const run_event&)> on_failure{}; ///< an attempt of a step failed
  std::function<void(const run_event&)> on_breaker_transition{};
};

[[nodiscard]] std::shared_ptr<observer> make_observer(hooks functions);

/// The observer every runtime has by default: writes what people should know (fallbacks, breakers
/// that change, failed runs, abandoned steps) to the spdlog logger registered as `troupe`, or to
/// stderr when there is none. Every line of a run carries its correlation id.
[[nodiscard]] std::shared_ptr<observer> make_log_observer();

} // namespace troupe
