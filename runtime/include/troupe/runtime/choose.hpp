#pragma once

#include <troupe/actors/block_options.hpp>
#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/step.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe {

namespace detail {

template <class In, class F>
auto with_context(F f) {
  return [f = std::move(f)](const value& input, const context& ctx) {
    auto object = from_value<In>(input);
    if (!object) throw step_error(object.why());
    if constexpr (std::is_invocable_v<const F&, const In&, const context&>) return f(*object, ctx);
    else return f(*object);
  };
}

template <class Stage>
std::vector<plan::child> keyed(const std::vector<std::pair<std::string, Stage>>& cases,
                               const std::optional<Stage>& otherwise) {
  std::vector<plan::child> children;
  for (const auto& [key, stage] : cases) children.push_back({key, stage.tree()});
  if (otherwise) children.push_back({"default", otherwise->tree()});
  return children;
}

} // namespace detail

/// Runs the one case that `key` names, or `otherwise`. `key` takes the input, and the `const
/// context&` if it wants.
template <class In, class Out, class Key>
[[nodiscard]] step<In, Out> branch(Key key,
                                   const std::vector<std::pair<std::string, step<In, Out>>>& cases,
                                   const std::optional<step<In, Out>>& otherwise = {}) {
  auto identity = detail::identity_of(key);
  branch_options options{{detail::with_context<In>(std::move(key)), std::move(identity)}};
  return step<In, Out>(
      plan::make(plan_kind::branch, "", detail::keyed(cases, otherwise), std::move(options)));
}

/// Runs all the cases that `choose` names, side by side; the output holds their step results.
/// `choose` returns a `std::vector<std::string>`; for none of them the output is empty.
template <class In, class Out, class Choose>
[[nodiscard]] step<In, std::vector<step_result>>
router(Choose choose, const std::vector<std::pair<std::string, step<In, Out>>>& cases,
       const std::optional<step<In, Out>>& otherwise = {}, block_options options = {}) {
  auto identity = detail::identity_of(choose);
  options.choose = {detail::with_context<In>(std::move(choose)), std::move(identity)};
  return step<In, std::vector<step_result>>(
      plan::make(plan_kind::router, "", detail::keyed(cases, otherwise), std::move(options)));
}

/// How a loop ends and goes on.
struct loop_limits {
  int max_iterations = 5; ///< when they are used up the loop fails
};

namespace detail {

template <class T, class F>
auto loop_question(F f) {
  return [f = std::move(f)](const value& output, std::uint64_t iteration, const context& ctx) {
    auto object = from_value<T>(output);
    if (!object) throw step_error(object.why());
    if constexpr (std::is_invocable_v<const F&, const T&, std::uint64_t, const context&>) {
      return f(*object, iteration, ctx);
    } else if constexpr (std::is_invocable_v<const F&, const T&, std::uint64_t>) {
      return f(*object, iteration);
    } else {
      return f(*object);
    }
  };
}

} // namespace detail

/// Repeats `body` until `until(output)` holds, feeding each output to the next turn, or what
/// `next(output)` makes of it. Both may also take the number of the turn (from 1) and the `const
/// context&`.
template <stage Stage, class Until, class Next = std::nullptr_t>
[[nodiscard]] auto loop(const Stage& body, Until until, loop_limits limits = {},
                        Next next = nullptr) {
  using In = typename Stage::input;
  using Out = typename Stage::output;
  loop_options options;
  auto identity = detail::identity_of(until);
  options.until = {detail::loop_question<Out>(std::move(until)), std::move(identity)};
  options.max_iterations = limits.max_iterations;
  if constexpr (!std::is_null_pointer_v<Next>) {
    auto next_identity = detail::identity_of(next);
    options.next = {[ask = detail::loop_question<Out>(std::move(next))](
                        const value& output, std::uint64_t iteration, const context& ctx) {
                      return troupe::to_value<In>(ask(output, iteration, ctx));
                    },
                    std::move(next_identity)};
  } else {
    static_assert(detail::feeds<Out, In>, "the output of a loop's body must be its input type");
  }
  return step<In, Out>(plan::make(plan_kind::loop, "", {{"", body.tree()}}, std::move(options)));
}

} // namespace troupe
