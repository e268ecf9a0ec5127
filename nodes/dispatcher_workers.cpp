#include "dispatcher_parts.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

void dispatcher::add_worker(worker_number number, node_facts facts, instant now) {
  auto made = std::make_unique<worker>();
  made->number = number;
  made->name = facts.identity.name;
  made->facts = std::move(facts);
  auto& joined = *workers_.emplace(number, std::move(made)).first->second;
  for (const auto& [key, wanted] : placements_) {
    if (!fits(joined, *wanted)) continue;
    wanted->fitting.push_back(&joined);
    joined.fits.push_back(wanted.get());
  }
  feed(joined, now);
}

void dispatcher::lose_worker(worker_number number, const std::string& why, instant now) {
  const auto found = workers_.find(number);
  if (found == workers_.end()) return;
  const auto gone = std::move(found->second);
  workers_.erase(found);
  std::erase(touched_, gone.get());
  for (auto* wanted : gone->fits) {
    std::erase(wanted->fitting, gone.get());
    if (wanted->fitting.empty()) wanted->lonely_since = now;
  }
  // In the order they were sent, so that the oldest are first in the queue again.
  std::vector<dispatch_number> open;
  for (const auto& [id, work] : dispatches_) {
    if (work.at == gone.get()) open.push_back(id);
  }
  std::sort(open.begin(), open.end());
  for (const auto each : open) {
    const auto work = dispatches_.find(each);
    if (work != dispatches_.end()) lost(work->second, gone->facts.identity, why, now);
  }
}

// The piece of work is the same when a user's retry sends it again as another request.
// Who comes back under its old name after it died is another worker; who was only out of reach is
// not.
std::vector<node_identity> dispatcher::suspect_work(const dispatch& work,
                                                    const node_identity& node) {
  auto key = work.request.run->id().to_string() + work.of->offer.branch.path;
  for (const auto* turn = work.request.turns.get(); turn; turn = turn->outer.get()) {
    key += '#' + std::to_string(turn->index);
  }
  const auto [found, is_new] = suspicions_.try_emplace(key);
  if (is_new) oldest_suspicions_.push_back(key);
  const auto is_known =
      std::any_of(found->second.begin(), found->second.end(),
                  [&](const node_identity& each) { return each.incarnation == node.incarnation; });
  if (!is_known) found->second.push_back(node);
  auto deaths = found->second;
  if (oldest_suspicions_.size() > options_.max_suspicions) {
    suspicions_.erase(oldest_suspicions_.front());
    oldest_suspicions_.pop_front();
  }
  return deaths;
}

void dispatcher::lost(dispatch& work, const node_identity& node, const std::string& why,
                      instant now) {
  leave(work);
  const auto text = "worker `" + node.name + "` was lost while it ran this: " + why;
  if (work.cancelled) {
    return fail(work, {failure_kind::cancelled, work.cancelled->message + " (" + text + ")"});
  }
  const auto deaths = suspect_work(work, node);
  if (deaths.size() >= options_.poison_deaths) {
    ++counters_.quarantined;
    std::string names;
    for (const auto& each : deaths) names += (names.empty() ? "`" : ", `") + each.name + '`';
    return fail(work,
                {failure_kind::permanent, "quarantined: " + std::to_string(deaths.size())
                                              + " different workers died while they ran this: "
                                              + names + "; the last one: " + why});
  }
  if (!work.of->offer.idempotent) return fail(work, {failure_kind::worker_lost, text});
  ++counters_.redispatched;
  const run_event told{.kind = event_kind::warning,
                       .at = now,
                       .run = work.request.run.get(),
                       .step = work.of->offer.name,
                       .attempt = work.request.attempt,
                       .detail = text,
                       .path = work.of->offer.branch.path,
                       .turns = work.request.turns.get()};
  port_.emit(told);
  if (auto* to = choose(*work.of->wanted)) return send(work, *to, now);
  enqueue(work, now);
}

void dispatcher::set_suspect(worker_number number, bool suspect, instant now) {
  const auto found = workers_.find(number);
  if (found == workers_.end() || found->second->suspect == suspect) return;
  found->second->suspect = suspect;
  if (!suspect) feed(*found->second, now);
}

void dispatcher::set_draining(worker_number number) {
  const auto found = workers_.find(number);
  if (found != workers_.end()) found->second->draining = true;
}

void dispatcher::count_usage(const worker& from, const value& item, const usage& spent) {
  const auto number = item.at(std::size_t{0});
  const auto* dispatched = number.if_integer();
  if (!dispatched) return;
  const auto found = dispatches_.find(static_cast<dispatch_number>(*dispatched));
  if (found == dispatches_.end() || found->second.at != &from) return;
  found->second.seen += spent;
  found->second.request.meter->add(spent);
}

void dispatcher::take_progress(worker_number from, const message& progress, instant now) {
  const auto place = workers_.find(from);
  if (place == workers_.end()) return;
  for (std::size_t index = 0; index < progress.size(); ++index) {
    if (const auto spent = read_usage(progress.item(index))) {
      count_usage(*place->second, progress.item(index), *spent);
      continue;
    }
    auto read = read_event(progress.item(index));
    if (!read) continue;
    auto& about = **read;
    const auto found = dispatches_.find(about.dispatch);
    if (found == dispatches_.end() || found->second.at != place->second.get()) continue;
    auto& work = found->second;
    if (about.result && about.result->node.str().empty()) {
      about.result->node = place->second->name;
    }
    auto& event = about.event;
    event.run = work.request.run.get();
    event.node = place->second->name.str();
    event.at = std::min(now, event.run->started() + about.since_start);
    port_.emit(event);
  }
}

void dispatcher::look(instant now) {
  for (const auto& [key, wanted] : placements_) {
    const auto usable = std::any_of(wanted->fitting.begin(), wanted->fitting.end(),
                                    [](const worker* each) { return !each->draining; });
    if (usable) continue;
    std::vector<dispatch*> expired;
    for (auto* each : wanted->queue) {
      const auto since = std::max(each->since, wanted->lonely_since);
      if (now - since >= options_.placement_wait) expired.push_back(each);
    }
    for (auto* each : expired) {
      drop_from_queue(*each);
      fail(*each, {failure_kind::rejected,
                   missing(*wanted) + " for " + troupe::to_string(options_.placement_wait)});
    }
  }
}

void dispatcher::flush() {
  for (auto* each : std::exchange(touched_, {})) {
    each->touched = false;
    if (each->work.items() > 0) port_.send(each->number, each->work.take());
    each->write_cancels();
    if (each->cancels.items() > 0) port_.send(each->number, each->cancels.take());
  }
}

void dispatcher::close(const std::shared_ptr<const failure>& why, instant) {
  closed_ = why;
  while (!dispatches_.empty()) {
    auto& work = dispatches_.begin()->second;
    if (work.is_queued) drop_from_queue(work);
    fail(work, *why);
  }
}

std::string dispatcher::missing(const placement& wanted) const {
  std::string labels;
  for (const auto& [name, content] : wanted.labels) {
    labels += (labels.empty() ? " with label " : ", ") + name + '=' + content;
  }
  std::string types;
  if (!wanted.pipeline.empty()) {
    types = " that has this C++ pipeline registered";
  } else {
    for (const auto& type : wanted.step_types) {
      const auto known = std::any_of(workers_.begin(), workers_.end(), [&](const auto& each) {
        const auto& all = each.second->facts.step_types;
        return std::binary_search(all.begin(), all.end(), type);
      });
      if (!known || workers_.empty()) types += (types.empty() ? " that knows `" : "`, `") + type;
    }
    if (!types.empty()) types += '`';
  }
  const auto connected = std::to_string(workers_.size());
  return "no worker" + labels + types + " (" + connected
         + (workers_.size() == 1 ? " worker is connected)" : " workers are connected)");
}

dispatcher::worker_load dispatcher::load_of(worker_number number) const {
  const auto found = workers_.find(number);
  if (found == workers_.end()) return {};
  const auto& of = *found->second;
  return {of.in_flight, of.facts.credit, of.done, of.suspect, of.draining};
}

std::vector<dispatcher::standing> dispatcher::standings(const run_id& run, std::size_t most) const {
  std::vector<standing> all;
  for (const auto& [number, work] : dispatches_) {
    if (all.size() == most) break;
    if (!work.of || work.request.run->id() != run) continue;
    standing one{work.of->offer.name, work.of->offer.branch.path, "running", {}, {}, work.since};
    if (work.at) {
      one.node = work.at->facts.identity.name;
      one.text = "running on `" + one.node + "`";
      if (work.at->suspect) one.text += ", of which nothing is heard";
      if (work.cancelled) {
        one.code = "cancelling";
        one.text = "told to stop on `" + one.node + "`: " + work.cancelled->message;
      }
    } else {
      const auto& wanted = *work.of->wanted;
      one.code = wanted.fitting.empty() ? "no_worker" : "queued";
      one.text = wanted.fitting.empty() ? missing(wanted)
                                        : "every worker that fits is busy; "
                                              + std::to_string(wanted.queue.size()) + " wait";
    }
    all.push_back(std::move(one));
  }
  return all;
}

} // namespace troupe::nodes
