#include "worker.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

namespace {

std::uint64_t time_as_seed() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

} // namespace

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
    : worker_base(std::move(options), std::move(wires), time_as_seed()) {}

worker::~worker() = default;

void worker::tell(const std::string& text) {
  runtime_->tell({.kind = event_kind::warning, .at = runtime_->now(), .detail = text});
}

void worker::wanted(std::uint32_t interests) {
  events_->wanted_ |= interests;
}

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
  auto runtime = options_.runtime;
  runtime.node_name = facts_.identity.name;
  runtime.observers.push_back(events_);
  runtime_.emplace(std::move(runtime));
  deployer_ = make_branch_deployer(*runtime_, options_.registry);
  begin_hosting(*deployer_);
  start_ticking();
  post(tick{});
}

bool worker::drain() {
  in_turn([this] { leave(); });
  const auto is_idle = [this] { return open_ == 0; };
  std::unique_lock lock(idle_mutex_);
  if (idle_.wait_for(lock, options_.drain_limit, is_idle)) return true;
  lock.unlock();
  in_turn([this] { host().hand_back("the worker leaves"); });
  return false;
}

void worker::stop() {
  in_turn([this] {
    leave();
    host().hand_back("the worker is going down");
    host().flush();
  });
  runtime_->shut_down();
  stop_base();
  runtime_.reset();
}

void worker::rest() {
  worker_base::rest();
  const auto open = host().open();
  if (open_.exchange(open) == open || open != 0) return;
  const std::scoped_lock lock(idle_mutex_);
  idle_.notify_all();
}

value worker::own_load() {
  const auto metrics = runtime_->metrics();
  return value::map({{"running", host().open()},
                     {"done", host().done()},
                     {"abandoned", metrics.abandoned_running},
                     {"waiting_for_a_thread", metrics.blocking_steps_queued}});
}

} // namespace troupe::nodes
