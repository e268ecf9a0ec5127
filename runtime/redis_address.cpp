#include "redis_address.hpp"

#include <charconv>
#include <optional>

namespace troupe {

namespace {

failure bad(std::string_view what) {
  return {failure_kind::permanent,
          "must be redis://[user:password@]host:port[/database]; " + std::string(what)};
}

template <class Number>
std::optional<Number> number_of(std::string_view text, Number most) {
  Number made = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, made);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  if (made < 0 || made > most) return std::nullopt;
  return made;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string made;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      made += text[at];
      continue;
    }
    unsigned code = 0;
    if (text.size() < at + 3) return std::nullopt;
    const auto* end = text.data() + at + 3;
    const auto read = std::from_chars(text.data() + at + 1, end, code, 16);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    made += static_cast<char>(code);
    at += 2;
  }
  return made;
}

bool read_credentials(std::string_view text, redis_address& made) {
  const auto colon = text.find(':');
  // Without a colon it would be a name without a password, or the other way round.
  if (colon == std::string_view::npos) return false;
  const auto user = percent_decoded(text.substr(0, colon));
  const auto password = percent_decoded(text.substr(colon + 1));
  if (!user || !password || password->empty()) return false;
  made.user = *user;
  made.password = *password;
  return true;
}

// `host`, `host:port`, `[::1]:port`
bool read_host(std::string_view text, redis_address& made) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    made.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    made.host = text.substr(0, colon);
    port = colon == std::string_view::npos ? "" : text.substr(colon);
  }
  if (made.host.empty() || made.host.find_first_of(" \t\r\n/?#@") != std::string::npos)
    return false;
  if (port.empty()) return true;
  const auto number = number_of<std::int32_t>(port.substr(1), 65'535);
  if (!port.starts_with(':') || !number || *number == 0) return false;
  made.port = static_cast<std::uint16_t>(*number);
  return true;
}

} // namespace

outcome<redis_address> parse_redis_url(std::string_view url) {
  constexpr std::string_view scheme = "redis://";
  if (url.starts_with("rediss://")) return bad("TLS takes a tunnel, such as stunnel");
  if (!url.starts_with(scheme)) return bad("it does not begin so");
  url.remove_prefix(scheme.size());
  redis_address made;
  if (const auto at = url.rfind('@'); at != std::string_view::npos) {
    if (!read_credentials(url.substr(0, at), made))
      return bad("before the `@` there are no user and password");
    url.remove_prefix(at + 1);
  }
  if (const auto slash = url.find('/'); slash != std::string_view::npos) {
    const auto database = url.substr(slash + 1);
    const auto number = number_of<int>(database, 1'000'000);
    if (!database.empty() && !number) return bad("the database is no number");
    made.database = number.value_or(0);
    url = url.substr(0, slash);
  }
  if (!read_host(url, made)) return bad("host and port are not right");
  return made;
}

std::string shown(const redis_address& where) {
  const auto is_ipv6 = where.host.find(':') != std::string::npos;
  return "redis://" + (is_ipv6 ? '[' + where.host + ']' : where.host) + ':'
         + std::to_string(where.port) + '/' + std::to_string(where.database);
}

} // namespace troupe
