#include "gate_call.hpp"

#include <troupe/actors/cache_keeper.hpp>
#include <troupe/actors/stage_engine.hpp>
#include <troupe/actors/step_host.hpp>

namespace troupe::actors {

namespace {

cache_entry make_entry(const step_result& result, const context& before, instant now) {
  auto kept = std::make_shared<step_result>(result);
  kept->ctx = {};
  kept->step_history.clear();
  if (kept->metadata().undone_by) {
    // Whether this run undoes it says nothing to others.
    kept->edit_metadata([](step_metadata& metadata) { metadata.undone_by.reset(); });
  }
  cache_entry entry{std::move(kept), {}, now};
  if (result.ctx.data().same_version(before.data())) return entry;
  for (const auto& change : value_tree::diff(before.data(), result.ctx.data())) {
    entry.changes.emplace_back(change.key,
                               change.after ? std::optional(*change.after) : std::nullopt);
  }
  return entry;
}

std::shared_ptr<const cache_entry> share_entry(const step_result& result, const context& before,
                                               instant now) {
  return std::make_shared<const cache_entry>(make_entry(result, before, now));
}

// The result as a call that starts from `before` would have got it.
step_result replay(const cache_entry& entry, const context& before) {
  auto result = *entry.result;
  result.ctx = before;
  for (const auto& [key, content] : entry.changes) {
    if (content) result.ctx.set(key, *content);
    else result.ctx.erase(key);
  }
  return result;
}

void mark_as_hit(step_result& result) {
  static const auto mark = [] {
    step_metadata only;
    only.cache_hit = true;
    return std::make_shared<const step_metadata>(std::move(only));
  }();
  if (!result.metadata_) result.metadata_ = mark;
  else result.edit_metadata([](step_metadata& metadata) { metadata.cache_hit = true; });
}

void put(const cache_keeper& home, const digest& key, cache_entry entry,
         std::optional<duration> keep, instant now) {
  auto* waiting = home.shared->waiting_backend();
  if (!waiting) return home.shared->backend().put(key, std::move(entry), keep, now);
  // Nobody waits until it is stored: a look that starts later is answered later.
  auto why = waiting->start_put(key, entry, keep, [errors = home.shared->errors] { ++*errors; });
  if (why) throw step_error(*std::move(why));
}

// What both kinds of calls share: filling the cache with a result.
void store(const cache_keeper& home, const digest& key, const step_result& result,
           const context& before, instant now) {
  const auto& options = home.options;
  if (result.success()) {
    if (!options.store_fallbacks && result.metadata().fallback_triggered) return;
    std::optional<duration> keep = options.ttl;
    if (keep && options.stale_if_error) *keep += *options.stale_if_error;
    put(home, key, make_entry(result, before, now), keep, now);
  } else if (options.negative_ttl && !ends_the_run(*result.why)) {
    put(home, key, make_entry(result, before, now), options.negative_ttl, now);
  }
}

} // namespace

/// Renews an entry while its old value is still being served. Nobody waits for its result.
class refresh_call final : public call {
public:
  refresh_call(const cache_keeper& home, const digest& key) : home_(home), key_(key) {}
  ~refresh_call() override {
    if (leading_) home_.shared->leave(key_, where_);
  }

private:
  void start() override {
    where_ = address();
    const auto role = home_.shared->join(key_, where_, home_.shared->ended());
    if (role == shared_cache::role::waiter) home_.shared->leave(key_, where_);
    if (role != shared_cache::role::leader) return answer(blank_result());
    leading_ = true;
    send(0, home_.child, request());
  }

  void on_result(std::uint64_t, step_result&& result) override {
    try {
      if (result.success()) store(home_, key_, result, request().ctx, now());
    } catch (const std::exception& error) {
      ++*home_.shared->errors;
      warn(std::string("a renewed value could not be stored: ") + error.what());
    }
    // Without a result for others, the first who waits takes over when this call goes.
    if (result.success() || !ends_the_run(*result.why)) {
      leading_ = false;
      home_.shared->share(key_, [&] { return share_entry(result, request().ctx, now()); });
    }
    answer(std::move(result));
  }

  const cache_keeper& home_;
  digest key_;
  call_address where_;
  bool leading_ = false;
};

class cache_call final : public gate_call {
public:
  explicit cache_call(const cache_keeper& home)
      : gate_call(home.child, home.remembers), home_(home), shared_(*home.shared) {}
  ~cache_call() override {
    if (looking_) shared_.end_look(key_);
    if (in_flight_) shared_.leave(key_, where_);
  }

private:
  void start() override {
    uncached_ = true;
    if (undoes_only()) return;
    uncached_ = false;
    if (!choose_key()) return run_uncached();
    if (was_let_in()) return pass_on(); // what comes is kept for others
    if (shared_.waiting_backend()) return ask();
    for (;;) {
      const auto seen = shared_.ended();
      if (!look_up()) return;
      where_ = address();
      if (take_part(shared_.join(key_, where_, seen))) return;
    }
  }

  // Returns false when the cache has to be looked into once more.
  bool take_part(shared_cache::role role) {
    if (role == shared_cache::role::look_again) return false;
    in_flight_ = true;
    if (role == shared_cache::role::leader) lead();
    else emit({.kind = event_kind::call_waiting, .detail = "the same request is being computed"});
    return true;
  }

  // Looks into a backend that answers later; `on_found` goes on.
  void ask() {
    if (!look_near()) return;
    where_ = address();
    seen_ = shared_.begin_look(key_);
    looking_ = true;
    // The answer comes in real time.
    auto clock = engine().services().hold_clock();
    const auto asked = attempt("reading it", [&] {
      shared_.waiting_backend()->start_get(
          key_, now(),
          [where = where_, clock = std::move(clock)](waiting_cache_backend::found answer) mutable {
            where.send({shared_cache::found_signal,
                        std::make_shared<waiting_cache_backend::found>(std::move(answer))});
            clock.reset();
          });
    });
    if (!asked) run_uncached();
  }

  void on_found(const waiting_cache_backend::found& answer) {
    if (!answer.warning.empty()) warn(answer.warning);
    if (answer.failed) {
      ++*shared_.errors;
      return run_uncached();
    }
    if (answer.entry && !is_of_no_use(answer.entry)) return;
    looking_ = false;
    if (!take_part(shared_.join_after_look(key_, where_, seen_))) ask();
  }

  // Runs something of the user's; when it throws, the step goes uncached.
  template <class Attempt>
  bool attempt(const char* what, Attempt&& body) {
    try {
      body();
      return true;
    } catch (...) {
      ++*shared_.errors;
      warn("the cache is passed by, " + std::string(what)
           + " failed: " + current_failure().message);
      return false;
    }
  }

  bool choose_key() {
    return attempt("its key", [&] {
      const auto& by_user = home_.options.key;
      key_ = (by_user ? cache_key(home_.definition, by_user(request().input, request().ctx))
                      : cache_key(home_.definition, request().input, request().ctx))
                 .value();
    });
  }

  // Returns true when the step has to run.
  bool look_up() {
    return look([&] { return shared_.backend().get(key_, now()); });
  }

  // Returns true when others have to be asked.
  bool look_near() {
    return look([&] { return shared_.waiting_backend()->get_near(key_, now()); });
  }

  // Returns false when the call is under way or answered.
  template <class Get>
  bool look(Get&& get) {
    std::shared_ptr<const cache_entry> entry;
    if (!attempt("reading it", [&] { entry = get(); })) {
      run_uncached();
      return false;
    }
    return !entry || is_of_no_use(entry);
  }

  // Answers with an entry that may be served; otherwise the step has to run.
  bool is_of_no_use(const std::shared_ptr<const cache_entry>& entry) {
    switch (freshness_of(home_.options, *entry, now())) {
    case freshness::fresh: hit(*entry); return false;
    case freshness::refreshing:
      renew();
      hit(*entry);
      return false;
    case freshness::expired:
      stale_ = entry;
      ++shared_.expirations;
      return true;
    case freshness::gone: ++shared_.expirations; return true;
    }
    return true;
  }

  void renew() {
    auto background = request();
    background.deadline = no_deadline;
    background.saga = nullptr; // it outlives the run
    background.meter = background.run->meter();
    open_detached(std::make_unique<refresh_call>(home_, key_), std::move(background));
  }

  void run_uncached() {
    uncached_ = true;
    count_miss();
    let_in();
  }

  void lead() {
    count_miss();
    let_in();
  }

  void count_miss() {
    ++shared_.misses;
    checkpoint("cache.miss");
    emit({.kind = event_kind::cache_miss});
  }

  void hit(const cache_entry& entry) { answer_as_hit(replay(entry, request().ctx)); }

  void answer_as_hit(step_result&& result) {
    ++shared_.hits;
    checkpoint("cache.hit");
    emit({.kind = event_kind::cache_hit});
    request().run->cache_hit = true;
    result.spent = {};
    result.step_history.clear();
    mark_as_hit(result);
    answer(std::move(result));
  }

  void on_result(std::uint64_t, step_result&& result) override {
    if (uncached_) return answer(std::move(result));
    if (!result.success() && ends_the_run(*result.why)) return answer(std::move(result));
    attempt("writing it", [&] { store(home_, key_, result, request().ctx, now()); });
    if (!std::exchange(in_flight_, false)) return answer(std::move(result));
    if (!result.success() && may_serve_stale()) {
      // The old value stands in; what the failed attempt cost still counts.
      shared_.share(key_, [&] { return stale_; });
      return answer_stale(*result.why, result.spent);
    }
    shared_.share(key_, [&] { return share_entry(result, request().ctx, now()); });
    answer(std::move(result));
  }

  bool may_serve_stale() const { return stale_ && stale_->result->success(); }

  void answer_stale(const failure& why, usage spent) {
    warn("an expired value stands in, the step failed: " + why.message);
    auto result = replay(*stale_, request().ctx);
    result.spent = spent;
    mark_as_hit(result);
    answer(std::move(result));
  }

  void on_signal(signal content) override {
    if (cancel_reason()) return;
    if (content.what == shared_cache::lead_signal) return lead();
    if (content.what == shared_cache::found_signal)
      return on_found(*std::static_pointer_cast<waiting_cache_backend::found>(content.payload));
    in_flight_ = false;
    const auto shared =
        *std::static_pointer_cast<std::shared_ptr<const cache_entry>>(content.payload);
    if (shared->result->success()) return hit(*shared);
    count_miss();
    if (may_serve_stale()) return answer_stale(*shared->result->why, {});
    auto result = replay(*shared, request().ctx);
    result.spent = {};
    answer(std::move(result));
  }

  const cache_keeper& home_;
  shared_cache& shared_;
  digest key_{};
  call_address where_;
  std::shared_ptr<const cache_entry> stale_;
  std::uint64_t seen_ = 0;
  bool looking_ = false;
  bool in_flight_ = false;
  bool uncached_ = false;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, cache_keeper parts) {
  return std::make_unique<straight_stage_of<cache_call, cache_keeper>>(std::move(identity),
                                                                       std::move(parts));
}

} // namespace troupe::actors
