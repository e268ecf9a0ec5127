#pragma once

#include <troupe/actors/pauser.hpp>
#include <troupe/runtime/choose.hpp>
#include <troupe/runtime/convert.hpp>
#include <troupe/runtime/step.hpp>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe {

namespace detail {

template <class T>
constexpr answer_rule::type answer_type() {
  if constexpr (std::is_same_v<T, bool>) return answer_rule::type::boolean;
  else if constexpr (std::is_integral_v<T>) return answer_rule::type::integer;
  else if constexpr (std::is_floating_point_v<T>) return answer_rule::type::number;
  else if constexpr (std::is_same_v<T, std::string>) return answer_rule::type::text;
  else if constexpr (std::is_same_v<T, value::binary_type>) return answer_rule::type::any;
  else if constexpr (is_a<T, std::vector> || is_tuple_like<T>) return answer_rule::type::list;
  else if constexpr (is_text_map<T> || has_fields<T>) return answer_rule::type::map;
  else return answer_rule::type::any;
}

} // namespace detail

/// Asks a person: the run ends as `paused`, and goes on with `deployment::resume`; the answer is
/// the output. An answer that is no `Out`, or none of the `choices`, is refused when it is given.
///
/// `prompt` is a text, or a callable that makes it from the input, and the `const context&` if it
/// wants.
template <class In, class Out, class Prompt>
[[nodiscard]] step<In, Out> pause(std::string name, Prompt prompt,
                                  const std::vector<Out>& choices = {}) {
  pause_options options;
  options.rule.expects = detail::answer_type<Out>();
  for (const auto& choice : choices) options.rule.choices.push_back(troupe::to_value<Out>(choice));
  if constexpr (std::is_convertible_v<const Prompt&, std::string>) {
    std::string text = prompt;
    auto identity = "text:" + text;
    options.prompt = {[text = std::move(text)](const value&) { return text; }, std::move(identity)};
  } else {
    auto identity = detail::identity_of(prompt);
    options.prompt = {
        [ask = detail::with_context<In>(std::move(prompt))](
            const value& input, const context& ctx) -> std::string { return ask(input, ctx); },
        std::move(identity)};
  }
  return step<In, Out>(plan::make(plan_kind::pause, std::move(name), {}, std::move(options)));
}

} // namespace troupe
