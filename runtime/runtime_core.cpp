#include "runtime_core.hpp"

#include "deployment_core.hpp"
#include "plan_spawner.hpp"

#include <algorithm>
#include <random>

namespace troupe::detail {

namespace {

std::uint64_t chosen_seed(std::uint64_t given) {
  if (given != 0) return given;
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

const std::shared_ptr<const failure>& going_down() {
  static const auto reason = std::make_shared<const failure>(
      failure{failure_kind::cancelled, "the runtime is going down"});
  return reason;
}

} // namespace

runtime_core::runtime_core(runtime_options options)
    : options_(std::move(options)), observers_(options_.observers),
      shared_(std::exchange(options_.sharing, nullptr)),
      placer_(std::exchange(options_.placer, nullptr)), random_(chosen_seed(options_.random_seed)) {
  if (options_.log) observers_.push_back(make_log_observer());
  for (const auto& each : observers_) {
    interests_.push_back(each->interests());
    interests |= interests_.back();
    faulty_.push_back(std::make_unique<std::atomic<bool>>(false));
  }
  cancel_grace = options_.cancel_grace;
  node_name = options_.node_name;
  actors::engine_services::restarts = options_.restarts;
}

std::shared_ptr<runtime_core> runtime_core::make(runtime_options options,
                                                 std::unique_ptr<actors::stage_system> system) {
  std::shared_ptr<runtime_core> core(new runtime_core(std::move(options)));
  const auto& chosen = core->options_;
  core->clock_ = std::make_unique<actors::steady_time>();
  core->system_ =
      system ? std::move(system) : actors::make_stage_system({.scheduler_threads = chosen.workers});
  core->pool_ = std::make_unique<actors::thread_pool>(
      actors::thread_pool_options{chosen.blocking_threads, chosen.max_queued_steps}, *core->clock_);
  return core;
}

std::shared_ptr<runtime_core> runtime_core::make_virtual(runtime_options options) {
  std::shared_ptr<runtime_core> core(new runtime_core(std::move(options)));
  const auto& chosen = core->options_;
  auto clock = std::make_unique<actors::virtual_time>();
  core->virtual_clock_ = clock.get();
  core->clock_ = std::move(clock);
  core->system_ = actors::make_virtual_stage_system(*core->virtual_clock_);
  core->pool_ = std::make_unique<actors::thread_pool>(
      actors::thread_pool_options{chosen.blocking_threads, chosen.max_queued_steps}, *core->clock_);
  return core;
}

runtime_core::~runtime_core() {
  shut_down();
}

void runtime_core::emit(const run_event& event) {
  for (std::size_t index = 0; index < observers_.size(); ++index) {
    if ((interests_[index] >> static_cast<unsigned>(event.kind) & 1u) == 0) continue;
    try {
      observers_[index]->on_event(event);
    } catch (...) {
      if (faulty_[index]->exchange(true)) continue;
      static const failure fault{failure_kind::unclassified, "an observer threw an exception"};
      const run_event report{.kind = event_kind::warning,
                             .at = event.at,
                             .run = event.run,
                             .why = &fault,
                             .detail =
                                 "an observer threw an exception; more of them are not reported"};
      for (std::size_t other = 0; other < observers_.size(); ++other) {
        if (other == index) continue;
        if ((interests_[other] & interest_in(event_kind::warning)) == 0) continue;
        try {
          observers_[other]->on_event(report);
        } catch (...) {
          faulty_[other]->store(true);
        }
      }
    }
  }
}

// The clock must outlive the hold, and whoever holds it may outlive the runtime.
std::shared_ptr<void> runtime_core::hold_clock() {
  auto hold = clock_->hold();
  if (!hold) return nullptr;
  auto self = shared_from_this();
  return {hold.get(), [hold, self](void*) mutable {
            hold.reset();
            self.reset();
          }};
}

bool runtime_core::sleep_until(instant due, const std::stop_token& stop) {
  return clock_->sleep_until(due, stop);
}

std::shared_ptr<stage_placer> runtime_core::placer() const {
  const std::scoped_lock lock(mutex_);
  return placer_;
}

void runtime_core::define(const std::string& name, const plan& tree) {
  const std::scoped_lock lock(mutex_);
  defined_.insert_or_assign(name, tree);
}

std::shared_ptr<deployment_core> runtime_core::deploy(const plan& tree, std::string name,
                                                      std::shared_ptr<const plan_source> source) {
  std::map<std::string, plan> defined;
  {
    const std::scoped_lock lock(mutex_);
    defined = defined_;
  }
  auto self = std::static_pointer_cast<runtime_core>(shared_from_this());
  auto made = std::make_shared<deployment_core>(std::move(self), tree, std::move(name));
  made->source = std::move(source);
  return make_live(std::move(made), std::move(defined));
}

std::shared_ptr<deployment_core> runtime_core::deploy_branch(const plan_branch& part) {
  auto self = std::static_pointer_cast<runtime_core>(shared_from_this());
  auto made = std::make_shared<deployment_core>(std::move(self), part.tree, part.shown_as);
  made->root_path = part.path;
  made->shown_as = part.shown_as;
  made->is_branch = true;
  return make_live(std::move(made), part.pipelines);
}

std::shared_ptr<deployment_core> runtime_core::make_live(std::shared_ptr<deployment_core> made,
                                                         std::map<std::string, plan> pipelines) {
  {
    const std::scoped_lock lock(mutex_);
    if (closing_) throw std::logic_error("deploy: the runtime is going down");
  }
  const plan::resolver find = [&](const std::string& wanted) -> const plan* {
    const auto place = pipelines.find(wanted);
    return place == pipelines.end() ? nullptr : &place->second;
  };
  made->tree().validate(find);
  made->pipelines = &pipelines;
  spawn_stages(*made, find);
  made->pipelines = nullptr;
  for (auto& each : made->breakers) each.second->on_change = breaker_reporter();
  const std::scoped_lock lock(mutex_);
  deployments_.insert(made.get());
  return made;
}

std::function<void(breaker_phase, breaker_phase, const std::string&)>
runtime_core::breaker_reporter() {
  return [self = weak_from_this()](breaker_phase from, breaker_phase to, const std::string& who) {
    const auto alive = self.lock();
    if (!alive || !alive->observed(event_kind::breaker_changed)) return;
    const auto change = actors::transition_text(from, to);
    alive->emit(
        {.kind = event_kind::breaker_changed, .at = alive->now(), .step = who, .detail = change});
  };
}

void runtime_core::forget(deployment_core* gone) {
  const std::scoped_lock lock(mutex_);
  deployments_.erase(gone);
}

std::size_t runtime_core::replicas() const {
  return options_.replicas > 0 ? options_.replicas : system_->scheduler_threads();
}

std::uint64_t runtime_core::next_seed() {
  const std::scoped_lock lock(mutex_);
  return random_.fork(++seeds_).next();
}

run_id runtime_core::make_run_id() {
  if (!is_virtual()) return run_id::make();
  const std::scoped_lock lock(mutex_);
  const auto since =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_->now().time_since_epoch());
  return run_id::from_parts(static_cast<std::uint64_t>(since.count()), random_.next(),
                            random_.next());
}

runtime_metrics runtime_core::metrics() const {
  runtime_metrics all;
  all.open_runs = open_runs_;
  all.late_answers = late_answers;
  all.abandoned_steps = abandoned_steps;
  all.abandoned_running = static_cast<std::uint64_t>(std::max<std::int64_t>(0, abandoned_running));
  all.restarted_stages = restarted_stages;
  all.blocking_threads_busy = pool_->running();
  all.blocking_steps_queued = pool_->queued();
  return all;
}

// Either a run that opens sees that the runtime closes, or whoever closes it sees the run.
bool runtime_core::open_run() {
  ++open_runs_; // also when refused: the run ends right away, and is counted out again
  return !closing_;
}

void runtime_core::close_run() {
  if (--open_runs_ > 0) return;
  const std::scoped_lock lock(mutex_); // whoever waits has looked, or waits already
  no_runs_.notify_all();
}

bool runtime_core::wait_until_idle(duration limit) {
  std::unique_lock lock(mutex_);
  return no_runs_.wait_for(lock, limit, [&] { return open_runs_ == 0; });
}

void runtime_core::drive(const std::shared_ptr<run_state>& run, instant limit) {
  const auto ready = [&] { return run->done(); };
  if (system_->drive(ready, limit) || limit != no_deadline) return;
  std::string names;
  for (const auto& name : system_->waiting_stages()) names += (names.empty() ? "" : ", ") + name;
  run->cancel(std::make_shared<const failure>(
      failure{failure_kind::permanent,
              "nothing can ever happen any more: no timer is set; waiting for " + names}));
  system_->drive(ready, no_deadline);
}

void runtime_core::drive_to(instant limit) {
  system_->drive([] { return false; }, limit);
}

// Runs have a grace period to stop in, and another one to undo what they have done; what is beyond
// that is a step on a thread of its own, which is left behind.
void runtime_core::wait_for_runs() {
  if (is_virtual()) {
    system_->drive([&] { return metrics().open_runs == 0; }, no_deadline);
    return;
  }
  std::unique_lock lock(mutex_);
  no_runs_.wait_for(lock, 2 * cancel_grace + std::chrono::seconds(2),
                    [&] { return open_runs_ == 0; });
}

void runtime_core::shut_down() {
  std::vector<std::shared_ptr<deployment_core>> live;
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(down_, true) || !system_) return;
    closing_ = true;
    for (auto* each : deployments_) {
      if (auto alive = each->weak_from_this().lock()) live.push_back(std::move(alive));
    }
  }
  for (const auto& each : live) each->close(going_down());
  wait_for_runs();
  for (const auto& each : live) each->stop_hosts();
  pool_->stop(cancel_grace);
  system_->shut_down();
  std::shared_ptr<stage_placer> gone;
  const std::scoped_lock lock(mutex_);
  gone.swap(placer_);
}

} // namespace troupe::detail
