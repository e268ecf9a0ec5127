#include "worker.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

namespace {

instant steady_now() {
  return std::chrono::steady_clock::now();
}

constexpr auto first_pause = std::chrono::milliseconds(100);
constexpr auto longest_pause = std::chrono::seconds(5);
constexpr auto pause_after_refusal = std::chrono::seconds(30);

} // namespace

/// Where the stages send what they have done.
class worker::results_mailbox final : public actors::mailbox {
public:
  void put(actors::message content) override {
    auto* end = std::get_if<actors::result_message>(&content);
    if (!end) return;
    if (const auto home = home_.lock()) home->post(stage_answered{std::move(end->result)});
  }
  std::weak_ptr<worker> home_;
};

/// Tells coordinators what happens in the requests they have sent.
class worker::event_collector final : public observer {
public:
  void on_event(const run_event& event) override {
    if (!event.run) return;
    const auto home = home_.lock();
    if (!home || (wanted_ >> static_cast<unsigned>(event.kind) & 1u) == 0) return;
    home->post(run_told{event.run, event.kind, write_event(event, *event.run)});
  }
  std::weak_ptr<worker> home_;
  std::atomic<std::uint32_t> wanted_{0};
};

worker::worker(node_options options, std::unique_ptr<transport> wires)
    : node_base(std::move(options), std::move(wires)),
      random_(static_cast<std::uint64_t>(steady_now().time_since_epoch().count())) {
  for (const auto& each : options_.coordinators) homes_.push_back({each});
}

worker::~worker() = default;

std::shared_ptr<worker> worker::start(node_options options) {
  auto wires = make_transport({.tls = options.tls});
  std::shared_ptr<worker> made(new worker(std::move(options), std::move(wires)));
  made->begin();
  return made;
}

void worker::begin() {
  const auto self = std::static_pointer_cast<worker>(shared_from_this());
  facts_.step_types = options_.registry.types();
  std::sort(facts_.step_types.begin(), facts_.step_types.end());
  facts_.pipelines = pipeline_hashes(options_.registry);
  events_ = std::make_shared<event_collector>();
  events_->home_ = self;
  results_ = std::make_shared<results_mailbox>();
  results_->home_ = self;
  auto runtime = options_.runtime;
  runtime.node_name = facts_.identity.name;
  runtime.observers.push_back(events_);
  runtime_.emplace(std::move(runtime));
  deployer_ = make_branch_deployer(*runtime_, options_.registry);
  const auto on_usage = [home = std::weak_ptr(self)](const run_scope* run, const usage& spent) {
    if (const auto alive = home.lock()) alive->post(usage_told{run, spent});
  };
  host_.emplace(branch_host_options{}, *deployer_, *this, results_, on_usage);
  start_base([this](const std::string& text) {
    runtime_->tell({.kind = event_kind::warning, .at = runtime_->now(), .detail = text});
  });
  post(tick{});
}

bool worker::drain() {
  leaving_ = true;
  in_turn([this] { leave(); });
  const auto is_idle = [this] { return open_ == 0; };
  std::unique_lock lock(idle_mutex_);
  if (idle_.wait_for(lock, options_.drain_limit, is_idle)) return true;
  lock.unlock();
  in_turn([this] { host_->hand_back("the worker leaves"); });
  return false;
}

void worker::leave() {
  for (const auto& [number, each] : peers()) {
    if (each->is_known) say(*each, write_frame(message_kind::leaving));
  }
}

void worker::stop() {
  leaving_ = true;
  in_turn([this] {
    leave();
    host_->hand_back("the worker is going down");
    host_->flush();
  });
  runtime_->shut_down();
  stop_base();
  runtime_.reset();
}

void worker::opened(peer& with, std::uint64_t ticket) {
  if (ticket == 0 || ticket > homes_.size() || leaving_) {
    return drop(with, "nobody asked for it");
  }
  auto& where = homes_[ticket - 1];
  where.is_connecting = false;
  where.peer = with.number;
  say(with, write_frame(message_kind::hello, {to_value(facts_)}));
}

void worker::said(peer& by, message& content) {
  switch (content.kind) {
  case message_kind::welcome: return welcomed(by, content);
  case message_kind::refusal: {
    const auto why = content.item(0);
    const auto text = why.if_text() ? *why.if_text() : std::string("it does not say why");
    for (auto& each : homes_) each.was_refused = each.was_refused || each.peer == by.number;
    return drop(by, "it refused this worker: " + text);
  }
  case message_kind::deploy: {
    const auto wanted = content.item(0).at("interests");
    if (wanted.if_integer()) events_->wanted_ |= static_cast<std::uint32_t>(*wanted.if_integer());
    return host_->take_deploy(by.number, content);
  }
  case message_kind::retire: return host_->take_retire(by.number, content);
  case message_kind::work: return host_->take_work(by.number, content, steady_now());
  case message_kind::cancel: return host_->take_cancel(by.number, content);
  case message_kind::drain: leaving_ = true; return leave();
  default:
    return drop(by, "it sent a `" + std::string(to_string(content.kind))
                        + "`, which is not for a worker");
  }
}

void worker::welcomed(peer& by, const message& content) {
  auto theirs = node_facts_from(content.item(0));
  const auto misfit = theirs ? incompatible(facts_, *theirs) : std::optional(theirs.why().message);
  if (misfit) return drop(by, *misfit);
  by.facts = *std::move(theirs);
  by.is_known = true;
  for (auto& each : homes_) {
    if (each.peer != by.number) continue;
    each.failures = 0;
    each.was_refused = false;
  }
  // What it asked for before the link broke it has given to others meanwhile.
  for (const auto& each : orphans_) {
    if (each.name == by.facts.identity.name) host_->cancel_all(each.from, "the link was lost");
  }
  host_->add_coordinator(by.number);
  count_coordinators();
}

void worker::ended(peer& with, const std::string& why) {
  for (auto& each : homes_) {
    if (each.peer != with.number) continue;
    each.peer = 0;
    retry_later(each, why);
  }
  if (!with.is_known) return;
  const auto until = later(steady_now(), options_.orphan_grace);
  orphans_.push_back({with.number, with.facts.identity.name, until});
  host_->lose_coordinator(with.number);
  count_coordinators();
}

void worker::failed_to_connect(std::uint64_t ticket, const std::string& why) {
  if (ticket == 0 || ticket > homes_.size()) return;
  auto& where = homes_[ticket - 1];
  where.is_connecting = false;
  retry_later(where, why);
}

// Full jitter (Brooker, 2015), so that workers do not come back all at once.
void worker::retry_later(home& where, const std::string& why) {
  if (leaving_) return;
  if (where.failures == 0 || where.was_refused) {
    tell("no link to the coordinator at " + troupe::to_string(where.where) + ": " + why
         + "; trying again");
  }
  const auto doubled =
      first_pause * (std::int64_t{1} << std::min<std::uint32_t>(where.failures, 10));
  ++where.failures;
  const auto most = where.was_refused ? duration(pause_after_refusal)
                                      : std::min<duration>(doubled, longest_pause);
  const auto share = 0.5 + random_.unit() / 2;
  const auto pause =
      duration(static_cast<duration::rep>(static_cast<double>(most.count()) * share));
  where.next_try = later(steady_now(), pause);
}

void worker::handle_other(node_event& event) {
  if (auto* answered = std::get_if<stage_answered>(&event)) {
    host_->take_result(std::move(answered->result));
  } else if (auto* told = std::get_if<run_told>(&event)) {
    host_->take_event(told->run, told->kind, std::move(told->event));
  } else if (auto* spent = std::get_if<usage_told>(&event)) {
    host_->take_usage(spent->run, spent->spent);
  }
}

void worker::look(instant now) {
  for (std::size_t index = 0; index < homes_.size() && !leaving_; ++index) {
    auto& where = homes_[index];
    if (where.peer != 0 || where.is_connecting || now < where.next_try) continue;
    where.is_connecting = true;
    wires_->connect(where.where, index + 1, shared_from_this());
  }
  std::erase_if(orphans_, [&](const orphaned& each) {
    if (now < each.until) return false;
    host_->cancel_all(each.from, "the coordinator was lost");
    return true;
  });
}

void worker::rest() {
  host_->flush();
  const auto open = host_->open();
  if (open_.exchange(open) == open || open != 0) return;
  const std::scoped_lock lock(idle_mutex_);
  idle_.notify_all();
}

value worker::own_load() {
  const auto metrics = runtime_->metrics();
  return value::map({{"running", host_->open()},
                     {"done", host_->done()},
                     {"abandoned", metrics.abandoned_running},
                     {"waiting_for_a_thread", metrics.blocking_steps_queued}});
}

void worker::send(coordinator_number to, frame body) {
  if (auto* with = find_peer(to)) say(*with, std::move(body));
}

void worker::count_coordinators() {
  std::size_t count = 0;
  for (const auto& [number, each] : peers()) count += each->is_known ? 1 : 0;
  set_connections(count);
}

} // namespace troupe::nodes
