#pragma once

#include "support/history.hpp"
#include "support/simulated_node.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::testing {

struct cluster_script {
  std::uint64_t seed = 0;
  /// Frames are lost, repeated and exchanged inside of links.
  bool broken_network = false;
  bool without_trouble = false;
  bool traces = false;
};

/// A cluster in one thread and in virtual time: real coordinators and workers but for their
/// runtimes, real stages, and a network and processes that fail as the seed says.
class simulated_cluster {
public:
  explicit simulated_cluster(cluster_script script);
  ~simulated_cluster();

  /// Lets runs and trouble happen, ends the trouble, and waits until everything has ended.
  void run();
  [[nodiscard]] const std::vector<fact>& history() const noexcept { return world_.history; }
  [[nodiscard]] history_rules rules() const;
  /// What is still there at the end, and should not be.
  [[nodiscard]] std::vector<std::string> leftovers();
  [[nodiscard]] const std::vector<std::string>& trace() const noexcept { return world_.lines; }
  [[nodiscard]] simulated_world& world() noexcept { return world_; }

private:
  class asker;
  struct run_plan {
    run_id id{};
    std::uint64_t number = 0;
    std::size_t home = 0;
    std::uint64_t process = 0; ///< of the coordinator that has it
    std::shared_ptr<run_scope> scope{};
    std::shared_ptr<asker> who{};
    actors::stage_ref root{};
    bool ended = false;
  };

  // Nodes.
  std::shared_ptr<simulated_process> new_process(std::size_t machine);
  [[nodiscard]] std::vector<endpoint> homes() const;
  void start_coordinator(std::size_t which);
  void start_worker(std::size_t which);
  void kill(std::uint64_t process, bool is_seen = true);
  [[nodiscard]] simulated_worker* worker_at(std::size_t which);
  [[nodiscard]] simulated_process* any_process(bool of_worker);

  // Runs.
  void write_scripts();
  void start_run(std::size_t home);
  void cancel(const run_plan& run, const std::string& why);
  [[nodiscard]] std::uint32_t grow(simulated_coordinator& home, int depth);
  [[nodiscard]] std::uint32_t grow_block(simulated_coordinator& home, int depth);
  void watch();
  void note_standings(bool is_calm);
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] bool is_idle();
  bool run_until(instant until, const std::function<bool()>& done);
  void try_breakers();

  // Trouble.
  void plan_trouble();
  void trouble();
  void trouble_processes(std::size_t what);
  void trouble_network(std::size_t what);
  void lasts(duration length);
  void freeze(simulated_process* of);
  void part(bool both_ways);
  void end_trouble();
  [[nodiscard]] duration some_time();

  cluster_script script_;
  simulated_world world_;
  node_options common_{};
  nodes::dispatcher_options dispatching_{};
  std::vector<branch_script> scripts_;
  std::vector<std::shared_ptr<simulated_coordinator>> coordinators_;
  std::vector<std::shared_ptr<simulated_worker>> workers_;
  std::vector<std::map<std::string, std::string>> labels_; // of workers
  std::vector<std::size_t> credits_;
  std::map<std::uint64_t, std::shared_ptr<simulated_process>> processes_;
  std::vector<std::unique_ptr<run_plan>> runs_;
  std::map<std::uint64_t, std::size_t> credit_of_; // by process
  duration troubled_{}; ///< how long processes stood still and machines were apart, in all
  std::size_t troubles_ahead_ = 0;
  instant trouble_ends_{};
  bool calm_ = false;
  bool settled_ = false;
  bool breakers_open_ = true;
  bool breakers_close_ = true;
};

} // namespace troupe::testing
