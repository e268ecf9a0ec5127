#include "coordinator.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

namespace {

instant steady_now() {
  return std::chrono::steady_clock::now();
}

double milliseconds(duration length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

value texts(const std::vector<std::string>& from) {
  return value::list({from.begin(), from.end()});
}

} // namespace

/// Where the stages of deployments send the requests for one branch.
class coordinator::branch_mailbox final : public actors::mailbox {
public:
  branch_mailbox(std::weak_ptr<coordinator> home, branch_number number)
      : home_(std::move(home)), number_(number) {}
  ~branch_mailbox() override {
    if (const auto home = home_.lock()) {
      home->post(errand{
          [home = home.get(), number = number_] { home->dispatch_->remove_branch(number); }});
    }
  }

  void put(actors::message content) override {
    if (const auto home = home_.lock()) {
      home->post(stage_asked{number_, std::move(content)});
      return;
    }
    // The coordinator is gone, and with it every worker.
    auto* start = std::get_if<actors::start_message>(&content);
    if (!start) return;
    step_result result;
    result.id = start->request.id;
    result.why = std::make_shared<const failure>(
        failure{failure_kind::cancelled, "the coordinator is going down"});
    result.ctx = start->request.ctx;
    start->reply_to->put(actors::result_message{std::move(result)});
  }

private:
  std::weak_ptr<coordinator> home_;
  branch_number number_;
};

class coordinator::placer final : public stage_placer {
public:
  actors::stage_ref place(branch_offer offer) override {
    const auto home = home_.lock();
    if (!home) return {};
    branch_number number = 0;
    home->in_turn([&] { number = home->dispatch_->add_branch(std::move(offer)); });
    return {std::make_shared<branch_mailbox>(home, number), 0};
  }
  std::weak_ptr<coordinator> home_;
};

coordinator::coordinator(node_options options, std::unique_ptr<transport> wires)
    : node_base(std::move(options), std::move(wires)), started_(steady_now()) {}

coordinator::~coordinator() = default;

std::shared_ptr<coordinator> coordinator::start(node_options options) {
  auto wires = make_transport({.tls = options.tls});
  std::shared_ptr<coordinator> made(new coordinator(std::move(options), std::move(wires)));
  made->begin();
  return made;
}

void coordinator::begin() {
  auto self = std::static_pointer_cast<coordinator>(shared_from_this());
  auto runtime = options_.runtime;
  auto places = std::make_shared<placer>();
  places->home_ = self;
  runtime.placer = std::move(places);
  runtime.node_name = facts_.identity.name;
  // Who asks nothing is told nothing: without an API no event has to leave the workers.
  auto log = options_.serves_http ? std::make_shared<service::run_log>() : nullptr;
  if (log) runtime.observers.push_back(log);
  runtime_.emplace(std::move(runtime));
  dispatcher_options dispatching;
  dispatching.max_queued = options_.max_queued;
  dispatching.placement_wait = options_.placement_wait;
  const auto seed = options_.runtime.random_seed != 0
                        ? options_.runtime.random_seed
                        : static_cast<std::uint64_t>(steady_now().time_since_epoch().count());
  dispatch_.emplace(dispatching, *this, seed, runtime_->interests());
  for (const auto& [name, tree] : options_.registry.pipelines()) runtime_->define_plan(name, tree);
  start_base([this](const std::string& text) {
    runtime_->tell({.kind = event_kind::warning, .at = runtime_->now(), .detail = text});
  });
  try {
    auto listening = wires_->listen(options_.listen, self);
    if (!listening) throw node_error("listen: " + listening.why().message);
    address_ = *listening;
    if (log) serve(std::move(log));
  } catch (...) {
    stop();
    throw;
  }
}

void coordinator::serve(std::shared_ptr<service::run_log> log) {
  service::run_book_options keeping;
  keeping.max_kept = options_.max_runs_kept;
  keeping.registry = options_.registry;
  keeping.cluster = this;
  book_.emplace(*runtime_, std::move(log), std::move(keeping));
  service::api_options serving;
  serving.where = options_.http;
  serving.tls = options_.tls;
  serving.token = options_.api_token;
  serving.insecure = options_.insecure;
  serving.ready = [this] { return !draining_; };
  try {
    api_.emplace(std::move(serving), *book_, *this);
  } catch (const std::exception& error) {
    throw node_error("http: " + std::string(error.what()));
  }
}

bool coordinator::finish() {
  draining_ = true;
  const auto has_clients = api_ && api_->counts().connections > 0;
  const auto finished = runtime_->wait_until_idle(options_.drain_limit);
  if (has_clients) see_clients_off();
  return finished;
}

// Who has followed a run to its end comes once more, for its result.
void coordinator::see_clients_off() const {
  constexpr auto patience = std::chrono::seconds(2);
  constexpr auto quiet = std::chrono::milliseconds(300);
  const auto limit = steady_now() + patience;
  auto last_seen = steady_now();
  std::mutex mutex;
  std::condition_variable nobody;
  for (std::unique_lock lock(mutex); steady_now() < std::min<instant>(limit, last_seen + quiet);) {
    nobody.wait_for(lock, std::chrono::milliseconds(10));
    if (api_->counts().connections > 0) last_seen = steady_now();
  }
}

void coordinator::stop() {
  if (api_) api_->shut_down();
  // Cancels every run while there are links, so that their work ends on the workers too.
  runtime_->shut_down();
  in_turn([this] {
    dispatch_->close(std::make_shared<const failure>(
                         failure{failure_kind::cancelled, "the coordinator is going down"}),
                     steady_now());
  });
  stop_base();
  api_.reset();
  book_.reset();
  runtime_.reset();
}

void coordinator::opened(peer&, std::uint64_t) {}

void coordinator::said(peer& by, message& content) {
  const auto now = steady_now();
  switch (content.kind) {
  case message_kind::hello: return welcome(by, content);
  case message_kind::results: return dispatch_->take_results(by.number, content, now);
  case message_kind::progress: return dispatch_->take_progress(by.number, content, now);
  case message_kind::leaving:
    by.leaving = true;
    dispatch_->set_draining(by.number);
    return count_workers();
  default:
    return drop(by, "it sent a `" + std::string(to_string(content.kind))
                        + "`, which is not for a coordinator");
  }
}

void coordinator::welcome(peer& with, const message& hello) {
  if (with.is_known) return drop(with, "it said hello twice");
  auto theirs = node_facts_from(hello.item(0));
  auto refusal = theirs ? incompatible(facts_, *theirs) : std::optional(theirs.why().message);
  const auto& certified = with.wire->peer().certificate_name;
  if (!refusal && !certified.empty() && certified != theirs->identity.name) {
    refusal = "the certificate of `" + certified + "` does not fit the name `"
              + theirs->identity.name + "`";
  }
  if (refusal) {
    tell("refused a node at " + with.wire->peer().address + ": " + *refusal);
    say(with, write_frame(message_kind::refusal, {*refusal}));
    return drop(with, *refusal);
  }
  // A worker that is back before the end of its old link was seen.
  for (const auto& [number, each] : peers()) {
    if (!each->is_known || each.get() == &with) continue;
    if (each->facts.identity.name != theirs->identity.name) continue;
    if (each->facts.identity.incarnation == theirs->identity.incarnation) {
      drop(*each, "it connected once more");
      break;
    }
  }
  with.facts = *std::move(theirs);
  with.is_known = true;
  say(with, write_frame(message_kind::welcome, {to_value(facts_)}));
  dispatch_->add_worker(with.number, with.facts, steady_now());
  count_workers();
}

void coordinator::ended(peer& with, const std::string& why) {
  if (!with.is_known) return;
  dispatch_->lose_worker(with.number, why, steady_now());
  if (!with.leaving) tell("lost worker `" + with.facts.identity.name + "`: " + why);
  count_workers();
}

void coordinator::count_workers() {
  std::size_t count = 0;
  for (const auto& [number, each] : peers()) count += each->is_known && !each->leaving ? 1 : 0;
  set_connections(count);
}

void coordinator::judged(peer& of, liveness verdict) {
  dispatch_->set_suspect(of.number, verdict == liveness::suspect, steady_now());
}

void coordinator::handle_other(node_event& event) {
  auto* asked = std::get_if<stage_asked>(&event);
  if (!asked) return;
  const auto now = steady_now();
  if (auto* start = std::get_if<actors::start_message>(&asked->content)) {
    dispatch_->start(asked->branch, std::move(start->request), std::move(start->reply_to), now);
  } else if (auto* cancel = std::get_if<actors::cancel_message>(&asked->content)) {
    dispatch_->cancel(cancel->requester, cancel->request.id, cancel->request.reason, now);
  }
}

void coordinator::look(instant now) {
  dispatch_->look(now);
}

void coordinator::rest() {
  dispatch_->flush();
}

value coordinator::own_load() {
  return value::map({{"queued", dispatch_->queued()}, {"open", dispatch_->open()}});
}

void coordinator::send(worker_number to, frame body) {
  if (auto* with = find_peer(to)) say(*with, std::move(body));
}

value coordinator::about(const peer& of) const {
  const auto load = dispatch_->load_of(of.number);
  value::map_type labels;
  for (const auto& [name, content] : of.facts.labels) labels.emplace_back(name, content);
  const auto now = steady_now();
  return value::map({
      {"name", of.facts.identity.name},
      {"role", of.facts.role},
      {"state", load.draining  ? "draining"
                : load.suspect ? "suspect"
                               : "alive"},
      {"address", of.wire->peer().address},
      {"labels", value::map(std::move(labels))},
      {"step_types", texts(of.facts.step_types)},
      {"credit", load.credit},
      {"running", load.in_flight},
      {"done", load.done},
      {"abandoned", of.load.at("abandoned").is_null() ? value(0) : of.load.at("abandoned")},
      {"last_seen_ms", milliseconds(of.detector.silence(now))},
      {"uptime_ms", milliseconds(now - of.opened)},
      {"version", of.facts.version},
  });
}

value coordinator::nodes() {
  value::list_type all;
  in_turn([&] {
    all.push_back(value::map({
        {"name", facts_.identity.name},
        {"role", facts_.role},
        {"state", "alive"},
        {"address", troupe::to_string(address_)},
        {"labels", value::map()},
        {"step_types", value::list()},
        {"credit", 0},
        {"running", runtime_->metrics().open_runs},
        {"queued", dispatch_->queued()},
        {"done", dispatch_->counters().answered},
        {"abandoned", runtime_->metrics().abandoned_running},
        {"last_seen_ms", 0.0},
        {"uptime_ms", milliseconds(steady_now() - started_)},
        {"version", facts_.version},
    }));
    for (const auto& [number, each] : peers()) {
      if (each->is_known) all.push_back(about(*each));
    }
  });
  return value::list(std::move(all));
}

outcome<value> coordinator::drain(const std::string& node) {
  auto found = false;
  in_turn([&] {
    for (const auto& [number, each] : peers()) {
      if (!each->is_known || each->facts.identity.name != node) continue;
      found = true;
      dispatch_->set_draining(number);
      say(*each, write_frame(message_kind::drain));
    }
  });
  if (!found) return failure{failure_kind::permanent, "there is no worker `" + node + "`"};
  return value::map({{"node", node}, {"state", "draining"}});
}

std::vector<service::wait_reason> coordinator::why(const run_id& run) {
  std::vector<service::wait_reason> all;
  in_turn([&] {
    const auto now = steady_now();
    for (auto& each : dispatch_->standings(run, 100)) {
      all.push_back(
          {each.code, each.text, each.path, each.step, each.node, milliseconds(now - each.since)});
    }
  });
  return all;
}

} // namespace troupe::nodes
