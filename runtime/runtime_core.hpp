#pragma once

#include "shared_stages.hpp"

#include <troupe/actors/clock_source.hpp>
#include <troupe/actors/stage_engine.hpp>
#include <troupe/actors/stage_system.hpp>
#include <troupe/actors/thread_pool.hpp>
#include <troupe/runtime/runtime.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace troupe::detail {

class deployment_core;
class run_state;

/// Everything a runtime owns. What may outlive the runtime itself (handles, abandoned steps) holds
/// this object; its threads and actors end in `shut_down`.
class runtime_core final : public actors::engine_services {
public:
  /// Real time; without a system, one of its own is made.
  static std::shared_ptr<runtime_core> make(runtime_options options,
                                            std::unique_ptr<actors::stage_system> system);
  static std::shared_ptr<runtime_core> make_virtual(runtime_options options);
  ~runtime_core() override;

  // What engines ask for.
  instant now() override { return clock_->now(); }
  actors::step_executor& executor() override { return *pool_; }
  void emit(const run_event& event) override;
  std::shared_ptr<void> hold_clock() override;
  bool sleep_until(instant due, const std::stop_token& stop) override;

  std::shared_ptr<deployment_core> deploy(const plan& tree, std::string name,
                                          std::shared_ptr<const plan_source> source = nullptr);
  std::shared_ptr<deployment_core> deploy_branch(const plan_branch& part);
  void define(const std::string& name, const plan& tree);
  void shut_down();

  /// Null when all branches work in this process, and once the runtime is down.
  [[nodiscard]] std::shared_ptr<stage_placer> placer() const;
  [[nodiscard]] const runtime_options& options() const noexcept { return options_; }
  [[nodiscard]] actors::stage_system& system() const noexcept { return *system_; }
  [[nodiscard]] shared_stages& shared() noexcept { return shared_; }
  [[nodiscard]] std::size_t replicas() const;
  [[nodiscard]] std::uint64_t next_seed();
  [[nodiscard]] run_id make_run_id();
  [[nodiscard]] runtime_metrics metrics() const;
  /// Tells observers what an operator did to a breaker.
  [[nodiscard]] std::function<void(breaker_phase, breaker_phase, const std::string&)>
  breaker_reporter();
  [[nodiscard]] bool is_virtual() const noexcept { return virtual_clock_ != nullptr; }

  /// Counts a run as open; false when the runtime is going down.
  [[nodiscard]] bool open_run();
  void close_run();
  bool wait_until_idle(duration limit);
  /// Under virtual time: moves on until the run has ended. Fails the run when nothing can ever
  /// happen.
  void drive(const std::shared_ptr<run_state>& run, instant limit);
  void drive_to(instant limit);
  void forget(deployment_core* gone);

private:
  explicit runtime_core(runtime_options options);
  void wait_for_runs();
  std::shared_ptr<deployment_core> make_live(std::shared_ptr<deployment_core> made,
                                             std::map<std::string, plan> pipelines);

  runtime_options options_;
  std::unique_ptr<actors::clock_source> clock_;
  actors::virtual_time* virtual_clock_ = nullptr;
  std::unique_ptr<actors::thread_pool> pool_;
  std::unique_ptr<actors::stage_system> system_;
  std::vector<std::shared_ptr<observer>> observers_;
  std::vector<std::uint32_t> interests_; // one bit for each kind of event, by observer
  std::vector<std::unique_ptr<std::atomic<bool>>> faulty_;
  shared_stages shared_;

  mutable std::mutex mutex_;
  std::condition_variable no_runs_;
  std::map<std::string, plan> defined_;
  std::set<deployment_core*> deployments_;
  std::shared_ptr<stage_placer> placer_; // may hold what holds this
  std::atomic<std::uint64_t> open_runs_{0};
  std::atomic<bool> closing_{false};
  bool down_ = false;
  std::uint64_t seeds_ = 0;
  random_source random_;
};

} // namespace troupe::detail
