#include "http_rules.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace troupe {

namespace {

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char each) {
    return std::isalnum(static_cast<unsigned char>(each)) != 0
           || std::string_view("!#$%&'*+-.^_`|~").find(each) != std::string_view::npos;
  });
}

bool has_control(std::string_view text, std::string_view allowed) {
  return std::any_of(text.begin(), text.end(), [&](char each) {
    const auto byte = static_cast<unsigned char>(each);
    return (byte < 0x20 || byte == 0x7f) && allowed.find(each) == std::string_view::npos;
  });
}

} // namespace

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (auto& each : result)
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  return result;
}

bool has_header(const http_headers& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const auto& each) { return lower_case(each.first) == name; });
}

bool sends_body(const http_call& call) {
  const auto& method = call.method;
  return !call.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
}

std::vector<std::string> header_lines(const http_call& call) {
  std::vector<std::string> lines;
  for (const auto& [name, content] : call.headers)
    lines.push_back(content.empty() ? name + ';' : name + ": " + content);
  for (const auto* name : {"Content-Type", "Expect"})
    if (!has_header(call.headers, lower_case(name))) lines.push_back(name + std::string(":"));
  return lines;
}

void take_header_line(std::string_view line, http_headers& headers) {
  // An interim answer, such as 103, comes before the real one.
  if (line.starts_with("HTTP/")) headers.clear();
  const auto colon = line.find(':');
  if (colon == line.npos || colon == 0 || line[0] == ' ' || line[0] == '\t') return;
  auto content = line.substr(colon + 1);
  constexpr std::string_view space = " \t\r\n";
  content.remove_prefix(std::min(content.find_first_not_of(space), content.size()));
  content = content.substr(0, content.find_last_not_of(space) + 1);
  headers.emplace_back(lower_case(line.substr(0, colon)), content);
}

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const auto scheme = url.find("://");
  const auto host = scheme == url.npos ? 0 : scheme + 3;
  const auto path = std::min(url.find_first_of("/\\", host), url.size());
  const auto at = url.substr(host, path - host).rfind('@');
  std::string result(url.substr(0, host));
  result += url.substr(at == url.npos ? host : host + at + 1);
  for (auto& each : result)
    if (static_cast<unsigned char>(each) < 0x20 || each == 0x7f) each = '?';
  return result;
}

bool is_secret_name(std::string_view name) {
  const auto key = lower_case(name);
  constexpr std::array whole{"authorization", "proxy-authorization", "cookie", "set-cookie"};
  constexpr std::array parts{"token", "secret", "key", "password", "signature"};
  return std::any_of(whole.begin(), whole.end(), [&](const char* each) { return key == each; })
         || std::any_of(parts.begin(), parts.end(),
                        [&](const char* each) { return key.find(each) != key.npos; });
}

std::optional<std::string> refusal_of(const http_call& call) {
  if (!is_token(call.method)) return "the method is no HTTP method";
  for (const auto& [name, content] : call.headers) {
    if (!is_token(name)) return "a header name has characters that are not allowed in it";
    if (has_control(content, "\t")) return "header " + name + ": the value has control characters";
    const auto key = lower_case(name);
    if (key == "content-length" || key == "transfer-encoding")
      return "header " + name + ": is set by the client itself";
  }
  if (has_control(call.url, "") || call.url.find(' ') != std::string::npos)
    return "the URL has spaces or control characters";
  return {};
}

void redirect(http_call& call, int status, std::string url, bool elsewhere) {
  call.url = std::move(url);
  if (elsewhere)
    std::erase_if(call.headers, [](const auto& each) {
      return is_secret_name(each.first) || lower_case(each.first) == "host";
    });
  const bool see_other = status == 303 && call.method != "HEAD";
  const bool as_browsers_do = (status == 301 || status == 302) && call.method == "POST";
  if (!see_other && !as_browsers_do) return;
  call.method = "GET";
  call.body.clear();
  std::erase_if(call.headers,
                [](const auto& each) { return lower_case(each.first).starts_with("content-"); });
}

std::string too_large(const std::string& what, std::size_t limit) {
  return "the " + what + " is larger than " + std::to_string(limit) + " bytes";
}

std::string too_often(int redirects) {
  return "is redirected more than " + std::to_string(redirects) + " times";
}

failure failure_about(const http_call& call, failure_kind kind, const std::string& why) {
  return {kind, call.method + ' ' + shown_url(call.url) + ": " + why};
}

http_client_options within_reach(http_client_options options) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return options;
  const auto affordable = std::max<std::size_t>(16, files.rlim_cur / 4 * 3);
  options.max_connections = std::min(options.max_connections, affordable);
  return options;
}

} // namespace troupe
