#pragma once

#include <troupe/actors/context_saver.hpp>
#include <troupe/policies/breaker.hpp>
#include <troupe/policies/bulkhead.hpp>
#include <troupe/policies/cache.hpp>
#include <troupe/policies/hedge.hpp>
#include <troupe/policies/place.hpp>
#include <troupe/policies/rate_limit.hpp>
#include <troupe/policies/retry.hpp>
#include <troupe/policies/timeout.hpp>
#include <troupe/runtime/step.hpp>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe {

/// What `fallback(…)` makes: steps to try in order when the one to the left has failed.
template <class In, class Out>
struct fallback_policy {
  std::vector<plan> levels;
};

/// `primary | fallback(first, second)`: each is tried with the primary's original input and context
/// until one succeeds.
template <stage First, stage... More>
[[nodiscard]] auto fallback(const First& first, const More&... more) {
  static_assert((std::is_same_v<typename First::input, typename More::input> && ...)
                    && (std::is_same_v<typename First::output, typename More::output> && ...),
                "the fallbacks of one step must have the same input and output types");
  return fallback_policy<typename First::input, typename First::output>{
      {first.tree(), more.tree()...}};
}

/// What `compensate(…)` makes: the step that undoes the one to the left.
template <class In>
struct compensate_policy {
  plan undo;
};

/// `book | compensate(cancel_booking)`: when the booking, or anything after it, does not succeed or
/// the run is cancelled, `cancel_booking` runs with what `book` was given. What was started last is
/// undone first.
template <stage Undo>
[[nodiscard]] auto compensate(const Undo& undo) {
  return compensate_policy<typename Undo::input>{undo.tree()};
}

namespace detail {

template <class T>
inline constexpr bool is_compensate = false;
template <class In>
inline constexpr bool is_compensate<compensate_policy<In>> = true;

template <class T>
inline constexpr bool is_fallback = false;
template <class In, class Out>
inline constexpr bool is_fallback<fallback_policy<In, Out>> = true;

template <class T>
inline constexpr auto policy_kind = plan_kind::step;
template <>
inline constexpr auto policy_kind<retry> = plan_kind::retry;
template <>
inline constexpr auto policy_kind<timeout> = plan_kind::timeout;
template <>
inline constexpr auto policy_kind<breaker> = plan_kind::breaker;
template <>
inline constexpr auto policy_kind<cache> = plan_kind::cache;
template <>
inline constexpr auto policy_kind<hedge> = plan_kind::hedge;
template <>
inline constexpr auto policy_kind<bulkhead> = plan_kind::bulkhead;
template <>
inline constexpr auto policy_kind<rate_limit> = plan_kind::rate_limit;
template <>
inline constexpr auto policy_kind<save_as> = plan_kind::save_as;
template <>
inline constexpr auto policy_kind<place> = plan_kind::place;

template <class T>
inline constexpr bool is_option_policy = policy_kind<T> != plan_kind::step;

/// A callable from step to step: a policy of the user's own.
template <class P>
inline constexpr bool is_own_policy = requires(const P& own, const step<int, int>& to) {
  own(to);
};

} // namespace detail

/// What may stand to the right of `|`: an option struct such as `retry`, `fallback(…)`,
/// `compensate(…)`, or any callable that takes a step of any type and returns it protected.
template <class P>
concept policy = detail::is_option_policy<std::remove_cvref_t<P>> || detail::is_fallback<
    std::remove_cvref_t<P>> || detail::is_compensate<std::remove_cvref_t<P>> || detail::
    is_own_policy<std::remove_cvref_t<P>>;

/// Wraps everything to its left; later means further outside.
template <class In, class Out, policy Policy>
[[nodiscard]] step<In, Out> operator|(const step<In, Out>& inner, Policy&& with) {
  using kind = std::remove_cvref_t<Policy>;
  if constexpr (detail::is_fallback<kind>) {
    static_assert(std::is_same_v<kind, fallback_policy<In, Out>>,
                  "a fallback must have the input and output types of what it replaces");
    std::vector<plan::child> levels{{"", inner.tree()}};
    for (const auto& level : with.levels) levels.push_back({"", level});
    return step<In, Out>(plan::make(plan_kind::fallback, "", std::move(levels)));
  } else if constexpr (detail::is_compensate<kind>) {
    static_assert(
        std::is_same_v<kind,
                       compensate_policy<In>> || std::is_same_v<kind, compensate_policy<value>>,
        "a compensation must have the input type of what it undoes");
    return step<In, Out>(
        plan::make(plan_kind::compensate, "", {{"", inner.tree()}, {"", with.undo}}));
  } else if constexpr (std::is_same_v<kind, cache>) {
    cache options = with;
    options.input_has_plain_form = has_plain_form<In>;
    return step<In, Out>(
        plan::make(plan_kind::cache, "", {{"", inner.tree()}}, std::move(options)));
  } else if constexpr (detail::is_option_policy<kind>) {
    return step<In, Out>(
        plan::make(detail::policy_kind<kind>, "", {{"", inner.tree()}}, kind(with)));
  } else {
    return with(inner);
  }
}

/// A cache key made from the typed input: `cache{.key = key_by([](const query& q) { return q.text;
/// })}`. The callable may take the `const context&` too.
template <class F>
[[nodiscard]] auto key_by(F f) {
  using In = detail::input_of<F>;
  auto identity = detail::identity_of(f);
  return behavior<value(const value&, const context&)>(
      [f = std::move(f)](const value& input, const context& ctx) {
        return detail::with_input<In>(
                   input,
                   [&](const In& object) -> outcome<value> {
                     if constexpr (std::is_invocable_v<const F&, const In&, const context&>) {
                       return troupe::to_value(f(object, ctx));
                     } else {
                       return troupe::to_value(f(object));
                     }
                   })
            .value();
      },
      std::move(identity));
}

// `a >> b | policy` parses as `(a >> b) | policy`: refused rather than protecting more than the
// reader sees.
template <class In, class Out, policy Policy>
void operator|(const pipeline<In, Out>&, Policy&&) {
  static_assert(sizeof(In) == 0, "write `a >> (b | policy)`, or name the group: "
                                 "`as_step(\"name\", a >> b) | policy`");
}

// `a | policy >> b` parses as `a | (policy >> b)`.
template <class Policy, stage Next>
  requires(detail::is_option_policy<
               Policy> || detail::is_fallback<Policy> || detail::is_compensate<Policy>)
void operator>>(const Policy&, const Next&) {
  static_assert(sizeof(Policy) == 0, "write `(a | policy) >> b`");
}

} // namespace troupe
