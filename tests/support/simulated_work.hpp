#pragma once

#include "support/history.hpp"
#include "support/simulated_network.hpp"

#include <troupe/actors/remote_stage.hpp>
#include <troupe/actors/stage_engine.hpp>
#include <troupe/actors/step_host.hpp>
#include <troupe/runtime/branch.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// What one kind of branch is like.
struct branch_script {
  std::string name;
  step_kind kind = step_kind::async;
  bool once = false; ///< not to be done twice
  bool in_two_steps = false;
  bool retried = false; ///< where it works
  bool large = false;   ///< some inputs and outputs travel in pieces, and so does its plan
  double failing = 0;
  double hanging = 0;
  double stubborn = 0; ///< ignores that it is told to stop
  double deadly = 0;   ///< the process dies of it
  std::vector<std::pair<std::string, std::string>> labels{};

  [[nodiscard]] branch_offer offer() const;
};

/// What all of a simulated world shares.
struct simulated_world {
  explicit simulated_world(std::uint64_t seed, network_options options = {})
      : time(seed), network(time, options) {}

  void note(fact what) {
    what.at = time.now();
    if (traces) trace(to_string(what));
    history.push_back(std::move(what));
  }
  void trace(const std::string& text) {
    if (traces) lines.push_back(troupe::to_string(time.now() - instant()) + ' ' + text);
  }

  simulated_time time;
  simulated_network network;
  std::vector<fact> history;
  bool traces = false;
  std::vector<std::string> lines;
  std::map<std::string, branch_script> scripts; // by hash, in hex
  std::uint64_t last_request = 0;
  std::uint64_t last_execution = 0;
  // Bugs that a test plants:
  bool stops_late = false;    ///< what runs goes on for long when it is to stop
  bool answers_twice = false; ///< coordinators do
  std::function<void(std::uint64_t process)> kill;
};

/// A short text for a value of any size; different for different ones.
[[nodiscard]] std::string summary_of(const value& content);

/// Stages in one process of the world, and what they execute.
class simulated_engine {
public:
  simulated_engine(simulated_world& world, std::shared_ptr<simulated_process> process,
                   const std::string& name);
  ~simulated_engine();

  [[nodiscard]] std::shared_ptr<actors::mailbox> box() const;
  [[nodiscard]] simulated_world& world() const noexcept { return world_; }
  [[nodiscard]] simulated_process& process() const noexcept { return *process_; }
  template <class Parts>
  std::uint32_t add(const std::string& name, Parts parts) {
    auto identity = std::make_shared<actors::stage_identity>();
    identity->name = name;
    identity->path = "0/" + std::to_string(++made_);
    return engine_->add(
        [identity, parts = std::move(parts)] { return make_stage(identity, parts); });
  }
  /// A branch as its script says; requests for it go to the stage.
  [[nodiscard]] std::uint32_t add_branch(const branch_script& script);

  void observe(std::uint32_t kinds);
  std::function<void(const run_event&)> on_event;
  void close(const std::string& why);
  /// Nothing is open, runs, or is due.
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] std::size_t open_calls() const noexcept { return engine_->open_calls(); }

private:
  class services;
  class mailbox;
  class execution;

  void wake(duration wait);
  void take_turn();
  [[nodiscard]] step_definition definition_of(const branch_script& script, const std::string& name);
  std::uint64_t note_start(const branch_script& script, const std::string& name,
                           const step_context& context, duration stubborn_for);
  outcome<value> work_at_once(const branch_script& script, const std::string& name,
                              step_context& context);
  [[nodiscard]] value output_of(const branch_script& script, std::uint64_t number);

  simulated_world& world_;
  std::shared_ptr<simulated_process> process_;
  std::shared_ptr<services> services_;
  std::deque<actors::message> inbox_;
  std::shared_ptr<mailbox> box_;
  std::unique_ptr<actors::stage_engine> engine_;
  std::set<std::shared_ptr<execution>> running_;
  std::uint64_t made_ = 0;
  bool awake_ = false;
  instant alarm_ = no_deadline;
};

} // namespace troupe::testing
