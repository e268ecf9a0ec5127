#include "builtin_steps.hpp"
#include "with_reader.hpp"

#include <troupe/runtime/http_steps.hpp>

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace troupe {

namespace {

constexpr std::int64_t most_body = std::int64_t{1} << 30;
constexpr auto placeholder_url = "http://localhost";

/// What the option structs themselves say is wrong.
template <class Options>
std::vector<plan_issue> issues_of(const Options& options) {
  std::vector<plan_issue> issues;
  option_check check("", "", issues);
  troupe_check(options, check);
  return issues;
}

void check_method(const with_reader& reader, const std::string& method) {
  const http_request_options request{.method = method, .url = placeholder_url};
  if (!issues_of(request).empty())
    reader.report("method", "must be an HTTP method such as GET or POST");
}

void check_url(const with_reader& reader, const std::string& url) {
  for (const auto& each : issues_of(http_request_options{.url = url}))
    reader.report("url", each.field == "url" ? each.message
                                             : "must not have spaces or control characters");
}

void check_header(const with_reader& reader, const std::string& name, const std::string& content) {
  http_request_options request{.url = placeholder_url, .headers = {{name, content}}};
  for (const auto& each : issues_of(request)) {
    const auto prefix = "header " + name + ": ";
    reader.report("headers." + name, each.message.starts_with(prefix)
                                         ? each.message.substr(prefix.size())
                                         : "is no name for a header");
  }
}

std::vector<int> read_statuses(const with_reader& reader) {
  const auto given = reader.member("expect_status");
  std::vector<int> statuses;
  const auto take = [&](const with_reader& from, const std::string& name) {
    if (from.content().at(name).is_null()) return from.report(name, "must be an integer, not null");
    const auto status = from.integer(name, 0, 100, 599);
    if (status != 0) statuses.push_back(static_cast<int>(status));
  };
  if (given.is_null()) return statuses;
  const auto* items = given.if_list();
  if (!items) {
    take(reader.inside("", value::map({{"expect_status", given}})), "expect_status");
    return statuses;
  }
  for (std::size_t place = 0; place < items->size(); ++place) {
    const auto name = std::to_string(place);
    take(reader.inside("expect_status", value::map({{name, (*items)[place]}})), name);
  }
  return statuses;
}

void read_body(const with_reader& reader, http_request_options& request) {
  request.json = reader.member("json");
  const auto body = reader.member("body");
  if (const auto* bytes = body.if_binary()) request.body.assign(bytes->begin(), bytes->end());
  else if (const auto* text = body.if_text()) request.body = *text;
  else if (!body.is_null())
    reader.report("body", "must be text or binary, not " + std::string(kind_name(body)));
  if (!request.json.is_null() && !request.body.empty())
    reader.report("body", "is given together with `json`");
}

http_request_options read_request(const with_reader& reader) {
  http_request_options request;
  request.method = reader.text("method", request.method);
  check_method(reader, request.method);
  reader.require("url");
  request.url = reader.text("url");
  if (!request.url.empty() || reader.has("url")) check_url(reader, request.url);
  reader.each_text("headers", false, [&](const std::string& name, const auto& content) {
    request.headers.emplace_back(name, *content);
    check_header(reader, name, *content);
  });
  reader.each_text("query", false, [&](const std::string& name, const auto& content) {
    request.query.emplace_back(name, *content);
  });
  read_body(reader, request);
  request.expect_status = read_statuses(reader);
  request.follow_redirects = static_cast<int>(reader.integer("follow_redirects", 0, 0, 20));
  request.max_body = static_cast<std::size_t>(
      reader.integer("max_body", static_cast<std::int64_t>(request.max_body), 1, most_body));
  request.timeout = reader.length("timeout", true).value_or(request.timeout);
  request.ca_file = reader.text("ca_file");
  request.idempotent = reader.boolean("idempotent", false);
  return request;
}

// GET and HEAD are harmless also where the rest of the request is not known yet.
bool is_harmless(const step_settings& settings) {
  const auto* method = settings.with().find("method");
  if (!method) return true;
  const auto known = settings.fixed("method");
  const auto* text = known.if_text();
  return text && (*text == "GET" || *text == "HEAD");
}

std::vector<chat_message> read_messages(const with_reader& reader) {
  reader.require("messages");
  const auto given = reader.list("messages");
  const auto* items = given.if_list();
  std::vector<chat_message> messages;
  if (!items) return messages;
  if (items->empty()) reader.report("messages", "must have at least one message");
  for (std::size_t place = 0; place < items->size(); ++place) {
    const auto& item = (*items)[place];
    const auto name = "messages." + std::to_string(place);
    if (with_reader::is_unknown(item)) continue;
    if (!item.is_map()) {
      reader.report(name, "must be a map such as {role: user, content: text}");
      continue;
    }
    const auto message = reader.inside(name, item);
    message.only({"role", "content"});
    message.require("role");
    message.require("content");
    chat_message read{message.text("role"), message.text("content")};
    if (message.has("role") && read.role.empty() && message.member("role").is_text())
      message.report("role", "must not be empty");
    messages.push_back(std::move(read));
  }
  return messages;
}

llm_chat_options read_chat(const with_reader& reader, const step_surroundings& surroundings) {
  llm_chat_options chat;
  chat.prices = surroundings.prices;
  chat.base_url = reader.text("base_url");
  for (const auto& each : issues_of(llm_chat_options{.base_url = chat.base_url, .model = "m"}))
    reader.report("base_url", each.message);
  chat.api_key_env = reader.text("api_key_env", chat.api_key_env);
  reader.require("model");
  chat.model = reader.text("model");
  const auto model = reader.member("model");
  if (model.is_text() && chat.model.empty()) reader.report("model", "must not be empty");
  chat.messages = read_messages(reader);
  chat.options = reader.map("options");
  for (const auto* taken : {"model", "messages", "stream"})
    if (chat.options.contains(taken))
      reader.inside("options", chat.options).report(taken, "may not be set here");
  chat.timeout = reader.length("timeout", true).value_or(chat.timeout);
  chat.ca_file = reader.text("ca_file");
  chat.idempotent = reader.boolean("idempotent", false);
  return chat;
}

void ignore(const std::string&, const std::string&) {}

/// Makes what reads the options of one attempt.
template <class Options, class Read>
auto for_each_attempt(const step_settings& settings, Read read) {
  return [settings, read](const value& input, step_context& context) -> outcome<Options> {
    const auto with = settings.resolve(input, context);
    if (!with) return with.why();
    const call_report trouble;
    auto options = read(with_reader(*with, trouble.sink()));
    if (trouble.found()) return *trouble.found();
    return options;
  };
}

std::vector<step_field> http_fields() {
  using enum field_kind;
  return {
      {"method", text, false, "GET"},
      {"url", text, true, "absolute, http or https"},
      {"headers", map, false, "names and values"},
      {"query", map, false, "appended to the URL, escaped"},
      {"json", any, false, "body as JSON; null: none"},
      {"body", any, false, "body as it is, text or binary; not together with json"},
      {"expect_status", any, false, "the status, or a list of those, that is a success; any 2xx"},
      {"follow_redirects", integer, false, "how many, 0 to 20; 0"},
      {"max_body", integer, false, "bytes of the answer, after decompression; 16 MiB"},
      {"timeout", length, false, "for the whole exchange; 60s"},
      {"ca_file", text, false, "PEM file of trusted certificates; what the system trusts"},
      {"idempotent", boolean, false, "doing it twice does no harm; GET and HEAD"},
  };
}

std::vector<step_field> chat_fields() {
  using enum field_kind;
  return {
      {"model", text, true, "which model to ask"},
      {"messages", list, true, "maps with role and content"},
      {"base_url", text, false, "with the version; OPENAI_BASE_URL or https://api.openai.com/v1"},
      {"api_key_env", text, false, "environment variable that holds the key; OPENAI_API_KEY"},
      {"options", map, false, "further fields of the body"},
      {"timeout", length, false, "for the whole exchange; 60s"},
      {"ca_file", text, false, "PEM file of trusted certificates; what the system trusts"},
      {"idempotent", boolean, false, "asking twice does no harm but cost; false"},
  };
}

} // namespace

step_type http_request_step_type() {
  step_type about;
  about.summary = "makes an HTTP request";
  about.keeps_secrets = true;
  about.fields = http_fields();
  about.check = [](const step_settings& settings, const field_report& report) {
    require_constant(settings, report, {"idempotent"});
    (void)read_request(with_reader(settings, report));
  };
  about.make = [](const step_settings& settings) {
    const field_report nobody = ignore;
    const auto known = read_request(with_reader(settings, nobody));
    auto made = detail::http_request_per_attempt(
        settings.with().is_constant() ? &known : nullptr,
        for_each_attempt<http_request_options>(settings, read_request));
    made.idempotent = known.idempotent || is_harmless(settings);
    return made;
  };
  return about;
}

step_type llm_chat_step_type() {
  step_type about;
  about.summary = "asks a chat model of an OpenAI-compatible service";
  about.fields = chat_fields();
  about.check = [](const step_settings& settings, const field_report& report) {
    require_constant(settings, report, {"idempotent"});
    (void)read_chat(with_reader(settings, report), settings.surroundings());
  };
  about.make = [](const step_settings& settings) {
    const field_report nobody = ignore;
    const auto known = read_chat(with_reader(settings, nobody), settings.surroundings());
    auto made = detail::llm_chat_per_attempt(
        settings.with().is_constant() ? &known : nullptr,
        for_each_attempt<llm_chat_options>(settings, [settings](const with_reader& reader) {
          return read_chat(reader, settings.surroundings());
        }));
    made.idempotent = known.idempotent;
    return made;
  };
  return about;
}

} // namespace troupe
