#include "cache_exchange.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

namespace {

// Names of caches that are kept for others.
constexpr std::size_t max_caches = 10'000;

std::optional<duration> left_of(const kept_entry& content, instant now) {
  return content.drop_at ? std::optional(*content.drop_at - now) : std::nullopt;
}

} // namespace

bool is_servable(const kept_entry& content, const std::optional<duration>& ttl, instant now) {
  if (!content.entry || (content.drop_at && now >= *content.drop_at)) return false;
  return !content.entry->result->success() || !ttl || now - content.entry->stored < *ttl;
}

std::shared_ptr<in_memory_cache> cache_memories::of(const std::string& cache, cache_room room) {
  const std::scoped_lock lock(mutex_);
  auto& [has, memory] = all_[cache];
  if (!memory || !(has == room)) {
    memory = std::make_shared<in_memory_cache>(room.max_size, room.max_bytes);
    has = room;
  }
  return memory;
}

std::shared_ptr<in_memory_cache> cache_memories::find(const std::string& cache) const {
  const std::scoped_lock lock(mutex_);
  const auto place = all_.find(cache);
  return place == all_.end() ? nullptr : place->second.memory;
}

std::shared_ptr<in_memory_cache> cache_memories::find_or_make(const std::string& cache,
                                                              cache_room room) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto place = all_.find(cache); place != all_.end()) return place->second.memory;
    if (all_.size() >= max_caches) return nullptr;
  }
  return of(cache, room);
}

cache_exchange::cache_exchange(shared_port& port, std::shared_ptr<cache_memories> memories,
                               std::string own)
    : port_(port), memories_(std::move(memories)), own_(std::move(own)), members_{own_} {}

void cache_exchange::set_members(const std::string& own, std::vector<std::string> all,
                                 instant now) {
  own_ = own;
  members_ = std::move(all);
  if (std::find(members_.begin(), members_.end(), own_) == members_.end()) members_.push_back(own_);
  const auto is_gone = [this](const std::string& who) {
    return std::find(members_.begin(), members_.end(), who) == members_.end();
  };
  for (auto place = erasures_.begin(); place != erasures_.end();) {
    const auto current = place++;
    const auto awaited = current->second.awaited;
    for (const auto& each : awaited)
      if (is_gone(each)) count_erased(current, each);
  }
  for (auto& [what, asked] : questions_) {
    if (asked.home == home_of(what)) continue;
    if (!is_gone(asked.home)) (void)tell(asked.home, cache_release{what, asked.ticket}, now);
    ask_home(what, asked, now);
  }
  std::vector<cached_key> left;
  for (auto& [what, at] : desks_) {
    if (at.holder && is_gone(at.holder->member)) at.holder.reset();
    std::erase_if(at.waiters, [&](const asker& each) { return is_gone(each.member); });
    if (!at.holder) left.push_back(what);
  }
  for (const auto& what : left) serve(what, look(what, now), now);
  run();
}

void cache_exchange::find(const cached_key& what, std::optional<duration> ttl, instant now,
                          std::function<void(found)> done) {
  const auto near = look(what, now);
  const auto place = questions_.find(what);
  if (is_servable(near, ttl, now)) {
    soon_.emplace_back([done = std::move(done), entry = near.entry] { done(entry); });
  } else if (place == questions_.end()) {
    auto& asked = questions_[what];
    asked.ttl = ttl;
    asked.stale = near.entry;
    asked.askers.push_back(std::move(done));
    ask_home(what, asked, now);
  } else {
    auto& asked = place->second;
    if (near.entry) asked.stale = near.entry;
    asked.askers.push_back(std::move(done));
    if (asked.holding) answer_all(asked, asked.stale);
  }
  run();
}

void cache_exchange::store(const cached_key& what, kept_entry content, cache_room room,
                           instant now) {
  std::uint64_t ticket = 0;
  auto home = home_of(what);
  if (const auto place = questions_.find(what); place != questions_.end()) {
    ticket = place->second.ticket;
    home = place->second.home;
    answer_all(place->second, content.entry);
    questions_.erase(place);
  }
  const auto told = tell(home, cache_store{what, ticket, std::move(content), room}, now);
  // What cannot leave this process stays here, and others compute it for themselves.
  if (!told && ticket != 0) (void)tell(home, cache_release{what, ticket}, now);
  run();
}

void cache_exchange::settled(const cached_key& what, bool awaited, instant now) {
  const auto place = questions_.find(what);
  if (place == questions_.end()) return;
  auto& asked = place->second;
  if (!asked.holding && awaited) return;
  answer_all(asked, nullptr);
  (void)tell(asked.home, cache_release{what, asked.ticket}, now);
  questions_.erase(place);
  run();
}

void cache_exchange::erase(const std::string& cache, std::optional<digest> key, instant now,
                           std::function<void(bool)> done) {
  const auto any = drop(cache, key);
  spread({cache, key, {members_.begin(), members_.end()}, any, std::move(done)}, true, now);
  run();
}

void cache_exchange::spread(erasure what, bool first_hand, instant now) {
  const auto number = ++last_ticket_;
  const auto place = erasures_.emplace(number, std::move(what)).first;
  const auto& all = place->second;
  for (const auto& each : all.awaited)
    if (each != own_) (void)tell(each, cache_erase{number, all.cache, all.key, first_hand}, now);
  count_erased(place, own_);
}

std::optional<failure> cache_exchange::take(const std::string& from, const message& content,
                                            instant now) {
  if (std::find(members_.begin(), members_.end(), from) == members_.end())
    return failure{failure_kind::malformed, "it is no member and speaks of caches"};
  auto word = read_word(content, now);
  if (!word) return word.why();
  std::visit([&](auto& each) { take_word(from, std::move(each), now); }, *word);
  run();
  return std::nullopt;
}

bool cache_exchange::is_for_it(message_kind kind) noexcept {
  return kind >= message_kind::cache_ask && kind <= message_kind::cache_erased;
}

kept_entry cache_exchange::look(const cached_key& what, instant now) const {
  const auto memory = memories_->find(what.cache);
  return memory ? memory->look(what.key, now) : kept_entry{};
}

const std::string& cache_exchange::home_of(const cached_key& what) const {
  return home_among(members_, what.text());
}

void cache_exchange::ask_home(const cached_key& what, question& asked, instant now) {
  asked.home = home_of(what);
  asked.ticket = ++last_ticket_;
  (void)tell(asked.home, cache_ask{what, asked.ticket, asked.ttl, asked.holding}, now);
}

void cache_exchange::answer_all(question& asked, const found& entry) {
  for (auto& each : std::exchange(asked.askers, {}))
    soon_.emplace_back([done = std::move(each), entry] { done(entry); });
}

bool cache_exchange::drop(const std::string& cache, const std::optional<digest>& key) {
  memories_->count_erasure();
  for (auto& [what, asked] : questions_)
    if (what.cache == cache && (!key || what.key == *key)) asked.erased = true;
  const auto memory = memories_->find(cache);
  if (!memory) return false;
  if (key) return memory->erase(*key);
  const auto had_any = memory->size() > 0;
  memory->clear();
  return had_any;
}

void cache_exchange::take_word(const std::string& from, cache_ask word, instant now) {
  auto& at = desks_[word.what];
  const asker who{from, word.ticket, word.ttl};
  std::erase_if(at.waiters, [&](const asker& each) { return each.member == from; });
  if (word.holds) {
    if (!at.holder) at.holder = who;
    return;
  }
  // Its new question may come before what it has stored, when that is long: it computes no more.
  if (at.holder && at.holder->member == from) at.holder.reset();
  at.waiters.push_back(who);
  serve(word.what, look(word.what, now), now);
}

void cache_exchange::take_word(const std::string& from, cache_answer word, instant now) {
  const auto place = questions_.find(word.what);
  // Otherwise the home has been told meanwhile that the question has ended.
  if (place == questions_.end() || place->second.ticket != word.ticket) return;
  auto& asked = place->second;
  if (word.computes) {
    asked.holding = true;
    if (word.content.entry) asked.stale = word.content.entry;
    return answer_all(asked, asked.stale);
  }
  if (const auto memory = memories_->find(word.what.cache);
      memory && from != own_ && !asked.erased) {
    memory->put(word.what.key, *word.content.entry, left_of(word.content, now), now);
  }
  answer_all(asked, word.content.entry);
  questions_.erase(place);
}

void cache_exchange::take_word(const std::string& from, cache_store word, instant now) {
  if (from != own_) {
    if (const auto memory = memories_->find_or_make(word.what.cache, word.room))
      memory->put(word.what.key, *word.content.entry, left_of(word.content, now), now);
  }
  const auto place = desks_.find(word.what);
  if (place == desks_.end()) return;
  leave_desk(place->second, from, word.ticket);
  serve(word.what, word.content, now);
}

void cache_exchange::take_word(const std::string& from, cache_release word, instant now) {
  const auto place = desks_.find(word.what);
  if (place == desks_.end()) return;
  leave_desk(place->second, from, word.ticket);
  serve(word.what, look(word.what, now), now);
}

void cache_exchange::take_word(const std::string& from, cache_erase word, instant now) {
  const auto any = drop(word.cache, word.key);
  auto answer = [this, from, number = word.number, now](bool had_any) {
    (void)tell(from, cache_erased{number, had_any}, now);
  };
  if (!word.first_hand) return answer(any);
  std::set<std::string> others(members_.begin(), members_.end());
  others.erase(from);
  spread({word.cache, word.key, std::move(others), any, std::move(answer)}, false, now);
}

void cache_exchange::take_word(const std::string& from, cache_erased word, instant /*now*/) {
  const auto place = erasures_.find(word.number);
  if (place == erasures_.end()) return;
  // What it had told before came before its answer.
  auto& what = place->second;
  what.found |= drop(what.cache, what.key) || word.found;
  count_erased(place, from);
}

// Answers who can be answered, with what is there.
void cache_exchange::serve(const cached_key& what, const kept_entry& content, instant now) {
  const auto place = desks_.find(what);
  auto& at = place->second;
  std::erase_if(at.waiters, [&](const asker& each) {
    return is_servable(content, each.ttl, now) && give(what, each, content, now);
  });
  if (!at.holder && !at.waiters.empty()) {
    at.holder = at.waiters.front();
    at.waiters.pop_front();
    grant(what, *at.holder, content, now);
  }
  if (!at.holder) desks_.erase(place);
}

void cache_exchange::leave_desk(desk& at, const std::string& member, std::uint64_t ticket) {
  const auto is_it = [&](const asker& each) {
    return each.member == member && each.ticket == ticket;
  };
  if (at.holder && is_it(*at.holder)) at.holder.reset();
  std::erase_if(at.waiters, is_it);
}

bool cache_exchange::give(const cached_key& what, const asker& to, const kept_entry& content,
                          instant now) {
  return tell(to.member, cache_answer{what, to.ticket, false, content}, now);
}

void cache_exchange::grant(const cached_key& what, const asker& to, const kept_entry& content,
                           instant now) {
  // What has no plain form cannot stand in elsewhere.
  if (tell(to.member, cache_answer{what, to.ticket, true, content}, now)) return;
  (void)tell(to.member, cache_answer{what, to.ticket, true, {}}, now);
}

void cache_exchange::count_erased(std::map<std::uint64_t, erasure>::iterator place,
                                  const std::string& member) {
  place->second.awaited.erase(member);
  if (!place->second.awaited.empty()) return;
  soon_.emplace_back(
      [done = std::move(place->second.done), any = place->second.found] { done(any); });
  erasures_.erase(place);
}

// Returns false when it has no plain form.
bool cache_exchange::tell(const std::string& to, cache_word word, instant now) {
  if (to != own_) {
    auto body = write_word(word, now);
    if (!body) return false;
    port_.tell_other(to, *std::move(body));
    return true;
  }
  soon_.emplace_back([this, now, word = std::move(word)]() mutable {
    std::visit([&](auto& each) { take_word(own_, std::move(each), now); }, word);
  });
  return true;
}

void cache_exchange::run() {
  if (std::exchange(running_, true)) return;
  while (!soon_.empty()) {
    const auto next = std::move(soon_.front());
    soon_.pop_front();
    next();
  }
  running_ = false;
}

} // namespace troupe::nodes
