#include "llm_exchange.hpp"

#include "http_rules.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace troupe {

namespace {

constexpr auto default_base_url = "https://api.openai.com/v1";
constexpr std::size_t max_answer = std::size_t{16} << 20;
constexpr std::int64_t max_tokens = std::int64_t{1} << 40; // of one answer; sums stay exact
constexpr std::array fields_of_ours{"model", "messages", "stream"};

std::string base_url_of(const llm_chat_options& options, const environment& variables) {
  auto url = options.base_url;
  if (url.empty()) url = variables("OPENAI_BASE_URL").value_or("");
  if (url.empty()) url = default_base_url;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// Keys are often read from a file, with its last newline.
std::string key_of(const llm_chat_options& options, const environment& variables) {
  if (options.api_key_env.empty()) return {};
  auto key = variables(options.api_key_env).value_or("");
  key.erase(key.find_last_not_of(" \t\r\n") + 1);
  return key;
}

value to_list(const std::vector<chat_message>& messages) {
  value::list_type items;
  for (const auto& each : messages)
    items.push_back(value::map({{"role", each.role}, {"content", each.content}}));
  return value::list(std::move(items));
}

std::string text_at(const value& content, std::string_view key) {
  const auto item = content.at(key);
  const auto* text = item.if_text();
  return text ? *text : std::string();
}

std::int64_t count_at(const value& content, std::string_view key) {
  const auto item = content.at(key);
  const auto* count = item.if_integer();
  return count ? std::clamp<std::int64_t>(*count, 0, max_tokens) : 0;
}

const token_price* price_of(const llm_chat_options& options, const std::string& answered) {
  auto found = options.prices.find(answered);
  if (found == options.prices.end()) found = options.prices.find(options.model);
  return found == options.prices.end() ? nullptr : &found->second;
}

} // namespace

std::optional<std::string> process_environment(const std::string& name) {
  const char* content = std::getenv(name.c_str());
  if (!content) return {};
  return content;
}

outcome<http_call> llm_call(const llm_chat_options& options,
                            const std::vector<chat_message>& messages,
                            const environment& variables) {
  http_call call;
  call.method = "POST";
  call.url = base_url_of(options, variables) + "/chat/completions";
  call.limit = options.timeout;
  call.max_body = max_answer;
  call.ca_file = options.ca_file;
  if (!options.options.is_null() && !options.options.is_map())
    return failure_about(call, failure_kind::permanent, "`options` is no map of body fields");
  for (const auto* field : fields_of_ours)
    if (options.options.contains(field))
      return failure_about(call, failure_kind::permanent,
                           std::string("`options` may not set `") + field + '`');
  if (!options.options.is_encodable())
    return failure_about(call, failure_kind::malformed,
                         "`options` holds an object without plain form");

  auto all = options.messages;
  all.insert(all.end(), messages.begin(), messages.end());
  auto body = options.options.is_null() ? value::map() : options.options;
  call.body = write_json(body.with("model", options.model).with("messages", to_list(all)));
  call.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  if (const auto key = key_of(options, variables); !key.empty())
    call.headers.emplace_back("Authorization", "Bearer " + key);
  return call;
}

outcome<llm_reply> read_llm_reply(const llm_chat_options& options, const call_label& label,
                                  const http_reply& reply, wall_time now) {
  if (reply.status < 200 || reply.status > 299) return status_failure(label, reply, now);
  const auto body = parse_json(reply.body, {.max_bytes = max_answer, .max_depth = 64});
  if (!body)
    return failure{failure_kind::malformed,
                   label.name + ": the answer is no JSON: " + excerpt(label, body.why().message)};
  const auto choice = body->at("choices").at(std::size_t{0});
  const auto content = choice.at("message").at("content");
  const auto* text = content.if_text();
  if (!text)
    return failure{failure_kind::malformed,
                   label.name + ": the answer has no text: " + excerpt(label, reply.body)};

  llm_reply result;
  result.answer.response = *text;
  result.answer.model = text_at(*body, "model");
  if (result.answer.model.empty()) result.answer.model = options.model;
  result.answer.finish_reason = text_at(choice, "finish_reason");
  const auto used = body->at("usage");
  result.answer.prompt_tokens = count_at(used, "prompt_tokens");
  result.answer.completion_tokens = count_at(used, "completion_tokens");
  result.spent.tokens = result.answer.prompt_tokens + result.answer.completion_tokens;
  if (const auto* price = price_of(options, result.answer.model)) {
    result.price_known = true;
    result.spent.cost_usd =
        (static_cast<double>(result.answer.prompt_tokens) * price->input_usd
         + static_cast<double>(result.answer.completion_tokens) * price->output_usd)
        / 1e6;
  }
  return result;
}

value llm_output(const chat_answer& answer) {
  return value::map(
      {{"response", answer.response},
       {"model", answer.model},
       {"finish_reason", answer.finish_reason},
       {"usage", value::map({{"prompt_tokens", answer.prompt_tokens},
                             {"completion_tokens", answer.completion_tokens},
                             {"total_tokens", answer.prompt_tokens + answer.completion_tokens}})}});
}

value troupe_describe(const llm_chat_options& options) {
  value::map_type prices;
  for (const auto& [model, price] : options.prices)
    prices.emplace_back(
        model, value::map({{"input_usd", price.input_usd}, {"output_usd", price.output_usd}}));
  value::map_type members{
      {"base_url", options.base_url.empty() ? value() : value(described_url(options.base_url))},
      {"api_key_env", options.api_key_env},
      {"model", options.model},
      {"messages", to_list(options.messages)},
      {"options", options.options.plain()},
      {"prices", value::map(std::move(prices))},
      {"timeout", to_string(options.timeout)},
      {"ca_file", options.ca_file.empty() ? value() : value(options.ca_file)},
  };
  std::erase_if(members, [](const auto& each) { return each.second.is_null(); });
  return value::map(std::move(members));
}

void troupe_check(const llm_chat_options& options, option_check& report) {
  const auto scheme = lower_case(options.base_url.substr(0, 8));
  report.require(options.base_url.empty() || scheme.starts_with("http://")
                     || scheme.starts_with("https://"),
                 "base_url", "must begin with http:// or https://");
  report.require(!options.model.empty(), "model", "is empty");
  for (const auto& each : options.messages)
    report.require(!each.role.empty(), "messages", "has a message without a role");
  report.require(options.options.is_null() || options.options.is_map(), "options",
                 "is no map of body fields");
  report.require(options.options.is_encodable(), "options", "holds an object without plain form");
  for (const auto* field : fields_of_ours)
    report.require(!options.options.contains(field), "options",
                   std::string("may not set `") + field + '`');
  for (const auto& [model, price] : options.prices)
    for (const double usd : {price.input_usd, price.output_usd})
      report.require(std::isfinite(usd) && usd >= 0, "prices",
                     "for " + model + " has " + std::to_string(usd)
                         + "; prices must be finite and at least 0");
  report.positive("timeout", options.timeout);
}

} // namespace troupe
