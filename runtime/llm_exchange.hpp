#pragma once

#include "http_exchange.hpp"

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/usage.hpp>
#include <troupe/runtime/llm_chat.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// Returns the content of an environment variable, or nothing.
using environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The environment of this process.
[[nodiscard]] std::optional<std::string> process_environment(const std::string& name);

/// Returns what to send for these messages, after those of the options.
outcome<http_call> llm_call(const llm_chat_options& options,
                            const std::vector<chat_message>& messages,
                            const environment& variables = process_environment);

struct llm_reply {
  chat_answer answer;
  usage spent;
  bool price_known = false; ///< false: the tokens were counted as free
};

outcome<llm_reply> read_llm_reply(const llm_chat_options& options, const call_label& label,
                                  const http_reply& reply, wall_time now);

/// Returns `{response, model, finish_reason, usage: {prompt_tokens, completion_tokens,
/// total_tokens}}`, the output of the step.
[[nodiscard]] value llm_output(const chat_answer& answer);

} // namespace troupe
