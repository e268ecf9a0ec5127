#include <troupe/service/endpoint.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

namespace troupe {

namespace {

failure not_an_endpoint(std::string_view text, const std::string& why) {
  return {failure_kind::malformed,
          "`" + std::string(text) + "` is no HOST:PORT: " + why + " (expected 127.0.0.1:7800)"};
}

} // namespace

std::string to_string(const endpoint& where) {
  const auto port = ':' + std::to_string(where.port);
  if (where.host.find(':') != std::string::npos) return '[' + where.host + ']' + port;
  return where.host + port;
}

outcome<endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  endpoint found{{}, default_port};
  auto rest = text;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return not_an_endpoint(text, "`]` is missing");
    found.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) {
      return not_an_endpoint(text, "something else than a port follows `]`");
    }
  } else {
    const auto colon = rest.find(':');
    found.host = rest.substr(0, colon);
    rest.remove_prefix(std::min(colon, rest.size()));
    if (rest.find(':', 1) != std::string_view::npos && rest.size() > 1) {
      return not_an_endpoint(text, "IPv6 addresses are written in brackets");
    }
  }
  if (found.host.empty()) found.host = "127.0.0.1";
  if (rest.empty()) return found;
  rest.remove_prefix(1);
  const auto* end = rest.data() + rest.size();
  const auto [stop, error] = std::from_chars(rest.data(), end, found.port);
  if (error != std::errc() || stop != end) {
    return not_an_endpoint(text, "the port must be a whole number from 0 to 65535");
  }
  return found;
}

bool is_loopback(const endpoint& where) {
  if (where.host == "localhost" || where.host == "::1") return true;
  // A name that only begins like such an address may lead anywhere.
  in_addr address{};
  return inet_pton(AF_INET, where.host.c_str(), &address) == 1
         && ntohl(address.s_addr) >> 24 == 127;
}

} // namespace troupe
