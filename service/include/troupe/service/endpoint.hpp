#pragma once

#include <troupe/protocol/outcome.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Where a process listens, or is to be reached: a host name or address, and a TCP port.
struct endpoint {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0; ///< 0, for listening: any free one
  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// `HOST:PORT`; IPv6 addresses in brackets.
[[nodiscard]] std::string to_string(const endpoint& where);
/// Reads `HOST:PORT`, `[IPV6]:PORT` or `:PORT`; a missing port is `default_port`. `malformed` names
/// what is wrong.
outcome<endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port = 0);
/// True for addresses that only this machine reaches: 127.0.0.0/8, ::1, and `localhost`.
[[nodiscard]] bool is_loopback(const endpoint& where);

} // namespace troupe
