#pragma once

#include <troupe/actors/step_host.hpp>
#include <troupe/protocol/behavior.hpp>
#include <troupe/protocol/plan.hpp>
#include <troupe/runtime/convert.hpp>
#include <troupe/runtime/signature.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace troupe {

template <class In, class Out>
class step;

/// Answers one attempt of an async step: call it once, from any thread, with the output or a
/// failure. A copy of it keeps the attempt open; when the last copy is gone unanswered, the attempt
/// fails and says so.
template <class Out>
class completion {
public:
  explicit completion(value_completion inner) : inner_(std::move(inner)) {}
  void operator()(outcome<Out> result) const {
    if (result) inner_(outcome<value>(troupe::to_value<Out>(*result)));
    else inner_(outcome<value>(result.why()));
  }
  /// What the attempt knows of its run. Valid as long as a copy of this completion is held.
  [[nodiscard]] step_context& context() const noexcept { return inner_.context(); }

private:
  value_completion inner_;
};

namespace detail {

/// Calls `use` with the input as a `const In&`: the object itself where the value holds one.
template <class In, class Use>
outcome<value> with_input(const value& input, Use&& use) {
  if constexpr (!plain_type<In>) {
    if (const auto* object = input.if_native<In>()) return use(*object);
  }
  auto converted = from_value<In>(input);
  if (!converted) {
    return failure{failure_kind::malformed, "the input does not fit: " + converted.why().message};
  }
  return use(*converted);
}

template <class Out, class Result>
outcome<value> wrap_output(Result&& result) {
  if constexpr (std::is_same_v<std::remove_cvref_t<Result>, outcome<Out>>) {
    if (!result) return result.why();
    return troupe::to_value<Out>(*result);
  } else {
    return troupe::to_value<Out>(static_cast<const Out&>(result));
  }
}

template <class In, class Out, class F>
plain_function plain_function_of(F f) {
  return [f = std::move(f)](const value& input, step_context& context) mutable {
    return with_input<In>(input, [&](const In& object) -> outcome<value> {
      if constexpr (std::is_invocable_v<F&, const In&, step_context&>) {
        return wrap_output<Out>(f(object, context));
      } else if constexpr (std::is_invocable_v<F&, const In&>) {
        return wrap_output<Out>(f(object));
      } else {
        static_assert(sizeof(F) == 0, "a step takes its input by value or const reference, and "
                                      "after it at most a step_context&");
        return failure{};
      }
    });
  };
}

template <class In, class Out, class F>
async_function async_function_of(F f) {
  if constexpr (std::is_same_v<F, async_function>) {
    return f;
  } else {
    return [f = std::move(f)](const value& input, value_completion done) mutable {
      auto started = with_input<In>(input, [&](const In& object) -> outcome<value> {
        f(object, completion<Out>(done));
        return value();
      });
      if (!started) done(started.why());
    };
  }
}

} // namespace detail

/// What a step is beside its function.
struct step_options {
  bool idempotent = false; ///< doing it twice does no harm; hedging asks for it
  /// What the function's behavior depends on beside its input, when it captures more than plain
  /// bytes. Part of the hash of the plan and of cache keys: steps of one function and equal
  /// parameters are the same step.
  value parameters{};
};

namespace detail {

template <class F>
step_definition define(step_kind kind, const step_options& options, const F& f) {
  step_definition about;
  about.kind = kind;
  about.idempotent = options.idempotent;
  about.parameters = options.parameters;
  about.identity = options.parameters.is_null() ? identity_of(f) : std::string(typeid(F).name());
  return about;
}

} // namespace detail

/// A named function from `In` to `Out`, with its policies: a value without side effects, O(1) to
/// copy.
///
/// The callable is `Out(In)` or `outcome<Out>(In)`; it may take a `step_context&` after the input.
/// It runs on the runtime's thread pool, several calls at a time, so it may block and must be
/// thread-safe. What it throws becomes a failure: a `step_error` keeps its kind, anything else is
/// `unclassified`.
template <class In, class Out>
class step {
public:
  using input = In;
  using output = Out;

  template <class F>
  step(std::string name, F f, step_options options = {})
      : step(std::move(name), step_kind::blocking, std::move(f), options) {}

  /// A step of any definition; for those that do not come from a C++ callable.
  step(std::string name, step_definition definition)
      : tree_(plan::make(plan_kind::step, std::move(name), {}, std::move(definition))) {}

  explicit step(plan tree) : tree_(std::move(tree)) {}

  template <class F>
  step(std::string name, step_kind kind, F f, const step_options& options)
      : tree_(plan::make(plan_kind::step, std::move(name), {}, definition(kind, f, options))) {}

  [[nodiscard]] const plan& tree() const noexcept { return tree_; }

private:
  template <class F>
  static step_definition definition(step_kind kind, F& f, const step_options& options) {
    auto about = detail::define(kind, options, f);
    if (kind == step_kind::async) {
      if constexpr (!std::is_invocable_v<
                        F&, const In&> && !std::is_invocable_v<F&, const In&, step_context&>) {
        about.work = detail::async_function_of<In, Out>(std::move(f));
      }
    } else {
      if constexpr (!std::is_same_v<
                        F,
                        async_function> && !std::is_invocable_v<F&, const In&, completion<Out>>) {
        about.work = detail::plain_function_of<In, Out>(std::move(f));
      }
    }
    return about;
  }

  plan tree_;
};

template <class F>
step(std::string, F) -> step<detail::input_of<F>, detail::output_of<F>>;
template <class F>
step(std::string, F, step_options) -> step<detail::input_of<F>, detail::output_of<F>>;

/// A step whose function is cheap and never blocks: it runs in the actor itself, without a thread
/// of its own.
template <class F>
[[nodiscard]] auto inline_step(std::string name, F f, const step_options& options = {}) {
  using made = step<detail::input_of<F>, detail::output_of<F>>;
  return made(std::move(name), step_kind::inlined, std::move(f), options);
}

/// A step whose function starts work and returns at once; it holds no thread until its completion
/// is called. The callable is `void(const In&, completion<Out>)`; it runs on a thread of the
/// runtime and must not block.
template <class In, class Out, class F>
[[nodiscard]] step<In, Out> async_step(std::string name, F f, const step_options& options = {}) {
  return step<In, Out>(std::move(name), step_kind::async, std::move(f), options);
}

/// Several stages in a row.
template <class In, class Out>
class pipeline {
public:
  using input = In;
  using output = Out;
  explicit pipeline(plan tree) : tree_(std::move(tree)) {}
  [[nodiscard]] const plan& tree() const noexcept { return tree_; }

private:
  plan tree_;
};

/// A step or a pipeline.
template <class T>
concept stage = requires(const T& candidate) {
  typename T::input;
  typename T::output;
  { candidate.tree() } -> std::same_as<const plan&>;
};

/// Returns the plan as an indented tree.
template <stage Stage>
[[nodiscard]] std::string to_string(const Stage& of) {
  return to_string(of.tree());
}

} // namespace troupe
