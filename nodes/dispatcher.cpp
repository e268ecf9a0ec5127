#include "dispatcher_parts.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

dispatcher::dispatcher(dispatcher_options options, dispatch_port& port, std::uint64_t seed,
                       std::uint32_t interests)
    : options_(options), port_(port), random_(seed), interests_(interests) {}

dispatcher::~dispatcher() = default;

std::size_t dispatcher::far_hash::operator()(const far_key& key) const noexcept {
  const auto id = static_cast<std::uint64_t>(key.id);
  return std::hash<const actors::mailbox*>()(key.from) ^ (id * 0x9e3779b97f4a7c15u);
}

branch_number dispatcher::add_branch(branch_offer offer) {
  const auto number = ++last_branch_;
  auto wanted = placement_for(offer);
  branches_.emplace(number,
                    std::make_shared<branch>(branch{number, std::move(offer), std::move(wanted)}));
  return number;
}

void dispatcher::remove_branch(branch_number number) {
  const auto found = branches_.find(number);
  if (found == branches_.end()) return;
  for (const auto& [id, each] : workers_) {
    if (each->deployed.erase(number) == 0) continue;
    port_.send(id, write_frame(message_kind::retire, {number}));
  }
  branches_.erase(found);
  // Work that had not ended may have kept those of branches that were removed before.
  std::erase_if(placements_, [](const auto& each) {
    const auto& wanted = each.second;
    if (wanted.use_count() > 1) return false;
    for (auto* able : wanted->fitting) std::erase(able->fits, wanted.get());
    return true;
  });
}

std::shared_ptr<dispatcher::placement> dispatcher::placement_for(const branch_offer& offer) {
  std::string key;
  auto labels = offer.labels;
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  for (const auto& [name, content] : labels) key += name + '=' + content + '\n';
  for (const auto& type : offer.step_types) key += type + '\t';
  const auto hash = offer.source ? std::string() : to_hex(offer.hash);
  auto& found = placements_[key + '\r' + hash];
  if (found) return found;
  found = std::make_shared<placement>();
  found->labels = std::move(labels);
  found->step_types = offer.step_types;
  found->pipeline = hash;
  for (const auto& [id, each] : workers_) {
    if (!fits(*each, *found)) continue;
    found->fitting.push_back(each.get());
    each->fits.push_back(found.get());
  }
  return found;
}

bool dispatcher::fits(const worker& each, const placement& wanted) {
  const auto& facts = each.facts;
  for (const auto& [name, content] : wanted.labels) {
    const auto label = facts.labels.find(name);
    if (label == facts.labels.end() || label->second != content) return false;
  }
  const auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::binary_search(all.begin(), all.end(), one);
  };
  // A plan made in C++ is known by its hash; its steps have no types.
  if (!wanted.pipeline.empty()) return has(facts.pipelines, wanted.pipeline);
  return std::all_of(wanted.step_types.begin(), wanted.step_types.end(),
                     [&](const std::string& type) { return has(facts.step_types, type); });
}

void dispatcher::start(branch_number number, step_request request,
                       std::shared_ptr<actors::mailbox> reply_to, instant now) {
  const auto id = ++last_dispatch_;
  auto& work = dispatches_[id];
  work.number = id;
  work.request = std::move(request);
  work.reply_to = std::move(reply_to);
  work.since = now;
  by_requester_.emplace(far_key{work.reply_to.get(), work.request.id}, id);
  const auto found = branches_.find(number);
  if (closed_) return fail(work, *closed_);
  if (found == branches_.end()) {
    return fail(work, {failure_kind::permanent, "the branch is not deployed any more"});
  }
  work.of = found->second;
  if (auto* to = choose(*work.of->wanted)) return send(work, *to, now);
  enqueue(work, now);
}

// The power of two choices (Mitzenmacher 1996): of two chosen by chance, the less busy one. When
// both are full, the next one after them that is not.
dispatcher::worker* dispatcher::choose(const placement& wanted) {
  const auto& all = wanted.fitting;
  if (all.empty() || !wanted.queue.empty()) return nullptr;
  const auto count = all.size();
  const auto place = count == 1 ? 0 : random_.next() % count;
  auto* first = all[place];
  auto* second = all[count == 1 ? 0 : random_.next() % count];
  if (second->load() < first->load()) std::swap(first, second);
  if (first->is_free()) return first;
  if (second->is_free()) return second;
  for (std::size_t step = 1; step < count; ++step) {
    auto* next = all[(place + step) % count];
    if (next->is_free()) return next;
  }
  return nullptr;
}

void dispatcher::send(dispatch& work, worker& to, instant now) {
  if (to.deployed.insert(work.of->number).second) deploy(*work.of, to);
  const auto written = write_request(to.work, work.number, work.of->number, work.request, now);
  to.touch(touched_);
  if (!written) {
    return fail(work, {failure_kind::permanent,
                       "the input or context cannot travel to a worker: " + written.why().message});
  }
  if (to.work.bytes() >= options_.max_bytes_in_frame) port_.send(to.number, to.work.take());
  work.at = &to;
  work.since = now;
  ++to.in_flight;
  ++counters_.dispatched;
}

void dispatcher::deploy(const branch& what, worker& to) {
  const auto& offer = what.offer;
  value::map_type about{
      {"branch", what.number},     {"hash", to_hex(offer.hash)},
      {"path", offer.branch.path}, {"shown_as", offer.branch.shown_as},
      {"name", offer.name},        {"interests", interests_},
  };
  if (offer.source) {
    about.emplace_back("file", offer.source->file);
    about.emplace_back("text", offer.source->text);
  }
  // What was gathered for it goes first, so that messages keep their order.
  if (to.work.items() > 0) port_.send(to.number, to.work.take());
  port_.send(to.number, write_frame(message_kind::deploy, {value::map(std::move(about))}));
}

void dispatcher::enqueue(dispatch& work, instant now) {
  auto& wanted = *work.of->wanted;
  if (wanted.queue.size() >= options_.max_queued) {
    ++counters_.refused;
    return fail(work, {failure_kind::rejected,
                       "overload: " + std::to_string(wanted.queue.size())
                           + " requests wait for a worker already, the most that may"});
  }
  work.since = now;
  work.at = nullptr;
  work.place = wanted.queue.insert(wanted.queue.end(), &work);
  work.is_queued = true;
  ++queued_;
}

void dispatcher::drop_from_queue(dispatch& work) {
  work.of->wanted->queue.erase(work.place);
  work.is_queued = false;
  --queued_;
}

// Gives a worker with credit what waits for one like it, a request of each placement in turn.
void dispatcher::feed(worker& idle, instant now) {
  auto in_vain = std::size_t{0};
  while (queued_ > 0 && idle.is_free() && in_vain < idle.fits.size()) {
    const auto& wanted = *idle.fits[idle.turn++ % idle.fits.size()];
    ++in_vain;
    if (wanted.queue.empty()) continue;
    auto& next = *wanted.queue.front();
    drop_from_queue(next);
    send(next, idle, now);
    in_vain = 0;
  }
}

// It is not with its worker any more.
void dispatcher::leave(dispatch& work) {
  if (work.at) --work.at->in_flight;
  work.at = nullptr;
}

void dispatcher::cancel(const actors::mailbox* requester, request_id id,
                        const std::shared_ptr<const failure>& reason, instant) {
  const auto found = by_requester_.find({requester, id});
  if (found == by_requester_.end()) return;
  auto& work = dispatches_.at(found->second);
  if (work.cancelled) return;
  work.cancelled = reason;
  if (work.is_queued) {
    drop_from_queue(work);
    return fail(work, {failure_kind::cancelled, reason->message});
  }
  auto& to = *work.at;
  if (to.reason != reason) to.write_cancels();
  to.reason = reason;
  if (to.to_cancel.empty()) to.to_cancel.emplace_back();
  to.to_cancel.emplace_back(work.number);
  to.touch(touched_);
}

void dispatcher::answer(dispatch& work, step_result result) {
  leave(work);
  by_requester_.erase({work.reply_to.get(), work.request.id});
  result.id = work.request.id;
  const auto to = std::move(work.reply_to);
  dispatches_.erase(work.number);
  ++counters_.answered;
  to->put(actors::result_message{std::move(result)});
}

void dispatcher::fail(dispatch& work, failure why) {
  step_result result;
  if (why.step.empty() && work.of) why.step = work.of->offer.name;
  result.why = std::make_shared<const failure>(std::move(why));
  result.ctx = work.request.ctx;
  result.spent = work.seen;
  answer(work, std::move(result));
}

// A worker that leaves has not finished it.
void dispatcher::take_back(dispatch& work, const worker& from, instant now) {
  leave(work);
  if (!work.of->offer.idempotent) {
    return fail(work, {failure_kind::worker_lost, "worker `" + from.facts.identity.name
                                                      + "` left before it had finished this"});
  }
  ++counters_.redispatched;
  if (auto* to = choose(*work.of->wanted)) send(work, *to, now);
  else enqueue(work, now);
}

void dispatcher::take_results(worker_number from, const message& results, instant now) {
  const auto place = workers_.find(from);
  if (place == workers_.end()) return;
  auto& of = *place->second;
  for (std::size_t index = 0; index < results.size(); ++index) {
    const auto item = results.item(index);
    const auto numbers = answered_by(item);
    if (numbers.empty()) ++counters_.fenced;
    std::optional<outcome<remote_result>> read;
    for (const auto number : numbers) {
      const auto found = dispatches_.find(number);
      if (found == dispatches_.end() || found->second.at != &of) {
        ++counters_.fenced;
        continue;
      }
      if (!read) read = read_result(item);
      if (number == numbers.back())
        take_result(of, found->second, *std::exchange(read, std::nullopt), now);
      else take_result(of, found->second, *read, now);
    }
  }
  feed(of, now);
}

void dispatcher::take_result(worker& of, dispatch& work, outcome<remote_result> read, instant now) {
  ++of.done;
  if (!read) {
    return fail(work, {failure_kind::permanent, "the result of worker `" + of.facts.identity.name
                                                    + "` cannot be read: " + read.why().message});
  }
  settle_result(*read, work.request, work.since);
  auto& result = read->result;
  if (result.node.str().empty()) result.node = of.name;
  const usage unseen{result.spent.cost_usd - work.seen.cost_usd,
                     result.spent.tokens - work.seen.tokens};
  if (work.request.meter) work.request.meter->add(unseen);
  if (read->is_handed_back && !work.cancelled) take_back(work, of, now);
  else answer(work, std::move(result));
}

} // namespace troupe::nodes
