#pragma once

#include <troupe/actors/stage.hpp>
#include <troupe/actors/step_context.hpp>
#include <troupe/protocol/outcome.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <variant>

namespace troupe {

/// Answers one attempt of an async step: call it once, from any thread. A copy of it keeps the
/// attempt open; when the last copy is gone unanswered, the attempt fails and says so.
class value_completion {
public:
  /// The first answer counts; later ones are dropped and counted.
  void operator()(outcome<value> result) const;
  /// What the attempt knows of its run. Valid as long as a copy of this completion is held.
  [[nodiscard]] step_context& context() const noexcept { return *state_->context; }

  struct state {
    std::shared_ptr<step_context> context;
    actors::call_address owner;
    std::atomic<bool> answered{false};
    void answer(outcome<value> result);
    ~state();
  };
  explicit value_completion(std::shared_ptr<state> content) : state_(std::move(content)) {}

private:
  std::shared_ptr<state> state_;
};

/// Runs to its end on the calling thread.
using plain_function = std::function<outcome<value>(const value& input, step_context&)>;
/// Starts work and returns at once; the completion is called when it is done.
using async_function = std::function<void(const value& input, value_completion)>;

enum class step_kind : std::uint8_t {
  blocking, ///< on the runtime's thread pool
  async,    ///< holds no thread
  inlined,  ///< in the actor; cheap and never blocking
};

/// What a step is, apart from its name.
struct step_definition {
  step_kind kind = step_kind::blocking;
  bool idempotent = false; ///< doing it twice does no harm
  std::string type{};      ///< where one is known: `http.request` and so on
  std::string identity{};  ///< which function it is; part of the hash
  value parameters{};      ///< what its behavior depends on beside the input; part of the hash
  std::variant<std::monostate, plain_function, async_function> work{};
  /// Called in the process that owns the run before another process makes a call, where calls share
  /// something; what it returns is the `step_context::ticket()` of that call.
  std::function<value(const value& input)> ticket{};
  /// Called when the plan is checked, for steps that have options of their own.
  std::function<void(option_check&)> check{};
};

value troupe_describe(const step_definition& step);
void troupe_check(const step_definition& step, option_check& report);
bool troupe_idempotent(const step_definition& step);

namespace actors {

/// Runs the function of one step. The one place where exceptions of user code become failures.
struct step_host {
  plan node; ///< made with a `step_definition`
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                step_host parts);

/// Returns the failure for the exception that is being handled; for use inside `catch (...)`.
[[nodiscard]] failure current_failure() noexcept;

} // namespace actors
} // namespace troupe
