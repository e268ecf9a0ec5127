#pragma once

#include <troupe/protocol/plan.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/runtime/fields.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe {

struct chat_message {
  std::string role; ///< `system`, `user`, `assistant`, …
  std::string content;

  friend bool operator==(const chat_message&, const chat_message&) = default;
};
TROUPE_FIELDS(chat_message, role, content);

/// What a million tokens cost.
struct token_price {
  double input_usd = 0;
  double output_usd = 0;
};

/// A call of an OpenAI-compatible chat completions service as a step. Sets tokens and, from
/// `prices`, cost; fails as an HTTP request does, and as `malformed` for an answer without a text.
struct llm_chat_options {
  /// With the version, such as `https://api.openai.com/v1`. Empty: the environment variable
  /// `OPENAI_BASE_URL`, or else OpenAI itself.
  std::string base_url{};
  /// The environment variable that holds the key, read at each call so that no plan contains it.
  /// Unset or empty: no `Authorization` is sent.
  std::string api_key_env = "OPENAI_API_KEY";
  std::string model{};
  std::vector<chat_message> messages{}; ///< come first in every call, before those of the input
  value options{}; ///< further fields of the body, a map; not `model`, `messages` or `stream`
  /// By the name the service answers with, or else by `model`. Other models count as free, with a
  /// warning.
  std::map<std::string, token_price> prices{};
  duration timeout = std::chrono::seconds(60); ///< for the whole exchange
  std::string ca_file{};   ///< PEM file of trusted certificates; empty: what the system trusts
  bool idempotent = false; ///< asking twice does no harm but cost; hedging asks for it
};

value troupe_describe(const llm_chat_options& options);
void troupe_check(const llm_chat_options& options, option_check& report);

/// The output of the step. In plain form `{response, model, finish_reason, usage: {prompt_tokens,
/// completion_tokens, total_tokens}}`.
struct chat_answer {
  std::string response;
  std::string model;
  std::string finish_reason;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;

  friend bool operator==(const chat_answer&, const chat_answer&) = default;
};

namespace detail {

struct token_counts {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t total_tokens = 0;
};
TROUPE_FIELDS(token_counts, prompt_tokens, completion_tokens, total_tokens);

} // namespace detail

template <class Visit>
void troupe_each_field(const chat_answer& object, Visit&& visit) {
  visit("response", object.response);
  visit("model", object.model);
  visit("finish_reason", object.finish_reason);
  const detail::token_counts counts{object.prompt_tokens, object.completion_tokens,
                                    object.prompt_tokens + object.completion_tokens};
  visit("usage", counts);
}

template <class Visit>
void troupe_each_field(chat_answer& object, Visit&& visit) {
  visit("response", object.response);
  visit("model", object.model);
  visit("finish_reason", object.finish_reason);
  detail::token_counts counts;
  visit("usage", counts);
  object.prompt_tokens = counts.prompt_tokens;
  object.completion_tokens = counts.completion_tokens;
}

} // namespace troupe
