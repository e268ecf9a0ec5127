#pragma once

#include <troupe/runtime/http_request.hpp>
#include <troupe/runtime/llm_chat.hpp>
#include <troupe/runtime/step.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

namespace detail {

using request_maker = std::function<http_request_options(const value& input, const context&)>;
using message_maker = std::function<std::vector<chat_message>(const value& input, const context&)>;

/// `known` is what is known of the request when the plan is made; null when everything depends on
/// the input.
step_definition http_request_definition(const http_request_options* known, std::string identity,
                                        request_maker make);
step_definition llm_chat_definition(llm_chat_options options, std::string identity,
                                    message_maker make);

/// Makes what one attempt sends, or says why it cannot.
using http_attempt =
    std::function<outcome<http_request_options>(const value& input, step_context&)>;
using llm_attempt = std::function<outcome<llm_chat_options>(const value& input, step_context&)>;

/// For steps whose options are made anew for each attempt. `known` is as above; the output is plain
/// data.
step_definition http_request_per_attempt(const http_request_options* known, http_attempt make);
step_definition llm_chat_per_attempt(const llm_chat_options* known, llm_attempt make);

template <class In, class F>
auto from_input(F f) {
  return [f = std::move(f)](const value& input, const context& ctx) {
    const auto object = from_value<In>(input);
    if (!object) throw step_error(object.why());
    if constexpr (std::is_invocable_v<const F&, const In&, const context&>) return f(*object, ctx);
    else return f(*object);
  };
}

} // namespace detail

/// A step that makes the same HTTP request each time, whatever its input. The output is `{status,
/// headers, body}`. Holds no thread: all requests of the process share one.
[[nodiscard]] inline step<value, value> http_request(std::string name,
                                                     const http_request_options& request) {
  return {std::move(name),
          detail::http_request_definition(
              &request, {}, [request](const value&, const context&) { return request; })};
}

/// A step that makes the HTTP request its callable returns for the input (and the `const context&`
/// if it wants).
template <class F>
  requires(!std::is_same_v<F, http_request_options>)
[[nodiscard]] auto http_request(std::string name, F make) {
  using In = detail::input_of<F>;
  auto identity = detail::identity_of(make);
  return step<In, value>(std::move(name),
                         detail::http_request_definition(nullptr, std::move(identity),
                                                         detail::from_input<In>(std::move(make))));
}

/// A step that asks a chat model. The callable makes the messages from the input (and the `const
/// context&` if it wants); they follow those of the options. Tokens and cost count for the run.
template <class F>
[[nodiscard]] auto llm_chat(std::string name, llm_chat_options options, F make_messages) {
  using In = detail::input_of<F>;
  auto identity = detail::identity_of(make_messages);
  return step<In, chat_answer>(
      std::move(name),
      detail::llm_chat_definition(std::move(options), std::move(identity),
                                  detail::from_input<In>(std::move(make_messages))));
}

/// A step that sends its input as one message of the user.
[[nodiscard]] inline step<std::string, chat_answer> llm_chat(std::string name,
                                                             llm_chat_options options) {
  return llm_chat(std::move(name), std::move(options), [](const std::string& question) {
    return std::vector<chat_message>{{"user", question}};
  });
}

} // namespace troupe
