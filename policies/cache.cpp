#include "description.hpp"

#include <troupe/policies/cache.hpp>
#include <troupe/protocol/codec.hpp>

#include <cstring>
#include <functional>
#include <initializer_list>
#include <string_view>

namespace troupe {

namespace {

constexpr std::uint8_t key_version = 1;
constexpr std::size_t entry_overhead = 512; // nodes, pointers, names: what no value counts

// The SHA-256 of the canonical MessagePack of the list [version, definition, kind, parts …].
outcome<digest> sum_of(const digest& definition, std::string_view kind,
                       std::initializer_list<std::reference_wrapper<const value>> parts) {
  constexpr std::size_t max_depth = 129;
  constexpr std::size_t kept = 64 * 1024;
  thread_local std::vector<std::uint8_t> bytes;
  bytes = {static_cast<std::uint8_t>(0x90 | (3 + parts.size())), key_version, 0xc4,
           static_cast<std::uint8_t>(definition.size())};
  bytes.insert(bytes.end(), definition.begin(), definition.end());
  bytes.push_back(static_cast<std::uint8_t>(0xa0 | kind.size()));
  bytes.insert(bytes.end(), kind.begin(), kind.end());
  for (const auto& part : parts) {
    if (auto written = encode(part, bytes, max_depth); !written) return written.why();
  }
  const auto sum = sha256(bytes);
  if (bytes.capacity() > kept) bytes = std::vector<std::uint8_t>();
  return sum;
}

std::size_t bytes_of(const step_result& result) {
  auto bytes = entry_overhead + result.output.approximate_bytes();
  for (const auto& part : result.step_history) bytes += bytes_of(part);
  return bytes;
}

std::size_t bytes_of(const cache_entry& entry) {
  auto bytes = entry.result ? bytes_of(*entry.result) : entry_overhead;
  for (const auto& [key, item] : entry.changes)
    bytes += key.size() + (item ? item->approximate_bytes() : 0);
  return bytes;
}

value backend_of(const cache& options) {
  return options.backend ? description::of_name(options.backend->shown_as()) : value();
}

} // namespace

value troupe_describe(const cache& options) {
  return description::map({
      {"name", description::of_name(options.name)},
      {"scope", describe_scope(options.scope)},
      {"ttl", description::of(options.ttl)},
      {"max_size", options.max_size},
      {"max_bytes", options.max_bytes},
      {"key", description::of(options.key)},
      {"refresh_after", description::of(options.refresh_after)},
      {"stale_if_error", description::of(options.stale_if_error)},
      {"negative_ttl", description::of(options.negative_ttl)},
      {"store_fallbacks", options.store_fallbacks},
      {"backend", backend_of(options)},
  });
}

value troupe_describe_shared(const cache& options) {
  return description::map({{"name", description::of_name(options.name)},
                           {"scope", describe_scope(options.scope)},
                           {"ttl", description::of(options.ttl)},
                           {"max_size", options.max_size},
                           {"max_bytes", options.max_bytes},
                           {"backend", backend_of(options)}});
}

void troupe_check(const cache& options, option_check& report) {
  check_scope(options.scope, options.name, report);
  if (options.ttl) report.positive("ttl", *options.ttl);
  report.at_least("max_size", description::as_signed(options.max_size), 1);
  report.at_least("max_bytes", description::as_signed(options.max_bytes), 1);
  if (options.refresh_after) {
    report.positive("refresh_after", *options.refresh_after);
    report.require(!options.ttl || *options.refresh_after < *options.ttl, "refresh_after",
                   "is " + to_string(*options.refresh_after) + "; it must be below ttl, "
                       + to_string(options.ttl.value_or(duration::zero())));
  }
  if (options.stale_if_error) report.not_negative("stale_if_error", *options.stale_if_error);
  if (options.negative_ttl) report.positive("negative_ttl", *options.negative_ttl);
  report.require(options.input_has_plain_form || options.key, "key",
                 "is needed: the input type has no plain form (see TROUPE_FIELDS)");
}

outcome<digest> cache_key(const digest& definition, const value& input, const context& ctx) {
  static const auto nothing = value::map({});
  const auto entries = ctx.data().size() == 0 ? nothing : ctx.to_value();
  return sum_of(definition, "input", {input, entries});
}

outcome<digest> cache_key(const digest& definition, const value& chosen_key) {
  return sum_of(definition, "key", {chosen_key});
}

std::shared_ptr<cache_backend> cache_backend::part_of(const std::string& /*name*/) {
  return nullptr;
}

std::string cache_backend::shown_as() const {
  return {};
}

std::shared_ptr<const cache_entry> waiting_cache_backend::get_near(const digest& /*key*/,
                                                                   instant /*now*/) {
  return nullptr;
}

void waiting_cache_backend::settled(const digest& /*key*/, bool /*awaited*/) {}

void waiting_cache_backend::pass_on() {}

double cache_statistics::hit_rate() const noexcept {
  const auto used = hits + misses;
  return used == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(used);
}

in_memory_cache::in_memory_cache(std::size_t max_size, std::size_t max_bytes)
    : max_size_(max_size), max_bytes_(max_bytes) {}

in_memory_cache::kept in_memory_cache::look(const digest& key, instant now) {
  std::list<slot> dropped; // destroyed after the lock is gone
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  const auto position = found->second;
  kept made{position->entry, position->drop_at};
  if (made.drop_at && now >= *made.drop_at) drop(position, dropped);
  else by_use_.splice(by_use_.begin(), by_use_, position);
  return made;
}

std::shared_ptr<const cache_entry> in_memory_cache::get(const digest& key, instant now) {
  return look(key, now).entry;
}

void in_memory_cache::put(const digest& key, cache_entry entry, std::optional<duration> keep,
                          instant now) {
  const auto bytes = bytes_of(entry);
  std::list<slot> fresh;
  fresh.push_back({key, std::make_shared<const cache_entry>(std::move(entry)), bytes,
                   keep ? std::optional(later(now, *keep)) : std::nullopt});
  std::list<slot> dropped;
  const std::lock_guard lock(mutex_);
  // Also when the new entry does not fit: the old one is outdated either way.
  if (const auto old = by_key_.find(key); old != by_key_.end()) drop(old->second, dropped);
  if (bytes > max_bytes_ || max_size_ == 0) return;
  by_key_.emplace(key, fresh.begin());
  by_use_.splice(by_use_.begin(), fresh);
  bytes_ += bytes;
  while (by_use_.size() > max_size_ || bytes_ > max_bytes_) {
    drop(std::prev(by_use_.end()), dropped);
    ++evictions_;
  }
}

bool in_memory_cache::erase(const digest& key) {
  std::list<slot> dropped;
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return false;
  drop(found->second, dropped);
  return true;
}

void in_memory_cache::clear() {
  std::list<slot> dropped;
  const std::lock_guard lock(mutex_);
  by_key_.clear();
  dropped.swap(by_use_);
  bytes_ = 0;
}

std::size_t in_memory_cache::size() const {
  const std::lock_guard lock(mutex_);
  return by_use_.size();
}

std::size_t in_memory_cache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::uint64_t in_memory_cache::evictions() const {
  const std::lock_guard lock(mutex_);
  return evictions_;
}

std::size_t in_memory_cache::digest_hash::operator()(const digest& key) const noexcept {
  // A SHA-256 sum is spread evenly, so any of its bytes make a good hash.
  std::size_t hash = 0;
  std::memcpy(&hash, key.data(), sizeof(hash));
  return hash;
}

void in_memory_cache::drop(std::list<slot>::iterator position, std::list<slot>& dropped) {
  by_key_.erase(position->key);
  bytes_ -= position->bytes;
  dropped.splice(dropped.end(), by_use_, position);
}

freshness freshness_of(const cache& options, const cache_entry& entry, instant now) {
  const auto age = now - entry.stored;
  const auto failed = entry.result && !entry.result->success();
  // A failure never stands in for another failure, and is not worth renewing.
  if (failed)
    return options.negative_ttl && age < *options.negative_ttl ? freshness::fresh : freshness::gone;
  if (!options.ttl || age < *options.ttl)
    return options.refresh_after && age >= *options.refresh_after ? freshness::refreshing
                                                                  : freshness::fresh;
  const auto overdue = age - *options.ttl;
  return options.stale_if_error && overdue < *options.stale_if_error ? freshness::expired
                                                                     : freshness::gone;
}

} // namespace troupe
