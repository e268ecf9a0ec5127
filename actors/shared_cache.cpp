#include <troupe/actors/shared_cache.hpp>

#include <algorithm>
#include <cstring>

namespace troupe::actors {

namespace {

bool same_call(const call_address& left, const call_address& right) {
  return left.host == right.host && left.call == right.call;
}

} // namespace

shared_cache::shared_cache(cache options)
    : options_(std::move(options)),
      backend_(options_.backend
                   ? options_.backend
                   : std::make_shared<in_memory_cache>(options_.max_size, options_.max_bytes)) {}

cache_statistics shared_cache::statistics() const {
  cache_statistics all;
  all.hits = hits;
  all.misses = misses;
  all.expirations = expirations;
  all.errors = errors;
  all.evictions = backend_->evictions();
  all.size = backend_->size();
  all.bytes = backend_->bytes();
  return all;
}

shared_cache::role shared_cache::join(const digest& key, const call_address& who,
                                      std::uint64_t seen) {
  const std::scoped_lock lock(mutex_);
  const auto [place, fresh] = flights_.try_emplace(key);
  if (!fresh) {
    place->second.waiters.push_back(who);
    return role::waiter;
  }
  if (ended_ != seen) {
    flights_.erase(place);
    return role::look_again;
  }
  place->second.leader = who;
  return role::leader;
}

void shared_cache::share(const digest& key, const std::shared_ptr<const cache_entry>& result) {
  std::vector<call_address> waiters;
  {
    const std::scoped_lock lock(mutex_);
    ++ended_;
    const auto place = flights_.find(key);
    if (place == flights_.end()) return;
    waiters = std::move(place->second.waiters);
    flights_.erase(place);
  }
  const auto payload = std::make_shared<std::shared_ptr<const cache_entry>>(result);
  for (const auto& waiter : waiters) waiter.send({shared_signal, payload});
}

void shared_cache::leave(const digest& key, const call_address& who) {
  call_address next;
  {
    const std::scoped_lock lock(mutex_);
    const auto place = flights_.find(key);
    if (place == flights_.end()) return;
    auto& [leader, waiters] = place->second;
    if (!same_call(leader, who)) {
      std::erase_if(waiters, [&](const call_address& waiter) { return same_call(waiter, who); });
      return;
    }
    if (waiters.empty()) {
      ++ended_;
      flights_.erase(place);
      return;
    }
    next = waiters.front();
    waiters.erase(waiters.begin());
    leader = next;
  }
  next.send({lead_signal, nullptr});
}

std::size_t shared_cache::digest_hash::operator()(const digest& key) const noexcept {
  std::size_t hash;
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash;
}

} // namespace troupe::actors
