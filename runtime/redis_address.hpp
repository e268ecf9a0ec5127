#pragma once

#include <troupe/protocol/outcome.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Where a Redis server is, and how to log in there.
struct redis_address {
  std::string host{};
  std::uint16_t port = 6'379;
  int database = 0;
  std::string user{};     ///< empty: the default one
  std::string password{}; ///< empty: none
};

/// Reads `redis://[[user]:password@]host[:port][/database]`; what stands before the `@` may be
/// percent-encoded. A failure repeats nothing of the text, which may hold a password.
[[nodiscard]] outcome<redis_address> parse_redis_url(std::string_view url);

/// The URL without its credentials.
[[nodiscard]] std::string shown(const redis_address& where);

} // namespace troupe
