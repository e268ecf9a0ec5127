#include "coordinator.hpp"

#include "cluster_cache.hpp"

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

class coordinator::placer final : public stage_placer {
public:
  actors::stage_ref place(branch_offer offer) override {
    const auto home = home_.lock();
    return home ? home->coordinator_base::place(std::move(offer)) : actors::stage_ref();
  }
  std::weak_ptr<coordinator> home_;
};

/// Brings what deployments share into the node's turn.
class coordinator::sharer final : public cluster_sharing {
public:
  void add(const std::shared_ptr<actors::shared_breaker>& shared) override { pass_on(shared); }
  void add(const std::shared_ptr<actors::shared_rate_limit>& shared) override { pass_on(shared); }
  std::shared_ptr<cache_backend> backend_for(const cache& options) override {
    const auto home = home_.lock();
    if (!home) return nullptr;
    return std::make_shared<cluster_cache_backend>(options, home->memories(), turn_of(home_));
  }
  std::weak_ptr<coordinator> home_;

private:
  static exchange_turn turn_of(const std::weak_ptr<coordinator>& where) {
    const auto post = [where](exchange_turn::job what, void (node_base::*how)(node_event)) {
      const auto home = where.lock();
      if (!home) return;
      (home.get()->*how)(errand{
          [home = home.get(), what = std::move(what)] { what(home->caching(), steady_now()); }});
    };
    return {[post](exchange_turn::job what) { post(std::move(what), &node_base::post); },
            [post](exchange_turn::job what) { post(std::move(what), &node_base::post_now); }};
  }
  template <class Shared>
  void pass_on(const std::shared_ptr<Shared>& shared) {
    const auto home = home_.lock();
    if (!home) return;
    home->post(errand{[home = home.get(), shared] { home->share(shared); }});
  }
};

coordinator::coordinator(node_options options, std::unique_ptr<transport> wires)
    : coordinator_base(std::move(options), std::move(wires)), started_(steady_now()) {}

coordinator::~coordinator() = default;

void coordinator::share(const std::shared_ptr<actors::shared_breaker>& shared) {
  sharing().add(shared, steady_now());
}

void coordinator::share(const std::shared_ptr<actors::shared_rate_limit>& shared) {
  sharing().add(shared);
}

void coordinator::breaker_changed(const std::string& name, breaker_phase from, breaker_phase to) {
  const auto change = actors::transition_text(from, to);
  emit(
      {.kind = event_kind::breaker_changed, .at = runtime_->now(), .step = name, .detail = change});
}

void coordinator::tell(const std::string& text) {
  runtime_->tell({.kind = event_kind::warning, .at = runtime_->now(), .detail = text});
}

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
  auto sharing = std::make_shared<sharer>();
  sharing->home_ = self;
  runtime.sharing = std::move(sharing);
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
  begin_dispatching(dispatching, seed, runtime_->interests());
  for (const auto& [name, tree] : options_.registry.pipelines()) runtime_->define_plan(name, tree);
  start_ticking();
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
    dispatching().close(std::make_shared<const failure>(
                            failure{failure_kind::cancelled, "the coordinator is going down"}),
                        steady_now());
  });
  stop_base();
  api_.reset();
  book_.reset();
  runtime_.reset();
}

value coordinator::about(const peer& of) const {
  const auto load = dispatching().load_of(of.number);
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
        {"queued", dispatching().queued()},
        {"done", dispatching().counters().answered},
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
      if (!each->is_known || each->facts.role != "worker" || each->facts.identity.name != node)
        continue;
      found = true;
      dispatching().set_draining(number);
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
    for (auto& each : dispatching().standings(run, 100)) {
      all.push_back(
          {each.code, each.text, each.path, each.step, each.node, milliseconds(now - each.since)});
    }
  });
  return all;
}

} // namespace troupe::nodes
