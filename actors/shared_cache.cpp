#include <troupe/actors/shared_cache.hpp>

#include <algorithm>
#include <cstring>

namespace troupe::actors {

namespace {

bool same_call(const call_address& left, const call_address& right) {
  return left.host == right.host && left.call == right.call;
}

std::shared_ptr<cache_backend> backend_for(const cache& options, const std::string& place) {
  if (!options.backend)
    return std::make_shared<in_memory_cache>(options.max_size, options.max_bytes);
  auto part = options.backend->part_of(options.name.empty() ? place : options.name);
  return part ? part : options.backend;
}

} // namespace

shared_cache::shared_cache(cache options, const std::string& place)
    : options_(std::move(options)), backend_(backend_for(options_, place)),
      waiting_(dynamic_cast<waiting_cache_backend*>(backend_.get())) {}

cache_statistics shared_cache::statistics() const {
  cache_statistics all;
  all.hits = hits;
  all.misses = misses;
  all.expirations = expirations;
  all.errors = *errors;
  all.evictions = backend_->evictions();
  all.size = backend_->size();
  all.bytes = backend_->bytes();
  return all;
}

shared_cache::role shared_cache::join(const digest& key, const call_address& who,
                                      std::uint64_t seen) {
  const std::scoped_lock lock(mutex_);
  return take_part(key, who, ended_ != seen);
}

std::uint64_t shared_cache::begin_look(const digest& key) {
  const std::scoped_lock lock(mutex_);
  auto& place = watched_[key];
  ++place.lookers;
  return place.ended;
}

shared_cache::role shared_cache::join_after_look(const digest& key, const call_address& who,
                                                 std::uint64_t seen) {
  role made;
  {
    const std::scoped_lock lock(mutex_);
    const auto outdated = watched_[key].ended != seen;
    const auto last = leave_look(key);
    made = take_part(key, who, outdated);
    // It may find the entry without asking, and then never ends another look.
    if (last && made == role::look_again) note_settled(key);
  }
  if (made == role::look_again) pass_on();
  return made;
}

void shared_cache::end_look(const digest& key) {
  {
    const std::scoped_lock lock(mutex_);
    if (leave_look(key) && !flights_.contains(key)) note_settled(key);
  }
  pass_on();
}

bool shared_cache::leave_look(const digest& key) {
  const auto place = watched_.find(key);
  if (place == watched_.end() || --place->second.lookers > 0) return false;
  watched_.erase(place);
  return true;
}

void shared_cache::note_settled(const digest& key) {
  if (waiting_) waiting_->settled(key, watched_.contains(key));
}

void shared_cache::pass_on() const {
  if (waiting_) waiting_->pass_on();
}

void shared_cache::note_end(const digest& key) {
  ++ended_;
  const auto place = watched_.find(key);
  if (place != watched_.end()) ++place->second.ended;
}

shared_cache::role shared_cache::take_part(const digest& key, const call_address& who,
                                           bool outdated) {
  const auto [place, fresh] = flights_.try_emplace(key);
  if (!fresh) {
    place->second.waiters.push_back(who);
    return role::waiter;
  }
  if (outdated) {
    flights_.erase(place);
    return role::look_again;
  }
  place->second.leader = who;
  return role::leader;
}

std::vector<call_address> shared_cache::end_flight(const digest& key) {
  std::vector<call_address> waiters;
  {
    const std::scoped_lock lock(mutex_);
    note_end(key);
    const auto place = flights_.find(key);
    if (place == flights_.end()) return waiters;
    waiters = std::move(place->second.waiters);
    flights_.erase(place);
    note_settled(key);
  }
  pass_on();
  return waiters;
}

void shared_cache::hand_out(const std::vector<call_address>& waiters,
                            std::shared_ptr<const cache_entry> result) {
  const auto payload = std::make_shared<std::shared_ptr<const cache_entry>>(std::move(result));
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
      note_end(key);
      flights_.erase(place);
      note_settled(key);
    } else {
      next = waiters.front();
      waiters.erase(waiters.begin());
      leader = next;
    }
  }
  if (next.host) next.send({lead_signal, nullptr});
  else pass_on();
}

std::size_t shared_cache::digest_hash::operator()(const digest& key) const noexcept {
  std::size_t hash;
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash;
}

} // namespace troupe::actors
