#include "stage_actor.hpp"

#include <troupe/actors/caf_interop.hpp>
#include <troupe/actors/stage_system.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/logger.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <sys/prctl.h>

#include <algorithm>
#include <thread>
#include <unordered_map>

namespace troupe::actors {

namespace {

/// Timers of threads that are made meanwhile are exact: else the kernel may be 50 us late with
/// them.
class exact_timers {
public:
  exact_timers() : before_(prctl(PR_GET_TIMERSLACK)) { prctl(PR_SET_TIMERSLACK, 1); }
  ~exact_timers() { prctl(PR_SET_TIMERSLACK, before_); }
  exact_timers(const exact_timers&) = delete;
  exact_timers& operator=(const exact_timers&) = delete;

private:
  int before_;
};

struct owned_system {
  explicit owned_system(std::size_t threads) {
    config.set("scheduler.policy", caf::atom("sharing"))
        .set("scheduler.max-throughput", std::size_t{300})
        .set("scheduler.max-threads", threads);
    const exact_timers meanwhile;
    system = std::make_unique<caf::actor_system>(config);
  }
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
};

/// Hosts that were made and not yet launched, and the actors that live.
class hosts {
public:
  std::shared_ptr<stage_actor_state> make(std::shared_ptr<actor_mailbox> box,
                                          engine_services& services, std::uint64_t seed) {
    auto state = std::make_shared<stage_actor_state>();
    state->engine = std::make_unique<stage_engine>(services, box, seed);
    state->box = box;
    const std::scoped_lock lock(mutex_);
    made_.emplace(box.get(), state);
    return state;
  }

  void launch(caf::actor_system& system, const std::shared_ptr<actor_mailbox>& box) {
    std::shared_ptr<stage_actor_state> state;
    {
      const std::scoped_lock lock(mutex_);
      state = std::move(made_.extract(box.get()).mapped());
    }
    count_->add();
    const std::weak_ptr<stage_actor_state> watched = state;
    box->open(system.spawn(stage_actor, std::move(state), count_), watched);
    // The framework has now put this system's logger into the thread, which may belong to another
    // system and outlive this one: its end would wait for that for ever.
    caf::logger::set_current_actor_system(nullptr);
  }

  void wait_for_none() { count_->wait_for_none(); }

private:
  std::mutex mutex_;
  std::unordered_map<const mailbox*, std::shared_ptr<stage_actor_state>> made_;
  std::shared_ptr<actor_count> count_ = std::make_shared<actor_count>();
};

void stop_actor(const std::shared_ptr<mailbox>& box) {
  if (auto actor = static_cast<actor_mailbox&>(*box).close()) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  }
}

class threaded_system final : public stage_system {
public:
  threaded_system(caf::actor_system& system, std::unique_ptr<owned_system> own)
      : own_(std::move(own)), system_(system) {}

  host make_host(engine_services& services, std::uint64_t seed) override {
    auto box = std::make_shared<actor_mailbox>();
    auto* engine = hosts_.make(box, services, seed)->engine.get();
    return {std::move(box), engine};
  }

  void launch(const host& made) override {
    hosts_.launch(system_, std::static_pointer_cast<actor_mailbox>(made.box));
  }

  void stop(const std::shared_ptr<mailbox>& box) override { stop_actor(box); }

  void shut_down() override {
    hosts_.wait_for_none();
    if (own_) own_->system.reset();
  }

  std::size_t scheduler_threads() const noexcept override {
    return system_.scheduler().num_workers();
  }

  bool drive(const std::function<bool()>& ready, instant) override { return ready(); }
  std::vector<std::string> waiting_stages() override { return {}; }

private:
  std::unique_ptr<owned_system> own_;
  caf::actor_system& system_;
  hosts hosts_;
};

/// A mailbox under virtual time: what is put into it, from whichever thread, waits for the one that
/// drives.
class virtual_mailbox final : public actor_mailbox {
public:
  using inbox = std::vector<std::pair<std::shared_ptr<virtual_mailbox>, message>>;
  struct shared_inbox {
    std::mutex mutex;
    inbox waiting;
    virtual_time* clock; ///< null once the system is gone
  };

  explicit virtual_mailbox(std::shared_ptr<shared_inbox> shared) : shared_(std::move(shared)) {}

  void put(message content) override {
    virtual_time* clock;
    {
      const std::scoped_lock lock(shared_->mutex);
      clock = shared_->clock;
      if (clock) shared_->waiting.emplace_back(self.lock(), std::move(content));
    }
    // Whoever waits for the clock looks into the inbox with the clock's lock held, so that one must
    // never be taken with this one held.
    if (clock) clock->notify();
  }

  // Time moves by who drives it, and by nobody else.
  void put_and_work(message content) override { put(std::move(content)); }

  void deliver(message content) { actor_mailbox::put(std::move(content)); }

  std::weak_ptr<virtual_mailbox> self;

private:
  std::shared_ptr<shared_inbox> shared_;
};

class virtual_system final : public stage_system {
public:
  explicit virtual_system(virtual_time& clock) : clock_(clock) {
    config_.set("scheduler.policy", caf::atom("testing"));
    system_ = std::make_unique<caf::actor_system>(config_);
    scheduler_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
    inbox_->clock = &clock_;
  }

  host make_host(engine_services& services, std::uint64_t seed) override {
    auto box = std::make_shared<virtual_mailbox>(inbox_);
    box->self = box;
    auto state = hosts_.make(box, services, seed);
    state->wake_at = [this, self = box->self](instant due) {
      clock_.wake_at(due, [self] {
        if (const auto alive = self.lock()) alive->put(wake_message{});
      });
    };
    engines_.emplace_back(box, state);
    return {std::move(box), state->engine.get()};
  }

  void launch(const host& made) override {
    hosts_.launch(*system_, std::static_pointer_cast<actor_mailbox>(made.box));
  }

  void stop(const std::shared_ptr<mailbox>& box) override { stop_actor(box); }

  void shut_down() override {
    run_actors();
    {
      const std::scoped_lock lock(inbox_->mutex);
      inbox_->clock = nullptr;
      inbox_->waiting.clear();
    }
    engines_.clear();
    system_.reset();
  }

  std::size_t scheduler_threads() const noexcept override { return 1; }

  bool drive(const std::function<bool()>& ready, instant limit) override {
    const std::scoped_lock driver(driver_);
    for (;;) {
      run_actors();
      if (ready()) return true;
      clock_.wait_until_idle([&] { return !inbox_empty(); });
      if (!inbox_empty()) continue;
      const auto next = clock_.next_due();
      if (!next || *next > limit) {
        if (limit != no_deadline) clock_.move_to(limit);
        return false;
      }
      clock_.move_to(*next);
    }
  }

  std::vector<std::string> waiting_stages() override {
    std::vector<std::string> names;
    for (const auto& [box, state] : engines_) {
      if (const auto alive = state.lock()) {
        for (auto& name : alive->engine->waiting_stages(5)) names.push_back(std::move(name));
      }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

private:
  bool inbox_empty() {
    const std::scoped_lock lock(inbox_->mutex);
    return inbox_->waiting.empty();
  }

  void run_actors() {
    for (;;) {
      virtual_mailbox::inbox arrived;
      {
        const std::scoped_lock lock(inbox_->mutex);
        arrived.swap(inbox_->waiting);
      }
      for (auto& [box, content] : arrived) {
        if (box) box->deliver(std::move(content));
      }
      const auto ran = scheduler_->run();
      if (arrived.empty() && ran == 0) return;
    }
  }

  virtual_time& clock_;
  std::mutex driver_;
  std::shared_ptr<virtual_mailbox::shared_inbox> inbox_ =
      std::make_shared<virtual_mailbox::shared_inbox>();
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  hosts hosts_;
  std::vector<std::pair<std::weak_ptr<mailbox>, std::weak_ptr<stage_actor_state>>> engines_;
};

} // namespace

std::unique_ptr<stage_system> make_stage_system(const stage_system_options& options) {
  const auto threads = options.scheduler_threads > 0
                           ? options.scheduler_threads
                           : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  auto own = std::make_unique<owned_system>(threads);
  auto& system = *own->system;
  return std::make_unique<threaded_system>(system, std::move(own));
}

std::unique_ptr<stage_system> make_stage_system(caf::actor_system& system) {
  return std::make_unique<threaded_system>(system, nullptr);
}

std::unique_ptr<stage_system> make_virtual_stage_system(virtual_time& clock) {
  return std::make_unique<virtual_system>(clock);
}

} // namespace troupe::actors
