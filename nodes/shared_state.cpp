#include "shared_state.hpp"

#include "wire_values.hpp"

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/digest.hpp>

#include <algorithm>

namespace troupe::nodes {

namespace {

constexpr auto patience_with_lease = std::chrono::seconds(1);
constexpr std::size_t most_heard = 10'000;

/// What an item of a `shared` message is about; its first element.
enum class news_kind : std::uint8_t { standing = 1, wish, lease, probe, spent };

value number(news_kind kind) {
  return static_cast<std::int64_t>(kind);
}

failure malformed(std::string message) {
  return {failure_kind::malformed, std::move(message)};
}

template <class Options>
std::string sum_of(const Options& options) {
  std::vector<std::uint8_t> bytes;
  (void)encode(troupe_describe(options), bytes);
  return to_hex(sha256(bytes));
}

std::vector<value> standing_item(const std::string& name, const std::string& options,
                                 const breaker_standing& at, const breaker_delta& delta) {
  return {number(news_kind::standing),
          name,
          options,
          static_cast<std::int64_t>(at.epoch),
          static_cast<std::int64_t>(at.phase),
          at.failure_count,
          at.success_count,
          at.half_opens_in.count(),
          at.wait.count(),
          delta.succeeded,
          delta.failures_in_a_row,
          delta.calls,
          delta.failed,
          delta.slow};
}

std::vector<value> probe_item(const std::string& name, const breaker_permit& permit,
                              breaker_verdict verdict) {
  return {number(news_kind::probe), name, static_cast<std::int64_t>(permit.epoch),
          static_cast<std::int64_t>(verdict)};
}

int count_at(const value& news, std::size_t index) {
  constexpr std::int64_t most = 1'000'000'000;
  return static_cast<int>(std::clamp<std::int64_t>(integer_of(news.at(index)), 0, most));
}

std::uint64_t epoch_at(const value& news, std::size_t index) {
  return static_cast<std::uint64_t>(integer_of(news.at(index)));
}

breaker_standing standing_of(const value& news) {
  return {.epoch = epoch_at(news, 3),
          .phase = static_cast<breaker_phase>(integer_of(news.at(4))),
          .failure_count = count_at(news, 5),
          .success_count = count_at(news, 6),
          .half_opens_in = duration(std::max<std::int64_t>(0, integer_of(news.at(7)))),
          .wait = duration(std::max<std::int64_t>(1, integer_of(news.at(8))))};
}

breaker_delta delta_of(const value& news) {
  return {.epoch = epoch_at(news, 3),
          .calls = count_at(news, 11),
          .failed = count_at(news, 12),
          .slow = count_at(news, 13),
          .succeeded = flag_of(news.at(9)),
          .failures_in_a_row = count_at(news, 10)};
}

} // namespace

shared_state::shared_state(shared_port& port, std::string own, change_teller changed, warner warn)
    : port_(port), own_(std::move(own)), changed_(std::move(changed)), warn_(std::move(warn)) {}

void shared_state::add(std::shared_ptr<actors::shared_breaker> shared, instant now) {
  const auto options = shared->with([](const breaker_state& state) { return state.options(); });
  auto& entry = breakers_[options.name];
  entry = {.shared = std::move(shared), .options = sum_of(options)};
  if (auto known = heard_.extract(options.name); known) {
    auto& heard = known.mapped();
    if (heard.options == entry.options) {
      heard.standing.half_opens_in =
          std::max(duration::zero(), heard.standing.half_opens_in - (now - heard.at));
      change(options.name, entry, [&](breaker_state& state) { state.adopt(heard.standing, now); });
      entry.sharers = std::move(heard.sharers);
    }
  }
  choose_home(options.name, entry, now);
}

void shared_state::add(std::shared_ptr<actors::shared_rate_limit> shared) {
  const auto options = shared->with([](const token_bucket& bucket) { return bucket.options(); });
  limits_[options.name] = {std::move(shared), sum_of(options)};
}

void shared_state::set_others(std::vector<std::string> others, instant now) {
  const auto is_gone = [&](const std::string& name) {
    return !std::binary_search(others.begin(), others.end(), name);
  };
  for (auto& [name, each] : heard_) std::erase_if(each.sharers, is_gone);
  std::erase_if(heard_, [](const auto& each) { return each.second.sharers.empty(); });
  for (auto& [name, each] : breakers_) {
    std::erase_if(each.sharers, is_gone);
    choose_home(name, each, now);
    each.is_told = false; // who is new has heard nothing
  }
  if (others_.empty()) {
    // What was started while nobody else was there is nothing to them.
    for (auto& [name, each] : limits_) (void)take_spent_of(each);
  }
  others_ = std::move(others);
}

std::int64_t shared_state::take_spent_of(limit_entry& of) {
  return of.shared->with([](token_bucket& bucket) { return bucket.take_spent(); });
}

void shared_state::choose_home(const std::string& name, breaker_entry& of, instant now) {
  std::vector<std::string> members(of.sharers.begin(), of.sharers.end());
  members.push_back(own_);
  of.home = home_among(members, name);
  const auto place = of.sharers.empty() ? breaker_place::alone
                     : of.home == own_  ? breaker_place::home
                                        : breaker_place::guest;
  of.shared->with([&](breaker_state& state) { state.set_place(place); });
  if (place == breaker_place::guest) of.lease.reset(); // its end is told to the new home
  if (of.lease && !of.sharers.contains(of.lease->first)) {
    end_lease(name, of, breaker_verdict::neutral, now);
  }
}

const std::string& shared_state::home_of(const std::string& breaker) const {
  const auto found = breakers_.find(breaker);
  return found == breakers_.end() ? own_ : found->second.home;
}

template <class Use>
void shared_state::change(const std::string& name, breaker_entry& of, Use&& use) {
  const auto [before, after] = of.shared->with([&](breaker_state& state) {
    const auto phase = state.phase();
    use(state);
    return std::pair{phase, state.phase()};
  });
  if (before != after) changed_(name, before, after);
}

void shared_state::say(const std::string& to, const std::vector<value>& item) {
  frame_writer writer(message_kind::shared);
  (void)writer.add_list(item);
  port_.tell_other(to, writer.take());
}

void shared_state::look(instant now) {
  if (others_.empty()) return;
  frame_writer news(message_kind::shared);
  for (auto& [name, each] : breakers_) {
    look_at(name, each, now, news);
    speak_with_home(name, each, now);
  }
  for (auto& [name, each] : limits_) {
    const auto spent = take_spent_of(each);
    const std::vector<value> item{number(news_kind::spent), name, each.options, spent};
    if (spent != 0) (void)news.add_list(item);
  }
  if (news.items() == 0) return;
  const auto body = news.take();
  for (const auto& each : others_) port_.tell_other(each, body);
}

void shared_state::look_at(const std::string& name, breaker_entry& of, instant now,
                           frame_writer& news) {
  const auto [at, delta] = of.shared->with([&](breaker_state& state) {
    return std::pair{state.standing(now), state.take_delta()};
  });
  const auto is_same = of.told.epoch == at.epoch && of.told.phase == at.phase;
  if (of.is_told && is_same && delta.calls == 0) return;
  of.is_told = true;
  of.told = at;
  (void)news.add_list(standing_item(name, of.options, at, delta));
}

void shared_state::speak_with_home(const std::string& name, breaker_entry& of, instant now) {
  struct {
    std::optional<std::pair<breaker_permit, breaker_verdict>> probe;
    std::optional<breaker_permit> unused;
    bool wishes;
  } open;
  of.shared->with([&](breaker_state& state) {
    open = {state.take_probe(), state.return_lease(now - patience_with_lease), state.take_wish()};
  });
  if (open.unused) open.probe = {*open.unused, breaker_verdict::neutral};
  if (open.probe) {
    const auto permit = open.probe->first;
    const auto verdict = open.probe->second;
    if (of.home != own_) {
      say(of.home, probe_item(name, permit, verdict));
    } else {
      change(name, of, [&](breaker_state& state) { state.record(permit, verdict, {}, now); });
    }
  }
  if (open.wishes && of.home != own_) say(of.home, {number(news_kind::wish), name});
}

outcome<bool> shared_state::take(const std::string& from, const message& content, instant now) {
  for (std::size_t index = 0; index < content.size(); ++index) {
    auto taken = take_item(from, content.item(index), now);
    if (!taken) return taken;
  }
  return true;
}

outcome<bool> shared_state::take_item(const std::string& from, const value& news, instant now) {
  if (text_of(news.at(1)).empty()) return malformed("news of what has no name");
  switch (static_cast<news_kind>(integer_of(news.at(0)))) {
  case news_kind::standing: return take_standing(from, news, now);
  case news_kind::wish: take_wish(from, news, now); return true;
  case news_kind::lease: take_lease(from, news, now); return true;
  case news_kind::probe: take_probe(from, news, now); return true;
  case news_kind::spent: take_spent(from, news, now); return true;
  }
  return malformed("news of an unknown kind");
}

outcome<bool> shared_state::take_standing(const std::string& from, const value& news, instant now) {
  const auto phase = integer_of(news.at(4), -1);
  if (phase < 0 || phase > static_cast<std::int64_t>(breaker_phase::disabled))
    return malformed("a breaker in no known state");
  if (integer_of(news.at(3), -1) < 0) return malformed("a breaker whose changes were not counted");
  const auto theirs = standing_of(news);
  const auto name = text_of(news.at(1));
  const auto options = text_of(news.at(2));
  const auto found = breakers_.find(name);
  if (found == breakers_.end()) {
    keep(from, name, options, theirs, now);
    return true;
  }
  auto& mine = found->second;
  if (!fits("breaker", name, mine, options, from)) return true;
  if (mine.sharers.insert(from).second) choose_home(name, mine, now);
  std::optional<breaker_standing> ahead;
  change(name, mine, [&](breaker_state& state) {
    state.adopt(theirs, now);
    state.count(delta_of(news), now);
    if (const auto at = state.standing(now); is_ahead(at, theirs)) ahead = at;
  });
  if (!ahead) return true;
  frame_writer answer(message_kind::shared);
  (void)answer.add_list(standing_item(name, mine.options, *ahead, {}));
  port_.tell_other(from, answer.take());
  return true;
}

void shared_state::keep(const std::string& from, const std::string& name, std::string options,
                        const breaker_standing& standing, instant now) {
  if (heard_.size() >= most_heard && !heard_.contains(name)) return;
  auto& heard = heard_[name];
  heard.sharers.insert(from);
  if (!heard.options.empty() && !is_ahead(standing, heard.standing)) return;
  heard.standing = standing;
  heard.at = now;
  heard.options = std::move(options);
}

void shared_state::take_wish(const std::string& from, const value& news, instant now) {
  const auto name = text_of(news.at(1));
  const auto found = breakers_.find(name);
  if (found == breakers_.end()) return;
  auto& mine = found->second;
  // Who takes this node for the home shares it, whether or not that was heard before.
  if (mine.sharers.insert(from).second) choose_home(name, mine, now);
  std::optional<breaker_permit> permit;
  breaker_standing at;
  change(name, mine, [&](breaker_state& state) {
    permit = state.lease(now);
    at = state.standing(now);
  });
  if (!permit) return;
  mine.lease = {from, *permit};
  frame_writer answer(message_kind::shared);
  (void)answer.add_list(standing_item(name, mine.options, at, {}));
  const std::vector<value> lease{number(news_kind::lease), name,
                                 static_cast<std::int64_t>(permit->epoch)};
  (void)answer.add_list(lease);
  port_.tell_other(from, answer.take());
}

void shared_state::take_lease(const std::string& from, const value& news, instant now) {
  const auto name = text_of(news.at(1));
  const auto found = breakers_.find(name);
  const auto epoch = epoch_at(news, 2);
  const auto taken =
      found != breakers_.end() && found->second.shared->with([&](breaker_state& state) {
        return state.take_lease(epoch, now);
      });
  if (!taken) say(from, probe_item(name, {epoch, true}, breaker_verdict::neutral));
}

void shared_state::take_probe(const std::string& from, const value& news, instant now) {
  const auto name = text_of(news.at(1));
  const auto found = breakers_.find(name);
  if (found == breakers_.end()) return;
  auto& mine = found->second;
  if (mine.lease && mine.lease->first == from) mine.lease.reset();
  const auto verdict = integer_of(news.at(3), 2);
  const breaker_permit permit{epoch_at(news, 2), true};
  change(name, mine, [&](breaker_state& state) {
    state.record(permit,
                 verdict == 0   ? breaker_verdict::success
                 : verdict == 1 ? breaker_verdict::failure
                                : breaker_verdict::neutral,
                 {}, now);
  });
}

void shared_state::end_lease(const std::string& name, breaker_entry& of, breaker_verdict verdict,
                             instant now) {
  const auto permit = std::exchange(of.lease, std::nullopt)->second;
  change(name, of, [&](breaker_state& state) { state.record(permit, verdict, {}, now); });
}

void shared_state::take_spent(const std::string& from, const value& news, instant now) {
  const auto name = text_of(news.at(1));
  const auto found = limits_.find(name);
  if (found == limits_.end()) return;
  if (!fits("rate limit", name, found->second, text_of(news.at(2)), from)) return;
  found->second.shared->with(
      [&](token_bucket& bucket) { bucket.spend(integer_of(news.at(3)), now); });
}

template <class Entry>
bool shared_state::fits(const char* kind, const std::string& name, Entry& mine,
                        const std::string& theirs, const std::string& from) {
  if (mine.options == theirs) return true;
  if (!std::exchange(mine.misfits, true)) {
    warn_(std::string(kind) + " `" + name + "` has other options on coordinator `" + from
          + "`, so it is not shared with it");
  }
  return false;
}

} // namespace troupe::nodes
