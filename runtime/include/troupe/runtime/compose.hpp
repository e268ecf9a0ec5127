#pragma once

#include <troupe/actors/block_options.hpp>
#include <troupe/runtime/protect.hpp>
#include <troupe/runtime/step.hpp>

#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe {

namespace detail {

/// An output may feed an input of the same type; `value` fits everything, and is checked when the
/// run gets there.
template <class Out, class In>
inline constexpr bool feeds =
    std::is_same_v<Out, In> || std::is_same_v<In, value> || std::is_same_v<Out, value>;

template <class First, class... More>
inline constexpr bool
    same_input = (std::is_same_v<typename First::input, typename More::input> && ...);

template <class First, class... More>
std::vector<plan::child> branches_of(const First& first, const More&... more) {
  static_assert(same_input<First, More...>,
                "all branches of a block must take the same input type");
  return {{"", first.tree()}, {"", more.tree()}...};
}

template <class Stage>
std::vector<plan::child> branches_of(const std::vector<Stage>& stages) {
  std::vector<plan::child> branches;
  for (const auto& each : stages) branches.push_back({"", each.tree()});
  return branches;
}

inline plan block(std::vector<plan::child> branches, block_options options, join rule) {
  options.joined = rule;
  return plan::make(plan_kind::parallel, "", std::move(branches), std::move(options));
}

template <class First, class...>
using input_of_first = typename First::input;

} // namespace detail

/// Feeds the output of `first` to `next`.
template <stage First, stage Next>
[[nodiscard]] auto operator>>(const First& first, const Next& next) {
  static_assert(detail::feeds<typename First::output, typename Next::input>,
                "a >> b: the output type of `a` must be the input type of `b`");
  return pipeline<typename First::input, typename Next::output>(
      plan::sequence(first.tree(), next.tree()));
}

/// Makes one named step of a pipeline, so that it can be protected, or gives a step another name.
template <stage Stage>
[[nodiscard]] auto as_step(std::string name, const Stage& group) {
  return step<typename Stage::input, typename Stage::output>(group.tree().renamed(std::move(name)));
}

/// The pipeline or step that `runtime::define` has put under that name.
template <class In, class Out>
[[nodiscard]] step<In, Out> use(std::string name) {
  return step<In, Out>(plan::use(std::move(name)));
}

/// Runs independent stages side by side with the same input. The first failure cancels the others;
/// the output is a tuple in declared order. Through a `value`, the next step sees the list of their
/// step results.
template <stage First, stage... More>
[[nodiscard]] auto parallel(const block_options& options, const First& first, const More&... more) {
  return step<typename First::input, std::tuple<typename First::output, typename More::output...>>(
      detail::block(detail::branches_of(first, more...), options, {}));
}
template <stage First, stage... More>
[[nodiscard]] auto parallel(const First& first, const More&... more) {
  return parallel(block_options{}, first, more...);
}
/// The same for stages of one type, decided at run time. The output is a vector in declared order.
template <stage Stage>
[[nodiscard]] auto parallel(const std::vector<Stage>& stages, const block_options& options = {}) {
  return step<typename Stage::input, std::vector<typename Stage::output>>(
      detail::block(detail::branches_of(stages), options, {}));
}

/// Like `parallel`, but no failure cancels anything: the output holds the step results of all,
/// failed ones too. Fails when none succeeded.
template <stage First, stage... More>
[[nodiscard]] auto collect(const block_options& options, const First& first, const More&... more) {
  return step<typename First::input, std::vector<step_result>>(
      detail::block(detail::branches_of(first, more...), options, {join_mode::collect}));
}
template <stage First, stage... More>
[[nodiscard]] auto collect(const First& first, const More&... more) {
  return collect(block_options{}, first, more...);
}

/// Done once `needed` branches have succeeded; the others are cancelled. The output holds the step
/// results of all.
template <stage First, stage... More>
[[nodiscard]] auto quorum(int needed, const block_options& options, const First& first,
                          const More&... more) {
  return step<typename First::input, std::vector<step_result>>(
      detail::block(detail::branches_of(first, more...), options, {join_mode::quorum, needed}));
}
template <stage First, stage... More>
[[nodiscard]] auto quorum(int needed, const First& first, const More&... more) {
  return quorum(needed, block_options{}, first, more...);
}

/// The first success wins and is the output; the others are cancelled.
template <stage First, stage... More>
[[nodiscard]] auto race(const block_options& options, const First& first, const More&... more) {
  static_assert((std::is_same_v<typename First::output, typename More::output> && ...),
                "all branches of a race must have the same output type");
  return step<typename First::input, typename First::output>(
      detail::block(detail::branches_of(first, more...), options, {join_mode::first}));
}
template <stage First, stage... More>
[[nodiscard]] auto race(const First& first, const More&... more) {
  return race(block_options{}, first, more...);
}

/// Options of a map: by default 16 items are at work at once.
[[nodiscard]] inline block_options map_options(int max_in_flight = 16) {
  block_options options;
  options.max_in_flight = max_in_flight;
  return options;
}

namespace detail {

template <class Stage>
plan map_plan(const Stage& body, block_options options, join_mode mode) {
  if (options.joined.mode == join_mode::all) options.joined.mode = mode;
  return plan::make(plan_kind::map, "", {{"", body.tree()}}, std::move(options));
}

} // namespace detail

/// Runs `body` for every item of a list, some at a time. Outputs keep the order of the items; the
/// first failure cancels the rest.
template <stage Stage>
[[nodiscard]] auto map_over(const Stage& body, const block_options& options = map_options()) {
  return step<std::vector<typename Stage::input>, std::vector<typename Stage::output>>(
      detail::map_plan(body, options, join_mode::all));
}
/// The same over a list that is found when the run gets there: the input, or what `options.over`
/// returns. Anything but a list fails.
template <stage Stage>
[[nodiscard]] auto map_value(const Stage& body, const block_options& options = map_options()) {
  return step<value, std::vector<typename Stage::output>>(
      detail::map_plan(body, options, join_mode::all));
}
/// The same over the list that the context holds under `key`.
template <stage Stage>
[[nodiscard]] auto map_context(std::string key, const Stage& body,
                               block_options options = map_options()) {
  auto identity = "context:" + key;
  options.over = {[key = std::move(key)](const value&, const context& ctx) { return ctx.get(key); },
                  std::move(identity)};
  return map_value(body, options);
}
/// Like `map_over`, but failures cancel nothing: their outputs are empty.
template <stage Stage>
[[nodiscard]] auto collect_over(const Stage& body, const block_options& options = map_options()) {
  return step<std::vector<typename Stage::input>,
              std::vector<std::optional<typename Stage::output>>>(
      detail::map_plan(body, options, join_mode::collect));
}

} // namespace troupe
