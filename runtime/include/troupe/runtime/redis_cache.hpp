#pragma once

#include <troupe/policies/cache.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace troupe {

struct redis_options {
  duration connect_limit = std::chrono::seconds(1); ///< from the name to the login
  /// How long a command may take; then its step runs uncached.
  duration command_limit = std::chrono::milliseconds(200);
  duration first_pause = std::chrono::milliseconds(100); ///< before the next attempt to connect; …
  duration max_pause = std::chrono::seconds(5);          ///< … it doubles up to this
  std::size_t max_queued = 10'000;                       ///< commands without an answer
  std::size_t max_queued_bytes = std::size_t{256} << 20; ///< that they take
};

/// Keeps the entries of caches in a Redis or Valkey server, for every process that uses it:
/// `cache{.name = "answers", .backend = redis_cache("redis://cache.internal:6379/0")}`.
///
/// `redis://[[user]:password@]host[:port][/database]`; credentials may be percent-encoded and are
/// shown nowhere. Nothing connects before the first lookup. `max_size` and `max_bytes` of the cache
/// do not apply: the server evicts as it is configured. Throws `step_error` when the URL is none.
[[nodiscard]] std::shared_ptr<cache_backend> redis_cache(std::string_view url,
                                                         redis_options options = {});

/// Returns what is wrong with a URL, without repeating any of it; nothing when it is one.
[[nodiscard]] std::optional<failure> check_redis_url(std::string_view url);

} // namespace troupe
