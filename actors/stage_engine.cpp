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
  hosted entry{std::move(factory), nullptr, nullptr, restart_budget(services_.restarts), false};
  entry.live = entry.make();
  entry.may_be_tried = entry.live->may_be_tried();
  entry.identity = entry.live->share_identity();
  stages_.push_back(std::move(entry));
  return static_cast<std::uint32_t>(stages_.size() - 1);
}

bool stage_engine::run(std::size_t max_events) {
  refresh_now();
  for (std::size_t handled = 0; handled < max_events; ++handled) {
    handling_since_ = now_;
    if (!far_results_.empty() && now_ - first_far_result_ > longest_held) hand_far_results();
    if (!queue_.empty()) {
      std::visit([this](auto& what) { handle(what); }, queue_.front());
      queue_.drop();
    } else if (const auto timer = timers_.first_due(now_)) {
      fire(*timer);
    } else {
      hand_far_results();
      hand_far_cancels();
      return false;
    }
  }
  hand_far_results();
  hand_far_cancels();
  return !queue_.empty() || timers_.first_due(now_).has_value();
}

namespace {

// Why it threw, if it did.
template <class Work>
std::optional<std::string> thrown_by(Work&& work) {
  try {
    work();
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

} // namespace

// Whatever user code or a stage throws ends here: the stage is restarted, the host lives on.
template <class Handler>
void stage_engine::guarded(call_id id, Handler&& handler) {
  auto* place = find(id);
  if (!place || !place->work) return;
  const auto stage = place->stage;
  auto& work = *place->work;
  std::unique_ptr<call> ended;
  auto* const outer = std::exchange(ended_, &ended);
  std::optional<std::string> crashed;
  if (stages_[stage].may_be_tried) {
    step_result answer;
    call_trial trial(answer);
    crashed = go_through(work, trial, [&] { handler(work, *place); });
    if (trial.answered) conclude(id, std::move(answer), trial.as_it_was);
  } else {
    crashed = thrown_by([&] { handler(work, *place); });
  }
  if (crashed) crash(stage, *crashed);
  ended_ = outer;
}

void stage_engine::handle(start_event& what) {
  guarded(what.call, [](call& work, record& place) {
    if (place.cancelled) return; // its cancel answers it
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
    work.cancel_reason_ = place.cancelled; // the cancel itself may be in the queue
    work.on_late_result(tag, std::move(what.result));
  });
}

void stage_engine::handle(cancel_event& what) {
  tell_cancelled(what.call, what.reason);
}

void stage_engine::tell_cancelled(call_id id, const std::shared_ptr<const failure>& reason) {
  guarded(id, [&](call& work, record& place) {
    work.cancel_reason_ = reason;
    if (place.begun) work.on_cancel(reason);
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
  work->request_ = &work->own_.emplace(std::move(request));
  place.work = std::move(work);
  queue_.push(start_event{id});
}

bool stage_engine::send(call& from, std::uint64_t tag, const stage_ref& child, outgoing what,
                        step_result& into, call_id& id) {
  if (!child.host && try_at_once(child.number, what, into, id)) return true;
  const auto begun = static_cast<bool>(id);
  if (!begun) id = allocate();
  link(id, settle(from));
  auto& place = records_[id.index];
  place.tag = tag;
  if (begun) return false;
  auto request = what.take();
  if (child.host) {
    request.id = to_request_id(id);
    place.far_end = child.host;
    child.host->put(start_message{child.number, std::move(request), self_.lock()});
  } else {
    open(id, child.number, std::move(request));
  }
  return false;
}

call_id stage_engine::send_and_give(call& from, std::uint64_t tag, const stage_ref& child,
                                    outgoing what) {
  call_id id{};
  if (auto* trial = from.trial_) {
    auto& into = trial->place_for_child();
    if (!send(from, tag, child, what, into, id)) return id;
    TROUPE_ASSERT(!trial->arrived);
    trial->arrived = &into;
    trial->tag = tag;
    return id;
  }
  step_result result;
  if (!send(from, tag, child, what, result, id)) return id;
  id = allocate();
  records_[id.index].tag = tag;
  link(id, from.id_);
  queue_.push(std::in_place_type<result_event>, id, std::move(result));
  return id;
}

// What is refused is refused by a call. After a while others have their turn.
bool stage_engine::try_at_once(std::uint32_t stage, outgoing& what, step_result& into,
                               call_id& id) {
  auto& host = stages_[stage];
  if (closed_ || host.down || now_ >= what.request.deadline) return false;
  if (now_ - handling_since_ > longest_at_once) return false;
  if (host.may_be_tried) return try_call(stage, what, into, id);
  const auto since = now_;
  if (!host.live->answer_at_once(*this, what.request, into)) return false;
  host.identity->counters.requests.fetch_add(1, std::memory_order_relaxed);
  label(into, host, since);
  return true;
}

bool stage_engine::try_call(std::uint32_t stage, outgoing& what, step_result& into, call_id& id) {
  if (nested_ == deepest_nesting) return false;
  auto& host = stages_[stage];
  std::unique_ptr<call> work;
  try {
    work = host.live->open();
  } catch (...) {
    return false; // it throws once more where that is dealt with
  }
  host.identity->counters.requests.fetch_add(1, std::memory_order_relaxed);
  work->engine_ = this;
  work->stage_ = stage;
  work->started_ = now_;
  work->request_ = &what.request;
  call_trial trial(into);
  ++nested_;
  const auto crashed = go_through(*work, trial, [&] { work->start(); });
  --nested_;
  if (crashed && !trial.answered) {
    into = work->failed_result(crash_failure(stage, *crashed));
    trial.answered = true;
  }
  if (!trial.answered) {
    id = keep(std::move(work), trial, what);
    return false;
  }
  end_trial(std::move(work), trial);
  if (crashed) crash(stage, *crashed);
  return true;
}

step_result& call_trial::place_for_child() {
  if (looked_at == &out) return beside.emplace();
  if (std::exchange(out_was_used, true)) out = {};
  return out;
}

template <class Handler>
std::optional<std::string> stage_engine::go_through(call& work, call_trial& trial,
                                                    Handler&& first) {
  work.trial_ = &trial;
  auto crashed = thrown_by([&] {
    first();
    while (trial.arrived && !trial.answered) {
      auto* result = std::exchange(trial.arrived, nullptr);
      trial.looked_at = result;
      work.on_result(trial.tag, std::move(*result));
    }
  });
  work.trial_ = nullptr;
  if (trial.arrived) dismiss();
  return crashed;
}

void stage_engine::end_trial(std::unique_ptr<call> work, const call_trial& trial) {
  label(trial.out, stages_[work->stage_],
        trial.as_it_was ? std::nullopt : std::optional(work->started_));
  if (const auto id = work->id_) {
    free_children_and_timers(records_[id.index]);
    release(id);
  }
}

// It has to wait for something.
call_id stage_engine::keep(std::unique_ptr<call> work, const call_trial& trial, outgoing& what) {
  const auto id = settle(*work);
  work->request_ = &work->own_.emplace(what.take());
  for (std::size_t index = 0; index < trial.timers_set; ++index) {
    set_timer(*work, trial.timers[index].which, trial.timers[index].due);
  }
  auto& place = records_[id.index];
  place.begun = true;
  place.work = std::move(work);
  return id;
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

void stage_engine::answer(call& of, step_result&& result, bool as_it_was) {
  if (!of.trial_) return conclude(of.id_, std::move(result), as_it_was);
  auto& trial = *of.trial_;
  if (trial.answered) return;
  trial.answered = true;
  trial.as_it_was = as_it_was;
  if (&result != &trial.out) trial.out = std::move(result);
}

void stage_engine::conclude(call_id id, step_result&& result, bool as_it_was) {
  auto* place = find(id);
  if (!place || !place->work) return;
  label(result, stages_[place->stage],
        as_it_was ? std::nullopt : std::optional(place->work->started_));
  free_children_and_timers(*place);
  *ended_ = std::move(place->work);
  finish(id, std::move(result));
}

void stage_engine::free_children_and_timers(record& of) {
  static const auto not_needed = std::make_shared<const failure>(
      failure{failure_kind::cancelled, "its result is not needed any more"});
  if (of.children > 0) abandon_children(of, not_needed);
  drop_timers(of);
}

// Hands a result to whoever asked, in this host or another. The place is freed once it has arrived.
void stage_engine::finish(call_id id, step_result&& result) {
  auto& place = records_[id.index];
  if (place.parent) {
    place.far_end.reset();
    queue_.push(std::in_place_type<result_event>, id, std::move(result));
    return;
  }
  auto asker = std::move(place.far_end);
  const auto far_id = place.far_id;
  release(id);
  if (!asker || !far_requests_.erase({asker.get(), far_id})) return dismiss();
  result.id = far_id;
  if (far_results_.empty()) first_far_result_ = now_;
  far_results_.push_back({std::move(asker), std::move(result)});
  if (far_results_.size() == results_together) hand_far_results();
}

void stage_engine::hand_far_results() {
  for (auto& each : far_results_) each.asker->put(result_message{std::move(each.result)});
  far_results_.clear();
}

void stage_engine::hand_far_cancels() {
  for (auto& each : far_cancels_) each.to->put(std::move(each.content));
  far_cancels_.clear();
}

void stage_engine::cancel(call_id id, const std::shared_ptr<const failure>& reason) {
  auto* place = find(id);
  if (!place || place->cancelled) return;
  place->cancelled = reason;
  if (!place->work) {
    if (place->far_end) cancel_far(id, place->far_end, reason);
  } else if (nested_ == deepest_nesting) {
    queue_.push(cancel_event{id, reason});
  } else {
    ++nested_;
    tell_cancelled(id, reason);
    --nested_;
  }
}

void stage_engine::cancel_far(call_id id, const std::shared_ptr<mailbox>& to,
                              const std::shared_ptr<const failure>& reason) {
  auto& all = far_cancels_;
  if (all.empty() || all.back().to != to || all.back().content.request.reason != reason) {
    all.push_back({to, {{to_request_id(id), reason}, self_.lock().get()}});
    return;
  }
  auto& others = all.back().content.others;
  others.push_back(to_request_id(id));
  if (others.size() == cancels_together) hand_far_cancels();
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

void stage_engine::dismiss() {
  ++services_.late_answers;
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
