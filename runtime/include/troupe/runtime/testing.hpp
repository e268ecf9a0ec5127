#pragma once

#include <troupe/runtime/runtime.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe::testing {

/// A runtime whose clock stands still until it is moved. Waiting for a run moves it as far as
/// needed, so an hour of back-off passes in milliseconds, and the same seed gives the same run.
/// Everything happens on the thread that waits or advances, except blocking steps: while one is at
/// work, the clock stands.
///
/// When nothing can ever happen any more (a step hangs and no timer is set), the run fails and says
/// what it waits for.
class virtual_runtime : public runtime {
public:
  explicit virtual_runtime(runtime_options options = {});
  /// Lets everything happen that can happen now.
  void settle();
  /// Moves the clock forward, from one due timer to the next.
  void advance(duration by);
};

/// One answer of a scripted step.
struct script_entry {
  enum class action : std::uint8_t { succeed, fail, hang, stuck, raise };
  action what = action::succeed;
  value output{};
  failure why{};
  duration after{};      ///< how long the call takes
  usage spent{};         ///< reported when the call ends; at its start by `hang` and `stuck`
  value::map_type set{}; ///< context entries; count on success only
  std::function<void()> thrower{};

  // Entries read like a sentence: `ok("x").taking(20ms).costing(0.10, 5)`.
  [[nodiscard]] script_entry taking(duration length) const;
  [[nodiscard]] script_entry costing(double cost_usd, std::int64_t tokens = 0) const;
  [[nodiscard]] script_entry setting(std::string key, value content) const;
};

[[nodiscard]] script_entry ok(value output = {});
[[nodiscard]] script_entry transient(std::string message);
[[nodiscard]] script_entry permanent(std::string message);
[[nodiscard]] script_entry unclassified(std::string message);
[[nodiscard]] script_entry fails(failure why);
/// Never ends, but obeys its stop token.
[[nodiscard]] script_entry hang();
/// Ignores its stop token and succeeds with `output` after `length`.
[[nodiscard]] script_entry stuck(duration length, value output = {});
/// Throws that object, whatever its type.
template <class T>
[[nodiscard]] script_entry throws(T object) {
  script_entry entry;
  entry.what = script_entry::action::raise;
  entry.thrower = [object = std::move(object)] { throw object; };
  return entry;
}

/// A step with a script: each call takes the next entry, and fails with `No more outputs` when they
/// are used up. Counts its calls and keeps their inputs. Copies share the script. Thread-safe.
class scripted_step {
public:
  explicit scripted_step(std::string name, std::vector<script_entry> script = {});

  /// Starts over when the script is used up.
  scripted_step& repeat();
  /// Gives every call the answer of a function of its input, instead of a script.
  scripted_step& answering(std::function<script_entry(const value& input, const context&)> answer);

  [[nodiscard]] std::size_t call_count() const;
  [[nodiscard]] std::vector<value> inputs() const;
  /// Calls at work right now, and the most there were at once.
  [[nodiscard]] std::size_t running() const;
  [[nodiscard]] std::size_t most_running() const;
  /// Calls that were asked to stop.
  [[nodiscard]] std::size_t stopped() const;
  /// Forgets calls and inputs, and starts the script over.
  void reset();

  /// The step itself, for a pipeline.
  template <class In = value, class Out = value>
  [[nodiscard]] step<In, Out> as() const {
    return step<In, Out>(name_, definition());
  }
  [[nodiscard]] step<value, value> operator()() const { return as<value, value>(); }

  struct state;

private:
  [[nodiscard]] step_definition definition() const;
  std::string name_;
  std::shared_ptr<state> state_;
};

/// A step that returns these outputs in order, and then fails with `No more outputs`.
[[nodiscard]] scripted_step stub_step(std::string name, std::vector<value> outputs);
/// A step that always gives the same answer.
[[nodiscard]] scripted_step mock_step(std::string name, script_entry always);

} // namespace troupe::testing
