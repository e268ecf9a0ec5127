#include "assert.hpp"
#include "step_signals.hpp"

#include <troupe/actors/stage_engine.hpp>
#include <troupe/actors/step_host.hpp>

#include <exception>
#include <utility>

namespace troupe::actors {

stage_engine::stage_engine(engine_services& services, std::weak_ptr<mailbox> self,
                           std::uint64_t seed)
    : services_(services), self_(std::move(self)), random_(seed), now_(services.now()) {}

stage_engine::~stage_engine() = default;

std::uint32_t stage_engine::add(stage_factory factory) {
  hosted entry{std::move(factory), nullptr, nullptr, restart_budget(services_.restarts)};
  entry.live = entry.make();
  entry.identity = entry.live->share_identity();
  stages_.push_back(std::move(entry));
  return static_cast<std::uint32_t>(stages_.size() - 1);
}

void stage_engine::deliver(message content) {
  refresh_now();
  receive(content);
}

void stage_engine::deliver_all(std::vector<message>& content) {
  if (content.empty()) return;
  refresh_now();
  for (auto& each : content) receive(each);
}

void stage_engine::receive(message& content) {
  std::visit(
      [this](auto& what) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(what)>, wake_message>) take(what);
      },
      content);
}

bool stage_engine::run(std::size_t max_events) {
  refresh_now();
  for (std::size_t handled = 0; handled < max_events; ++handled) {
    handling_since_ = now_;
    if (!queue_.empty()) {
      std::visit([this](auto& what) { handle(what); }, queue_.front());
      queue_.drop();
    } else if (const auto timer = timers_.first_due(now_)) {
      fire(*timer);
    } else {
      return false;
    }
  }
  return !queue_.empty() || timers_.first_due(now_).has_value();
}

// Whatever user code or a stage throws ends here: the stage is restarted, the host lives on.
template <class Handler>
void stage_engine::guarded(call_id id, Handler&& handler) {
  auto* place = find(id);
  if (!place || !place->work) return;
  const auto stage = place->stage;
  try {
    handler(*place->work, *place);
  } catch (const std::exception& error) {
    crash(stage, error.what());
  } catch (...) {
    crash(stage, "an exception that is no std::exception");
  }
  ended_.reset();
}

void stage_engine::handle(start_event& what) {
  guarded(what.call, [](call& work, record& place) {
    if (place.cancelled) return; // the cancel in the queue answers it
    place.begun = true;
    work.start();
  });
}

// Only now the child stops counting as open: whoever sees no open children has seen all results.
void stage_engine::handle(result_event& what) {
  const auto* child = find(what.child);
  if (!child) return dismiss();
  const auto parent = child->parent;
  const auto tag = child->tag;
  unlink(what.child.index);
  release(what.child);
  guarded(parent, [&](call& work, record& place) {
    if (!place.cancelled) return work.on_result(tag, std::move(what.result));
    work.cancel_reason_ = place.cancelled; // the cancel itself may still be in the queue
    work.on_late_result(tag, std::move(what.result));
  });
}

void stage_engine::handle(cancel_event& what) {
  guarded(what.call, [&](call& work, record& place) {
    work.cancel_reason_ = what.reason;
    if (place.begun) work.on_cancel(what.reason);
    else work.answer(work.call::cancelled_result());
  });
}

void stage_engine::handle(signal_event& what) {
  const auto* place = find(what.call);
  if (!place || !place->work) {
    if (what.content.what == step_signals::done) ++services_.late_answers;
    return;
  }
  guarded(what.call, [&](call& work, record&) { work.on_signal(std::move(what.content)); });
}

void stage_engine::fire(timer_queue::handle timer) {
  const auto [id, which] = timers_.at(timer);
  auto& place = records_[id.index];
  // A call has few timers; its list is walked to take this one out.
  if (place.first_timer == timer) {
    place.first_timer = timers_.drop(timer);
  } else {
    auto previous = place.first_timer;
    while (timers_.next_of_call(previous) != timer) previous = timers_.next_of_call(previous);
    timers_.set_next_of_call(previous, timers_.drop(timer));
  }
  guarded(id, [which = which](call& work, record&) { work.on_timer(which); });
}

void stage_engine::take(start_message& content) {
  const far_requests::key key{content.reply_to.get(), content.request.id};
  const auto id = allocate();
  auto& place = records_[id.index];
  place.far_end = std::move(content.reply_to);
  place.far_id = content.request.id;
  far_requests_.add(key, id);
  open(id, content.stage, std::move(content.request));
}

void stage_engine::take(result_message& content) {
  const auto id = to_call_id(content.result.id);
  auto* place = find(id);
  if (!place || place->work || !place->far_end) return dismiss();
  finish(id, std::move(content.result));
}

void stage_engine::take(cancel_message& content) {
  const auto found = far_requests_.find({content.requester, content.request.id});
  if (found) cancel(found, content.request.reason);
}

void stage_engine::take(signal_message& content) {
  queue_.push(signal_event{content.call, std::move(content.content)});
}

void stage_engine::take(close_message& content) {
  closed_ = content.reason;
  for (std::uint32_t index = 0; index < records_.size(); ++index) {
    const auto& place = records_[index];
    if (!place.open || !place.work || place.parent) continue;
    if (!place.work->request_.shielded) cancel({index, place.generation}, closed_);
  }
}

stage_engine::record* stage_engine::find(call_id id) {
  if (id.index >= records_.size()) return nullptr;
  auto& place = records_[id.index];
  return place.open && place.generation == id.generation ? &place : nullptr;
}

call_id stage_engine::allocate() {
  std::uint32_t index;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(records_.size());
    records_.add_place();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  auto& place = records_[index];
  place.open = true;
  if (++place.generation == 0) ++place.generation;
  ++open_calls_;
  return {index, place.generation};
}

void stage_engine::release(call_id id) {
  auto& place = records_[id.index];
  const auto generation = place.generation;
  place = record{};
  place.generation = generation;
  free_.push_back(id.index);
  --open_calls_;
}

void stage_engine::link(call_id child, call_id parent) {
  auto& mine = records_[child.index];
  auto& above = records_[parent.index];
  mine.parent = parent;
  mine.next_sibling = above.first_child;
  if (above.first_child != nobody) records_[above.first_child].previous_sibling = child.index;
  above.first_child = child.index;
  ++above.children;
}

void stage_engine::unlink(std::uint32_t child) {
  auto& mine = records_[child];
  if (!mine.parent) return;
  auto& above = records_[mine.parent.index];
  if (mine.previous_sibling != nobody) {
    records_[mine.previous_sibling].next_sibling = mine.next_sibling;
  } else {
    above.first_child = mine.next_sibling;
  }
  if (mine.next_sibling != nobody) {
    records_[mine.next_sibling].previous_sibling = mine.previous_sibling;
  }
  mine.next_sibling = mine.previous_sibling = nobody;
  mine.parent = {};
  --above.children;
}

void stage_engine::open(call_id id, std::uint32_t stage, step_request&& request) {
  TROUPE_ASSERT(stage < stages_.size());
  auto& host = stages_[stage];
  auto& place = records_[id.index];
  place.stage = stage;
  auto refuse = [&](failure why) {
    step_result result;
    why.step = host.identity->name.str();
    result.why = std::make_shared<const failure>(std::move(why));
    result.ctx = std::move(request.ctx);
    result.name = host.identity->name;
    result.node = services_.node_name;
    finish(id, std::move(result));
  };
  host.identity->counters.requests.fetch_add(1, std::memory_order_relaxed);
  if (closed_ && !request.shielded) return refuse({failure_kind::cancelled, closed_->message});
  if (host.down) return refuse(*host.down);
  if (now_ >= request.deadline) {
    return refuse({failure_kind::timed_out, "the deadline had passed before the work began"});
  }
  std::unique_ptr<call> work;
  try {
    work = host.live->open();
  } catch (...) {
    return refuse(current_failure());
  }
  adopt(id, stage, std::move(work), std::move(request));
}

void stage_engine::adopt(call_id id, std::uint32_t stage, std::unique_ptr<call> work,
                         step_request&& request) {
  auto& place = records_[id.index];
  place.stage = stage;
  work->engine_ = this;
  work->id_ = id;
  work->stage_ = stage;
  work->started_ = now_;
  work->request_ = std::move(request);
  place.work = std::move(work);
  queue_.push(start_event{id});
}

call_id stage_engine::send(call& from, std::uint64_t tag, const stage_ref& child,
                           step_request&& request) {
  const auto id = allocate();
  records_[id.index].tag = tag;
  link(id, from.id_);
  if (!child.host) {
    if (auto result = ask(child, request))
      queue_.push(std::in_place_type<result_event>, id, *std::move(result));
    else open(id, child.number, std::move(request));
    return id;
  }
  request.id = to_request_id(id);
  records_[id.index].far_end = child.host;
  child.host->put(start_message{child.number, std::move(request), self_.lock()});
  return id;
}

// What is refused is refused by a call. After a while others have their turn.
std::optional<step_result> stage_engine::ask(const stage_ref& child, const step_request& request) {
  if (child.host) return std::nullopt;
  auto& host = stages_[child.number];
  if (closed_ || host.down || now_ >= request.deadline) return std::nullopt;
  if (now_ - handling_since_ > longest_at_once) return std::nullopt;
  const auto since = now_;
  auto result = host.live->answer_at_once(*this, request);
  if (!result) return std::nullopt;
  host.identity->counters.requests.fetch_add(1, std::memory_order_relaxed);
  label(*result, host, since);
  return result;
}

// Fills in who answers, and since when it has worked on it where that is not known yet.
void stage_engine::label(step_result& result, const hosted& host,
                         std::optional<instant> since) const {
  if (since) result.latency = now_ - *since;
  result.name = host.identity->name;
  if (result.node.str().empty()) result.node = services_.node_name;
  if (!result.why || result.why->kind == failure_kind::paused) return;
  auto& counters = host.identity->counters;
  auto& count =
      result.why->kind == failure_kind::cancelled ? counters.cancelled : counters.failures;
  count.fetch_add(1, std::memory_order_relaxed);
}

void stage_engine::answer(call_id id, step_result&& result, bool as_it_was) {
  auto* place = find(id);
  if (!place || !place->work) return;
  label(result, stages_[place->stage],
        as_it_was ? std::nullopt : std::optional(place->work->started_));
  static const auto not_needed = std::make_shared<const failure>(
      failure{failure_kind::cancelled, "its result is not needed any more"});
  if (place->children > 0) abandon_children(*place, not_needed);
  drop_timers(*place);
  ended_ = std::move(place->work);
  finish(id, std::move(result));
}

// Hands a result to whoever asked, in this host or another. The place is freed once it has arrived.
void stage_engine::finish(call_id id, step_result&& result) {
  auto& place = records_[id.index];
  if (place.parent) {
    place.far_end.reset();
    queue_.push(std::in_place_type<result_event>, id, std::move(result));
    return;
  }
  const auto asker = std::move(place.far_end);
  const auto far_id = place.far_id;
  release(id);
  if (!asker || !far_requests_.erase({asker.get(), far_id})) return dismiss();
  result.id = far_id;
  asker->put(result_message{std::move(result)});
}

void stage_engine::cancel(call_id id, const std::shared_ptr<const failure>& reason) {
  auto* place = find(id);
  if (!place || place->cancelled) return;
  place->cancelled = reason;
  if (place->work) {
    queue_.push(cancel_event{id, reason});
  } else if (place->far_end) {
    const auto self = self_.lock();
    place->far_end->put(cancel_message{{to_request_id(id), reason}, self.get()});
  }
}

// Cuts a child off from its parent: what it still answers is dropped and counted.
void stage_engine::abandon(call_id id, const std::shared_ptr<const failure>& reason) {
  auto* place = find(id);
  if (!place) return;
  cancel(id, reason);
  unlink(id.index);
  if (!place->work) release(id);
}

void stage_engine::abandon_children(record& of, const std::shared_ptr<const failure>& reason) {
  while (of.first_child != nobody) {
    abandon({of.first_child, records_[of.first_child].generation}, reason);
  }
}

void stage_engine::set_timer(call_id id, std::uint32_t which, instant due) {
  auto* place = find(id);
  if (!place || due == no_deadline) return;
  place->first_timer = timers_.set(due, id, which, place->first_timer);
}

void stage_engine::drop_timers(record& of) {
  while (of.first_timer != timer_queue::none) of.first_timer = timers_.drop(of.first_timer);
}

void stage_engine::dismiss() {
  ++services_.late_answers;
}

void stage_engine::crash(std::uint32_t stage, const std::string& reason) {
  auto& host = stages_[stage];
  const failure why{failure_kind::unclassified,
                    "stage " + host.identity->name.str() + " crashed: " + reason};
  ++services_.restarted_stages;
  if (services_.observed(event_kind::stage_restarted)) {
    services_.emit({.kind = event_kind::stage_restarted,
                    .at = now_,
                    .step = host.identity->name.str(),
                    .why = &why});
  }
  for (std::uint32_t index = 0; index < records_.size(); ++index) {
    auto& place = records_[index];
    if (!place.open || !place.work || place.stage != stage) continue;
    auto result = place.work->failed_result(why);
    answer({index, place.generation}, std::move(result));
  }
  ended_.reset(); // it still refers to the stage that is replaced now
  if (!host.restarts.take(now_)) {
    host.down = std::make_shared<const failure>(
        failure{failure_kind::permanent, why.message + "; it crashed too often and stays down"});
    return;
  }
  try {
    host.live = host.make();
  } catch (...) {
    host.down = std::make_shared<const failure>(failure{
        failure_kind::permanent, why.message + "; restart failed: " + current_failure().message});
  }
}

std::vector<std::string> stage_engine::waiting_stages(std::size_t most) const {
  std::vector<std::string> names;
  for (std::size_t index = 0; index < records_.size() && names.size() < most; ++index) {
    const auto& place = records_[index];
    if (place.open && place.work && place.children == 0) {
      names.push_back(stages_[place.stage].identity->name.str());
    }
  }
  return names;
}

} // namespace troupe::actors
