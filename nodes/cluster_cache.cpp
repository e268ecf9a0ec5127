#include "cluster_cache.hpp"

#include <future>
#include <utility>

namespace troupe::nodes {

cluster_cache_backend::cluster_cache_backend(const cache& options,
                                             std::shared_ptr<cache_memories> memories,
                                             exchange_turn turn)
    : name_(options.name), ttl_(options.ttl), room_{options.max_size, options.max_bytes},
      memories_(std::move(memories)), memory_(memories_->of(name_, room_)), turn_(std::move(turn)) {
}

std::shared_ptr<const cache_entry> cluster_cache_backend::get_near(const digest& key, instant now) {
  // What is too old stays for `start_get`, which hands it on one last time.
  const auto kept = memory_->look(key, instant::min());
  return is_servable(kept, ttl_, now) ? kept.entry : nullptr;
}

void cluster_cache_backend::start_get(const digest& key, instant now,
                                      std::function<void(found)> done) {
  {
    const std::scoped_lock lock(mutex_);
    asked_.insert(key);
    notes_.emplace_back([what = cached_key{name_, key}, ttl = ttl_, now,
                         done = std::move(done)](cache_exchange& exchange, instant) {
      exchange.find(what, ttl, now, [done](cache_exchange::found entry) {
        found answer;
        answer.entry = std::move(entry);
        done(std::move(answer));
      });
    });
  }
  pass_on();
}

std::optional<failure> cluster_cache_backend::start_put(const digest& key, const cache_entry& entry,
                                                        std::optional<duration> keep,
                                                        std::function<void()> /*failed*/) {
  put(key, entry, keep, entry.stored);
  return std::nullopt;
}

void cluster_cache_backend::settled(const digest& key, bool awaited) {
  const std::scoped_lock lock(mutex_);
  if (!asked_.contains(key)) return;
  if (!awaited) asked_.erase(key);
  notes_.emplace_back(
      [what = cached_key{name_, key}, awaited](cache_exchange& exchange, instant now) {
        exchange.settled(what, awaited, now);
      });
}

void cluster_cache_backend::pass_on() {
  {
    const std::scoped_lock lock(mutex_);
    if (notes_.empty() || std::exchange(posted_, true)) return;
  }
  turn_.post([self = shared_from_this()](cache_exchange& exchange, instant now) {
    self->carry_out(exchange, now);
  });
}

void cluster_cache_backend::carry_out(cache_exchange& exchange, instant now) {
  std::vector<exchange_turn::job> notes;
  {
    const std::scoped_lock lock(mutex_);
    posted_ = false;
    notes.swap(notes_);
  }
  for (const auto& each : notes) each(exchange, now);
}

std::shared_ptr<const cache_entry> cluster_cache_backend::get(const digest& key, instant now) {
  return memory_->get(key, now);
}

void cluster_cache_backend::put(const digest& key, cache_entry entry, std::optional<duration> keep,
                                instant now) {
  const auto before = memories_->erasures();
  memory_->put(key, entry, keep, now);
  kept_entry content{std::make_shared<const cache_entry>(std::move(entry)), {}};
  if (keep) content.drop_at = later(now, *keep);
  {
    const std::scoped_lock lock(mutex_);
    notes_.emplace_back([what = cached_key{name_, key}, content = std::move(content), room = room_,
                         before, memories = memories_](cache_exchange& exchange, instant in_turn) {
      // What was erased meanwhile is as if it had never been computed.
      if (memories->erasures() != before) exchange.settled(what, true, in_turn);
      else exchange.store(what, content, room, in_turn);
    });
  }
  pass_on();
}

bool cluster_cache_backend::erase(const digest& key) {
  return erase_everywhere(key);
}

void cluster_cache_backend::clear() {
  (void)erase_everywhere(std::nullopt);
}

bool cluster_cache_backend::erase_everywhere(const std::optional<digest>& key) {
  auto answered = std::make_shared<std::promise<bool>>();
  auto answer = answered->get_future();
  turn_.post_now([self = shared_from_this(), key,
                  answered = std::move(answered)](cache_exchange& exchange, instant now) {
    // What was stored before goes, too.
    self->carry_out(exchange, now);
    exchange.erase(self->name_, key, now, [answered](bool any) { answered->set_value(any); });
  });
  if (answer.wait_for(turn_.erase_limit) == std::future_status::ready) {
    try {
      return answer.get();
    } catch (const std::future_error&) {
      // The node has gone, and what was posted with it.
      if (key) return memory_->erase(*key);
      memory_->clear();
      return true;
    }
  }
  throw step_error(failure_kind::transient, "cache `" + name_
                                                + "`: another coordinator has not confirmed that "
                                                  "its entries are gone");
}

std::size_t cluster_cache_backend::size() const {
  return memory_->size();
}

std::size_t cluster_cache_backend::bytes() const {
  return memory_->bytes();
}

std::uint64_t cluster_cache_backend::evictions() const {
  return memory_->evictions();
}

} // namespace troupe::nodes
