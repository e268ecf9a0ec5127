#pragma once

#include "wire.hpp"

#include <troupe/policies/cache.hpp>
#include <troupe/protocol/digest.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace troupe::nodes {

/// One key of one cache.
struct cached_key {
  std::string cache;
  digest key{};
  /// What `home_among` is asked with.
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const cached_key&, const cached_key&) = default;
};

/// How much a cache holds in one process.
struct cache_room {
  std::size_t max_size = 0;
  std::size_t max_bytes = 0;
  friend bool operator==(const cache_room&, const cache_room&) = default;
};

using kept_entry = in_memory_cache::kept;

/// To the home of a key: is there an entry that is younger than `ttl`, and if not, who computes it?
/// `ticket` names the question; it is never used again by who asks.
struct cache_ask {
  cached_key what;
  std::uint64_t ticket = 0;
  std::optional<duration> ttl{};
  bool holds = false; ///< it computes already, a former home has let it; no answer is expected
};

/// The home's answer.
struct cache_answer {
  cached_key what;
  std::uint64_t ticket = 0;
  bool computes = false; ///< who asked is to compute it; what comes along has expired
  kept_entry content{};
};

/// To the home: what was computed. It ends the question or grant of that ticket, if there is one.
struct cache_store {
  cached_key what;
  std::uint64_t ticket = 0;
  kept_entry content{};
  cache_room room{};
};

/// To the home: the question or grant of that ticket has ended without an entry.
struct cache_release {
  cached_key what;
  std::uint64_t ticket = 0;
};

/// To everybody: drop an entry, or all of a cache. Answered by `cache_erased`. Who is told
/// first-hand passes it on to the others before it answers, behind what it had told them of the
/// entry.
struct cache_erase {
  std::uint64_t number = 0;
  std::string cache;
  std::optional<digest> key{};
  bool first_hand = false;
};

struct cache_erased {
  std::uint64_t number = 0;
  bool found = false;
};

/// What coordinators say to each other about caches.
using cache_word =
    std::variant<cache_ask, cache_answer, cache_store, cache_release, cache_erase, cache_erased>;

/// Returns the message; a failure when the entry in it has no plain form or is too large. Times
/// travel as lengths, so each side has a `now`.
[[nodiscard]] outcome<frame> write_word(const cache_word& word, instant now);
[[nodiscard]] outcome<cache_word> read_word(const message& content, instant now);

} // namespace troupe::nodes
