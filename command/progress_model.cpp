#include "progress_model.hpp"

#include "terminal_text.hpp"

#include <algorithm>
#include <utility>

namespace troupe::detail {

namespace {

using role = outlined_stage::role;
using part = outlined_stage::part;

constexpr std::size_t most_warnings = 20;

bool starts_with(const std::vector<std::uint64_t>& whole,
                 const std::vector<std::uint64_t>& beginning) {
  return whole.size() >= beginning.size()
         && std::equal(beginning.begin(), beginning.end(), whole.begin());
}

bool is_good(const stage_progress& one) {
  using state = stage_progress::state;
  return one.now == state::done || one.now == state::cached || one.now == state::degraded;
}

// Members of these run one after the other.
bool runs_in_order(role what) {
  return what == role::sequence || what == role::loop || what == role::map;
}

} // namespace

progress_model::progress_model(stage_outline outline)
    : outline_(std::move(outline)), repeated_(outline_.stages().size()),
      all_(outline_.stages().size()), breakers_(outline_.stages().size()) {
  const auto& stages = outline_.stages();
  for (std::size_t each = 1; each < stages.size(); ++each) {
    const auto parent = stages[each].parent;
    repeated_[each] = repeated_[parent] || stages[parent].what == role::map;
  }
}

const stage_progress& progress_model::at(std::size_t stage, const repetition& which) const {
  static const stage_progress nothing_yet;
  const auto found = all_[stage].find(which);
  return found == all_[stage].end() ? nothing_yet : found->second;
}

progress_model::spot progress_model::parent_of(const spot& where) const {
  spot parent{outline_.stages()[where.stage].parent, where.which};
  const auto is_item = outline_.stages()[parent.stage].what == role::map;
  if (is_item && !parent.which.empty()) parent.which.pop_back();
  return parent;
}

void progress_model::apply(const run_event& event) {
  if (event.kind == event_kind::run_started) {
    for (auto& instances : all_) {
      for (auto& [which, one] : instances) {
        if (one.now == state::paused) one.now = state::running;
      }
    }
    return open({0, {}}, event.at);
  }
  if (event.kind == event_kind::run_finished) return finish_run(event);
  if (event.kind == event_kind::warning || event.kind == event_kind::stage_restarted) {
    return warn(event);
  }
  // What was left behind may still speak after the run has ended.
  if (at(0).has_ended()) return;
  if (const auto* place = outline_.find(event.path)) on_stage_event(event, *place);
}

void progress_model::warn(const run_event& event) {
  if (warnings_.size() >= most_warnings) {
    ++dropped_warnings_;
    return;
  }
  auto text = std::string(event.step);
  if (!text.empty()) text += ": ";
  if (event.kind == event_kind::stage_restarted) text += "restarted: " + event.why->message;
  else text += event.detail;
  warnings_.push_back(one_line(text));
}

// Finds out which repetition an event is about; a new turn of a loop forgets the one before.
void progress_model::follow_turns(const run_event& event, const outlined_place& place,
                                  spot& where) {
  std::vector<std::uint64_t> indices;
  for (const auto* each = event.turns; each; each = each->outer.get()) {
    indices.push_back(each->index);
  }
  indices.resize(place.turns.size());
  for (auto at = place.turns.size(); at-- > 0;) {
    const auto& [stage, is_map] = place.turns[at];
    if (is_map) {
      where.which.push_back(indices[at]);
      continue;
    }
    auto& loop = progress_of({stage, where.which});
    if (indices[at] <= loop.turn) continue;
    loop.turn = indices[at];
    forget_inside({stage, where.which});
  }
}

// What a stage does after a fallback has taken over for it, or for a stage around it, says nothing
// any more.
bool progress_model::is_late(spot where) const {
  while (where.stage != 0) {
    const auto as = outline_.stages()[where.stage].as;
    if (as == part::undo) return false;
    where = parent_of(where);
    if (as == part::member && at(where.stage, where.which).fallback_active) return true;
  }
  return false;
}

void progress_model::forget_inside(const spot& where) {
  for (auto inside = where.stage + 1; inside < outline_.stages()[where.stage].end; ++inside) {
    std::erase_if(all_[inside],
                  [&](const auto& each) { return starts_with(each.first, where.which); });
  }
}

void progress_model::open(const spot& where, instant at) {
  auto& one = progress_of(where);
  if (one.now == state::backing_off) ++one.attempt;
  if (!one.started) one.started = at;
  one.now = state::running;
}

void progress_model::open_around(spot where, instant at) {
  const auto& stages = outline_.stages();
  while (where.stage != 0 && stages[where.stage].as != part::undo) {
    const auto parent = parent_of(where);
    open(parent, at);
    if (runs_in_order(stages[parent.stage].what) && stages[where.stage].as == part::member) {
      for (const auto before : stages[parent.stage].members) {
        if (before == where.stage) break;
        auto& one = progress_of({before, where.which});
        if (!one.has_ended()) end({before, where.which}, state::done, at);
      }
    }
    where = parent;
  }
}

void progress_model::end(const spot& where, state how, instant at) {
  auto& one = progress_of(where);
  if (!one.started) one.started = at;
  one.now = how;
  one.ended = at;
}

void progress_model::on_stage_event(const run_event& event, const outlined_place& place) {
  spot where{place.stage, {}};
  follow_turns(event, place, where);
  if (is_late(where)) return;
  auto& one = progress_of(where);
  const auto why = event.why ? event.why->message : std::string();
  switch (event.kind) {
  case event_kind::step_started:
    if (one.fallback_active) return;
    open(where, event.at);
    one.attempt = event.attempt;
    one.note.clear();
    return open_around(where, event.at);
  case event_kind::step_finished: return on_step_finished(event, where);
  case event_kind::retry_scheduled: return on_retry(event, where);
  case event_kind::fallback_started:
    open(where, event.at);
    one.fallback_active = true;
    one.message = why;
    one.note = "falling back to " + std::string(event.detail);
    return open_around(where, event.at);
  case event_kind::fallback_succeeded:
    end(where, state::degraded, event.at);
    one.note = "answered by " + std::string(event.detail);
    return conclude_around(where, event.at);
  case event_kind::cache_hit:
    end(where, state::cached, event.at);
    open_around(where, event.at);
    return conclude_around(where, event.at);
  case event_kind::call_rejected:
    one.attempt = std::max(one.attempt, event.attempt);
    [[fallthrough]];
  case event_kind::fallback_failed:
    open_around(where, event.at);
    end(where, state::failed, event.at);
    one.message = why;
    one.note.clear();
    return conclude_around(where, event.at);
  case event_kind::call_waiting:
    open(where, event.at);
    one.note = "waits: " + std::string(event.detail);
    return open_around(where, event.at);
  case event_kind::breaker_changed: {
    const auto after = event.detail.rfind(' ');
    breakers_[place.stage] = event.detail.substr(after + 1);
    if (breakers_[place.stage] == "closed") breakers_[place.stage].clear();
    return;
  }
  case event_kind::hedge_started: one.note = "hedged"; return;
  case event_kind::step_abandoned: one.note = "abandoned"; return;
  case event_kind::run_paused:
    open_around(where, event.at);
    end(where, state::paused, event.at);
    one.message = event.detail;
    return conclude_around(where, event.at);
  default: return;
  }
}

void progress_model::on_retry(const run_event& event, const spot& where) {
  open_around(where, event.at);
  forget_inside(where);
  auto& one = progress_of(where);
  if (!one.started) one.started = event.at;
  one.fallback_active = false;
  one.now = state::backing_off;
  one.attempt = event.attempt;
  one.next_try = later(event.at, event.delay);
  one.message = event.why ? event.why->message : std::string();
  one.note.clear();
}

void progress_model::on_step_finished(const run_event& event, const spot& where) {
  auto& one = progress_of(where);
  // An attempt that was given up may end after the next one has begun, or after another one has
  // won.
  if (one.fallback_active || event.attempt < one.attempt) return;
  const auto cancelled = event.why && event.why->kind == failure_kind::cancelled;
  if (cancelled && is_good(one)) return;
  end(where, !event.why ? state::done : cancelled ? state::cancelled : state::failed, event.at);
  one.message = event.why ? event.why->message : std::string();
  if (event.result) {
    const auto* items = event.result->output.if_list();
    one.items = items ? std::optional(items->size()) : std::nullopt;
  }
  conclude_around(where, event.at);
}

void progress_model::conclude_around(spot where, instant at) {
  const auto& stages = outline_.stages();
  while (stages[where.stage].as == part::member) {
    const auto good = is_good(this->at(where.stage, where.which));
    where = parent_of(where);
    if (where.stage == 0 || this->at(where.stage, where.which).fallback_active) return;
    // Another item may follow; and there may be too many to look at all of them each time.
    if (stages[where.stage].what == role::map && good) return;
    const auto how = conclusion(where);
    if (how == state::running) return;
    end(where, how, at);
  }
}

progress_model::state progress_model::conclusion(const spot& where) const {
  const auto& stage = outline_.stages()[where.stage];
  if (stage.what == role::parallel) return conclusion_of_block(where);
  if (stage.what == role::branch) {
    for (const auto member : stage.members) {
      const auto& one = at(member, where.which);
      if (one.has_ended()) return is_good(one) ? state::done : one.now;
    }
    return state::running;
  }
  if (stage.what == role::map) {
    if (stage.joined && stage.joined->mode != join_mode::all) return state::running;
    const auto items = item_counts(where.stage);
    return items.failed > 0 && items.running == 0 ? state::failed : state::running;
  }
  return conclusion_of_sequence(where);
}

progress_model::state progress_model::conclusion_of_sequence(const spot& where) const {
  const auto& stage = outline_.stages()[where.stage];
  std::size_t good = 0;
  for (const auto member : stage.members) {
    const auto& one = at(member, where.which);
    if (is_good(one)) ++good;
    else if (one.has_ended()) return one.now;
  }
  // Whether a loop goes on is known once it does.
  const auto over = stage.what != role::loop && good == stage.members.size();
  return over ? state::done : state::running;
}

progress_model::state progress_model::conclusion_of_block(const spot& where) const {
  const auto& stage = outline_.stages()[where.stage];
  std::size_t good = 0;
  std::size_t bad = 0;
  std::size_t open = 0;
  bool asks = false;
  for (const auto member : stage.members) {
    const auto& one = at(member, where.which);
    if (is_good(one)) ++good;
    else if (one.now == state::paused) asks = true;
    else if (one.now == state::failed) ++bad;
    else if (!one.has_ended()) ++open;
  }
  const auto rule = stage.joined.value_or(join{});
  const auto of_all = rule.mode == join_mode::all;
  if (of_all && bad > 0) open = 0;
  if (open > 0) return state::running;
  if (asks && bad == 0) return state::paused;
  const auto needed = rule.mode == join_mode::quorum ? static_cast<std::size_t>(rule.quorum) : 1U;
  const auto succeeded = of_all ? bad == 0 && good > 0 : good >= needed;
  if (succeeded) return state::done;
  return bad > 0 ? state::failed : state::cancelled;
}

bool progress_model::has_failed_inside(const spot& where) const {
  for (auto inside = where.stage + 1; inside < outline_.stages()[where.stage].end; ++inside) {
    for (const auto& [which, one] : all_[inside]) {
      if (starts_with(which, where.which) && one.now == state::failed) return true;
    }
  }
  return false;
}

void progress_model::finish_run(const run_event& event) {
  const auto* why = event.why;
  auto how = state::done;
  if (why) {
    how = why->kind == failure_kind::cancelled ? state::cancelled
          : why->kind == failure_kind::paused  ? state::paused
                                               : state::failed;
  }
  for (std::size_t stage = 1; stage < all_.size(); ++stage) {
    for (auto& [which, one] : all_[stage]) {
      const spot where{stage, which};
      const auto is_it = why && why->step == outline_.stages()[stage].label;
      // What was stopped at its limit has not merely been cancelled.
      const auto stopped = how == state::failed && is_it && one.now == state::cancelled;
      if (!one.is_open() && !stopped) continue;
      auto its = how;
      if (how == state::failed && !is_it && !has_failed_inside(where)) its = state::cancelled;
      if (how == state::paused && conclusion(where) != state::paused) its = state::done;
      if (its == state::failed && is_it) one.message = why->message;
      end(where, its, event.at);
    }
  }
  end({0, {}}, how, event.at);
  if (why) progress_of({0, {}}).message = why->message;
}

std::optional<std::size_t> progress_model::items_of(std::size_t map) const {
  const auto& stage = outline_.stages()[map];
  if (stage.has_own_list || repeated_[map]) return std::nullopt;
  const auto& members = outline_.stages()[stage.parent].members;
  const auto own = std::find(members.begin(), members.end(), map);
  if (own == members.end()) return std::nullopt;
  if (own != members.begin()) return at(*std::prev(own)).items;
  return stage.parent == 0 ? input_items_ : std::nullopt;
}

progress_counts progress_model::item_counts(std::size_t map) const {
  struct item {
    std::size_t good = 0;
    bool failed = false;
  };
  std::map<repetition, item> items;
  const auto& members = outline_.stages()[map].members;
  for (const auto member : members) {
    for (const auto& [which, one] : all_[member]) {
      auto& mine = items[which];
      if (is_good(one)) ++mine.good;
      else if (one.has_ended()) mine.failed = true;
    }
  }
  progress_counts counted;
  for (const auto& [which, one] : items) {
    if (one.failed) ++counted.failed;
    else if (one.good == members.size()) ++counted.done;
    else ++counted.running;
  }
  counted.all = items_of(map);
  return counted;
}

progress_counts progress_model::counts(std::size_t stage) const {
  if (outline_.stages()[stage].what == role::map) return item_counts(stage);
  progress_counts counted;
  for (const auto& [which, one] : all_[stage]) {
    if (is_good(one)) ++counted.done;
    else if (one.has_ended()) ++counted.failed;
    else if (one.is_open()) ++counted.running;
  }
  return counted;
}

} // namespace troupe::detail
