#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/runtime/convert.hpp>
#include <troupe/runtime/run_result.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe {

/// How one run is started.
struct run_options {
  std::optional<duration> deadline{}; ///< how long the run may take, from its start
  ::troupe::context context{};        ///< what its steps find there; a correlation id in it is kept
  std::string correlation_id{};       ///< one is made when neither is given
  usage_limit limits{};
  /// Called once the run has ended, on a thread of the runtime or, with `run`, on
  /// the one that waits; must not block.
  std::function<void(const run_result&)> on_done{};
};

namespace detail {
class run_state;
}

/// One execution of a deployed pipeline, whatever its type. A handle: copies mean the same run, and
/// dropping all of them does not stop it. Thread-safe.
class any_run {
public:
  explicit any_run(std::shared_ptr<detail::run_state> state) : state_(std::move(state)) {}

  /// Waits for the end and returns everything about the run; valid as long as a handle is held.
  /// Never call it from a step or observer: it blocks a thread that the run may need.
  const run_result& result() const;
  /// Waits at most that long; true when the run has ended.
  [[nodiscard]] bool wait_for(duration limit) const;
  [[nodiscard]] bool done() const;
  /// Asks the run to stop: it ends as `cancelled` once all of its steps have stopped, at most a
  /// grace period later. Returns false, and changes nothing, when it has ended or was asked before.
  bool cancel() const;
  [[nodiscard]] const run_id& id() const;
  [[nodiscard]] const std::string& correlation_id() const;

private:
  friend class any_deployment;
  std::shared_ptr<detail::run_state> state_;
};

/// One execution of a deployed pipeline.
template <class Out>
class run : public any_run {
public:
  explicit run(any_run handle) : any_run(std::move(handle)) {}

  /// Waits for the end and returns the output, or why there is none.
  outcome<Out> wait() const {
    const auto& all = result();
    if (all.why) return *all.why;
    return from_value<Out>(all.output);
  }
};

} // namespace troupe
