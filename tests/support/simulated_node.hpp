#pragma once

#include "coordinator_base.hpp"
#include "support/history.hpp"
#include "support/simulated_network.hpp"
#include "support/simulated_work.hpp"
#include "worker_base.hpp"

#include <memory>
#include <string>
#include <vector>

namespace troupe::testing {

/// A coordinator: the real conversation with its workers, and stages whose far ends are on them.
class simulated_coordinator final : public nodes::coordinator_base {
public:
  static std::shared_ptr<simulated_coordinator> start(simulated_world& world,
                                                      std::shared_ptr<simulated_process> process,
                                                      node_options options,
                                                      nodes::dispatcher_options dispatching);

  [[nodiscard]] simulated_engine& engine() noexcept { return engine_; }
  [[nodiscard]] simulated_process& process() noexcept { return *process_; }
  using coordinator_base::dispatching;
  /// A stage that stands for the branch with that script.
  [[nodiscard]] actors::remote_stage remote(const branch_script& script);
  /// Shared with the other coordinators.
  [[nodiscard]] const std::shared_ptr<actors::shared_breaker>& breaker() const noexcept {
    return breaker_;
  }
  /// How many other coordinators there are links to.
  [[nodiscard]] std::size_t linked() const noexcept { return sharing().others().size(); }
  /// Asks a worker to leave.
  void drain(const std::string& name);
  /// Writes down how many wait, and why the runs do that are open.
  void note_standings(const std::vector<run_id>& open_runs);
  [[nodiscard]] bool is_idle() const;

private:
  class relay;
  class recorder;

  simulated_coordinator(simulated_world& world, std::shared_ptr<simulated_process> process,
                        node_options options);
  void begin(nodes::dispatcher_options dispatching);
  void tick_on();
  void ended(nodes::peer& with, const std::string& why) override;
  void emit(const run_event&) override {}
  void tell(const std::string& text) override { world_.trace("coordinator: " + text); }
  void breaker_changed(const std::string&, breaker_phase, breaker_phase) override {}

  simulated_world& world_;
  std::shared_ptr<simulated_process> process_;
  simulated_engine engine_;
  std::shared_ptr<recorder> recorder_;
  std::shared_ptr<actors::shared_breaker> breaker_;
};

/// A worker: the real conversation with its coordinators, and real stages that do the work.
class simulated_worker final : public nodes::worker_base, public nodes::branch_deployer {
public:
  static std::shared_ptr<simulated_worker>
  start(simulated_world& world, std::shared_ptr<simulated_process> process, node_options options);

  [[nodiscard]] simulated_engine& engine() noexcept { return engine_; }
  [[nodiscard]] simulated_process& process() noexcept { return *process_; }
  /// Takes nothing new, ends what it has or hands it back, and ends.
  void drain();
  [[nodiscard]] bool is_idle();

  outcome<live> deploy(const value& about) override;

private:
  simulated_worker(simulated_world& world, std::shared_ptr<simulated_process> process,
                   node_options options);
  void begin();
  void tick_on();
  void stop();
  void ended(nodes::peer& with, const std::string& why) override;
  void wanted(std::uint32_t interests) override { engine_.observe(interests); }
  void tell(const std::string& text) override { world_.trace(facts_.identity.name + ": " + text); }
  [[nodiscard]] value own_load() override;

  simulated_world& world_;
  std::shared_ptr<simulated_process> process_;
  simulated_engine engine_;
  bool draining_ = false;
  instant drain_until_{};
};

} // namespace troupe::testing
