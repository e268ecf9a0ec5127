#include "http_exchange.hpp"

#include "http_rules.hpp"
#include "http_text.hpp"

#include <troupe/protocol/digest.hpp>
#include <troupe/protocol/json.hpp>
#include <troupe/protocol/unicode.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace troupe {

namespace {

constexpr std::size_t excerpt_characters = 200;

std::string with_query(const std::string& url, const http_headers& query) {
  if (query.empty()) return url;
  auto result = url.substr(0, url.find('#'));
  for (const auto& [name, content] : query) {
    const bool first = result.find('?') == std::string::npos;
    if (first) result += '?';
    else if (result.back() != '?' && result.back() != '&') result += '&';
    result += escaped(name) + '=' + escaped(content);
  }
  return result;
}

std::string sum_of(std::string_view secret) {
  return "sha256:"
         + to_hex(sha256({reinterpret_cast<const std::uint8_t*>(secret.data()), secret.size()}));
}

std::string_view reason_of(int status) {
  switch (status) {
  case 300: return " Multiple Choices";
  case 301: return " Moved Permanently";
  case 302: return " Found";
  case 303: return " See Other";
  case 304: return " Not Modified";
  case 307: return " Temporary Redirect";
  case 308: return " Permanent Redirect";
  case 400: return " Bad Request";
  case 401: return " Unauthorized";
  case 402: return " Payment Required";
  case 403: return " Forbidden";
  case 404: return " Not Found";
  case 405: return " Method Not Allowed";
  case 406: return " Not Acceptable";
  case 408: return " Request Timeout";
  case 409: return " Conflict";
  case 410: return " Gone";
  case 413: return " Content Too Large";
  case 415: return " Unsupported Media Type";
  case 422: return " Unprocessable Content";
  case 425: return " Too Early";
  case 429: return " Too Many Requests";
  case 500: return " Internal Server Error";
  case 501: return " Not Implemented";
  case 502: return " Bad Gateway";
  case 503: return " Service Unavailable";
  case 504: return " Gateway Timeout";
  default: return "";
  }
}

failure_kind kind_of(int status) {
  if (status == 429) return failure_kind::rate_limited;
  if (status == 408 || status == 425 || status >= 500) return failure_kind::transient;
  return failure_kind::permanent;
}

bool is_json(const http_reply& reply) {
  const auto* type = find_header(reply, "content-type");
  if (!type) return false;
  auto media = lower_case(std::string_view(*type).substr(0, type->find(';')));
  media.erase(media.find_last_not_of(" \t") + 1);
  return media == "application/json" || media == "text/json" || media.ends_with("+json");
}

outcome<value> body_of(const http_request_options& options, const call_label& label,
                       const http_reply& reply) {
  const auto& body = reply.body;
  if (is_json(reply)) {
    const bool without = reply.status == 204 || reply.status == 205 || reply.status == 304;
    if (body.empty() && (without || options.method == "HEAD")) return value();
    auto content = parse_json(body, {.max_bytes = options.max_body, .max_depth = 64});
    if (content) return content;
    return failure{failure_kind::malformed,
                   label.name + ": the body is no JSON: " + excerpt(label, content.why().message)};
  }
  if (find_invalid(body) == std::string::npos) return value(body);
  return value::binary({body.begin(), body.end()});
}

// Repeated headers are one list in HTTP; only cookies cannot be joined by a comma.
value headers_of(const http_reply& reply) {
  std::map<std::string, std::string> joined;
  for (const auto& [name, content] : reply.headers) {
    const auto [at, is_new] =
        joined.try_emplace(with_replacements(name), with_replacements(content));
    if (!is_new) (at->second += name == "set-cookie" ? "\n" : ", ") += with_replacements(content);
  }
  value::map_type members;
  for (auto& [name, content] : joined) members.emplace_back(name, std::move(content));
  return value::map(std::move(members));
}

value described(const http_headers& pairs) {
  value::list_type items;
  for (const auto& [name, content] : pairs)
    items.push_back(
        value::list({with_replacements(name),
                     is_secret_name(name) ? sum_of(content) : with_replacements(content)}));
  return value::list(std::move(items));
}

void add_secret(std::vector<std::string>& secrets, std::string_view secret) {
  if (secret.empty()) return;
  secrets.emplace_back(secret);
  if (auto plain = unescaped(secret); plain != secret) secrets.push_back(std::move(plain));
}

// The value itself, and what is left without the scheme: `Bearer`, or the name of a cookie.
void add_header_secrets(std::vector<std::string>& secrets, std::string_view content) {
  add_secret(secrets, content);
  if (const auto space = content.find(' '); space != content.npos)
    add_secret(secrets, content.substr(space + 1));
}

void add_cookies(std::vector<std::string>& secrets, std::string_view cookies) {
  while (!cookies.empty()) {
    const auto end = std::min(cookies.find(';'), cookies.size());
    const auto cookie = cookies.substr(0, end);
    if (const auto equals = cookie.find('='); equals != cookie.npos)
      add_secret(secrets, cookie.substr(equals + 1));
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
  }
}

} // namespace

outcome<http_call> http_call_from(const http_request_options& options) {
  http_call call;
  call.method = options.method;
  call.url = with_query(options.url, options.query);
  call.headers = options.headers;
  call.body = options.body;
  call.limit = options.timeout;
  call.follow_redirects = options.follow_redirects;
  call.max_body = options.max_body;
  call.ca_file = options.ca_file;
  if (options.json.is_null()) return call;
  if (!call.body.empty())
    return failure_about(call, failure_kind::permanent, "has both `json` and `body`");
  if (!options.json.is_encodable())
    return failure_about(call, failure_kind::malformed,
                         "`json` holds an object without plain form");
  call.body = write_json(options.json);
  if (!has_header(call.headers, "content-type"))
    call.headers.emplace_back("Content-Type", "application/json");
  return call;
}

call_label label_of(const http_call& call) {
  call_label label{call.method + ' ' + shown_url(call.url)};
  for (const auto& [name, content] : call.headers) {
    if (!is_secret_name(name)) continue;
    add_header_secrets(label.secrets, content);
    if (lower_case(name) == "cookie") add_cookies(label.secrets, content);
  }
  (void)masked_url(call.url, [&](std::string_view secret) {
    add_secret(label.secrets, secret);
    if (const auto colon = secret.find(':'); colon != secret.npos)
      add_secret(label.secrets, secret.substr(colon + 1));
    return std::string();
  });
  std::sort(label.secrets.begin(), label.secrets.end(),
            [](const auto& left, const auto& right) { return left.size() > right.size(); });
  return label;
}

outcome<value> read_http_reply(const http_request_options& options, const call_label& label,
                               const http_reply& reply, wall_time now) {
  const auto& expected = options.expect_status;
  const bool fine = expected.empty()
                        ? reply.status >= 200 && reply.status <= 299
                        : std::count(expected.begin(), expected.end(), reply.status) > 0;
  if (!fine) return status_failure(label, reply, now);
  auto body = body_of(options, label, reply);
  if (!body) return body;
  return value::map(
      {{"status", reply.status}, {"headers", headers_of(reply)}, {"body", *std::move(body)}});
}

failure status_failure(const call_label& label, const http_reply& reply, wall_time now) {
  failure why{kind_of(reply.status)};
  why.message = label.name + ": " + std::to_string(reply.status);
  why.message += reason_of(reply.status);
  if (!reply.body.empty()) why.message += ": " + excerpt(label, reply.body);
  if (why.kind != failure_kind::permanent) why.retry_after = retry_after_of(reply, now);
  return why;
}

std::optional<duration> retry_after_of(const http_reply& reply, wall_time now) {
  constexpr std::chrono::hours most(24 * 365);
  const auto* text = find_header(reply, "retry-after");
  if (!text || text->empty()) return {};
  if (text->find_first_not_of("0123456789") == std::string::npos) {
    std::int64_t count = 0;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), count);
    if (parsed.ec != std::errc()) return most;
    return std::min<duration>(std::chrono::seconds(std::min<std::int64_t>(count, 40'000'000)),
                              most);
  }
  const auto when = parse_http_date(*text, now);
  if (!when) return {};
  // The server's own clock, where it tells: ours may be wrong.
  if (const auto* date = find_header(reply, "date"))
    now = parse_http_date(*date, now).value_or(now);
  return std::clamp<duration>(*when - now, duration::zero(), most);
}

const std::string* find_header(const http_reply& reply, std::string_view name) {
  for (const auto& each : reply.headers)
    if (each.first == name) return &each.second;
  return nullptr;
}

std::string excerpt(const call_label& label, std::string_view text) {
  std::string result;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == excerpt_characters) return result + "…";
    const auto secret = std::find_if(label.secrets.begin(), label.secrets.end(),
                                     [&](const auto& each) { return text.starts_with(each); });
    if (secret != label.secrets.end()) {
      result += "***";
      text.remove_prefix(secret->size());
      continue;
    }
    const std::size_t length = first_code_point(text).length;
    const bool control = static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7f;
    result += control ? " " : with_replacements(text.substr(0, length));
    text.remove_prefix(length);
  }
  return result;
}

std::string described_url(std::string_view url) {
  return with_replacements(masked_url(url, [](std::string_view secret) { return sum_of(secret); }));
}

value troupe_describe(const http_request_options& options) {
  value::list_type statuses(options.expect_status.begin(), options.expect_status.end());
  value body;
  if (find_invalid(options.body) == std::string::npos)
    body = options.body.empty() ? value() : value(options.body);
  else body = value::binary({options.body.begin(), options.body.end()});
  value::map_type members{
      {"method", with_replacements(options.method)},
      {"url", described_url(options.url)},
      {"headers", described(options.headers)},
      {"query", described(options.query)},
      {"json", options.json.plain()},
      {"body", std::move(body)},
      {"expect_status", value::list(std::move(statuses))},
      {"follow_redirects", options.follow_redirects},
      {"max_body", options.max_body},
      {"timeout", to_string(options.timeout)},
      {"ca_file", options.ca_file.empty() ? value() : value(with_replacements(options.ca_file))},
  };
  std::erase_if(members, [](const auto& each) { return each.second.is_null(); });
  return value::map(std::move(members));
}

void troupe_check(const http_request_options& options, option_check& report) {
  const auto scheme = lower_case(options.url.substr(0, 8));
  report.require(scheme.starts_with("http://") || scheme.starts_with("https://"), "url",
                 "must begin with http:// or https://");
  http_call call{.method = options.method, .url = options.url, .headers = options.headers};
  if (const auto reason = refusal_of(call)) report.require(false, "", *reason);
  report.require(options.body.empty() || options.json.is_null(), "json",
                 "is given together with `body`");
  report.require(options.json.is_encodable(), "json", "holds an object without plain form");
  for (const int status : options.expect_status)
    if (status < 100 || status > 599)
      report.require(false, "expect_status",
                     "has " + std::to_string(status) + "; it must be 100 to 599");
  report.at_least("follow_redirects", options.follow_redirects, 0);
  report.at_most("follow_redirects", options.follow_redirects, 20);
  report.require(options.max_body > 0, "max_body", "is 0; it must be at least 1");
  report.positive("timeout", options.timeout);
}

} // namespace troupe
