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
  std::erase_if(placements_, [](const auto& each) { return each.second.use_count() == 1; });
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
    if (fits(*each, *found)) found->fitting.push_back(each.get());
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
  auto made = std::make_unique<dispatch>();
  auto& work = *made;
  work.number = id;
  work.request = std::move(request);
  work.reply_to = std::move(reply_to);
  work.since = now;
  by_requester_.emplace(far_key{work.reply_to.get(), work.request.id}, id);
  dispatches_.emplace(id, std::move(made));
  const auto found = branches_.find(number);
  if (closed_) return fail(work, *closed_);
  if (found == branches_.end()) {
    return fail(work, {failure_kind::permanent, "the branch is not deployed any more"});
  }
  work.of = found->second;
  if (auto* to = choose(*work.of->wanted)) return send(work, *to, now);
  enqueue(work, now);
}

// The power of two choices (Mitzenmacher 1996): of two chosen by chance, the less busy one. Only
// when both are full all are looked at.
dispatcher::worker* dispatcher::choose(const placement& wanted) {
  const auto& all = wanted.fitting;
  if (all.empty() || !wanted.queue.empty()) return nullptr;
  const auto count = all.size();
  auto* first = all[count == 1 ? 0 : random_.next() % count];
  auto* second = all[count == 1 ? 0 : random_.next() % count];
  if (second->load() < first->load()) std::swap(first, second);
  if (first->is_free()) return first;
  if (second->is_free()) return second;
  worker* best = nullptr;
  for (auto* each : all) {
    if (each->is_free() && (!best || each->load() < best->load())) best = each;
  }
  return best;
}

void dispatcher::send(dispatch& work, worker& to, instant now) {
  if (to.deployed.insert(work.of->number).second) deploy(*work.of, to);
  auto item = write_request(work.number, work.of->number, work.request, now);
  if (auto written = to.work.add(item); !written) {
    to.touch(touched_);
    return fail(work, {failure_kind::permanent,
                       "the input or context cannot travel to a worker: " + written.why().message});
  }
  to.touch(touched_);
  if (to.work.bytes() >= options_.max_bytes_in_frame) port_.send(to.number, to.work.take());
  work.at = &to;
  work.since = now;
  to.in_flight.insert(work.number);
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
  auto found = true;
  while (found && idle.is_free()) {
    found = false;
    for (const auto& [key, wanted] : placements_) {
      if (wanted->queue.empty() || !idle.is_free()) continue;
      const auto& fitting = wanted->fitting;
      if (std::find(fitting.begin(), fitting.end(), &idle) == fitting.end()) continue;
      auto& next = *wanted->queue.front();
      drop_from_queue(next);
      send(next, idle, now);
      found = true;
    }
  }
}

void dispatcher::cancel(const actors::mailbox* requester, request_id id,
                        const std::shared_ptr<const failure>& reason, instant) {
  const auto found = by_requester_.find({requester, id});
  if (found == by_requester_.end()) return;
  auto& work = *dispatches_.at(found->second);
  if (work.cancelled) return;
  work.cancelled = reason;
  if (work.is_queued) {
    drop_from_queue(work);
    return fail(work, {failure_kind::cancelled, reason->message});
  }
  auto& to = *work.at;
  (void)to.cancels.add(value::list({work.number, reason->message}));
  to.touch(touched_);
}

void dispatcher::answer(dispatch& work, step_result result) {
  if (work.at) work.at->in_flight.erase(work.number);
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
void dispatcher::take_back(dispatch& work, worker& from, instant now) {
  from.in_flight.erase(work.number);
  work.at = nullptr;
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
    auto read = read_result(results.item(index));
    const auto number = results.item(index).at(std::size_t{0});
    const auto* dispatched = number.if_integer();
    const auto found = dispatched ? dispatches_.find(static_cast<dispatch_number>(*dispatched))
                                  : dispatches_.end();
    if (found == dispatches_.end() || found->second->at != &of) {
      ++counters_.fenced;
      continue;
    }
    auto& work = *found->second;
    ++of.done;
    if (!read) {
      fail(work, {failure_kind::permanent, "the result of worker `" + of.facts.identity.name
                                               + "` cannot be read: " + read.why().message});
      continue;
    }
    settle_result(*read, work.request, work.since);
    auto& result = read->result;
    if (result.node.str().empty()) result.node = of.name;
    const usage unseen{result.spent.cost_usd - work.seen.cost_usd,
                       result.spent.tokens - work.seen.tokens};
    if (work.request.meter) work.request.meter->add(unseen);
    if (results.item(index).at(4).if_bool() && !work.cancelled) take_back(work, of, now);
    else answer(work, std::move(result));
  }
  feed(of, now);
}

} // namespace troupe::nodes
