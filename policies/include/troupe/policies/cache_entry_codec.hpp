#pragma once

#include <troupe/policies/cache.hpp>
#include <troupe/protocol/outcome.hpp>

#include <chrono>
#include <span>
#include <vector>

namespace troupe {

/// A cache entry as other processes find it: its bytes, and by the wall clock when it was stored.
struct stored_entry {
  cache_entry entry;
  std::chrono::milliseconds stored{}; ///< since 1970
};

/// The canonical MessagePack of an entry. `malformed` when something in it has no plain form or is
/// larger than what is read back.
outcome<std::vector<std::uint8_t>> encode_entry(const cache_entry& entry,
                                                std::chrono::milliseconds stored);
/// What `encode_entry` wrote; anything else is `malformed`. `entry.stored` is not set.
outcome<stored_entry> decode_entry(std::span<const std::uint8_t> bytes);

/// Entries that take more bytes are neither stored nor read.
inline constexpr std::size_t max_entry_bytes = std::size_t{64} << 20;

} // namespace troupe
