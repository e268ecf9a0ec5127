#pragma once

#include "branch_codec.hpp"
#include "wire.hpp"

#include <troupe/actors/message.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/workflows/step_registry.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::nodes {

using coordinator_number = std::uint64_t;

/// Makes branches live; what a branch host needs of the process it is in.
class branch_deployer {
public:
  virtual ~branch_deployer() = default;
  /// Where requests for a branch go.
  struct live {
    std::function<void(step_request, std::shared_ptr<actors::mailbox>)> open;
    std::function<void(request_id, std::shared_ptr<const failure>, const actors::mailbox*)> cancel;
  };
  /// `about` is the item of a `deploy` message. A failure says why it cannot be, for people.
  virtual outcome<live> deploy(const value& about) = 0;
};

/// What a branch host does to the world.
class branch_host_port {
public:
  virtual ~branch_host_port() = default;
  virtual void send(coordinator_number to, frame body) = 0;
};

/// Is told what steps report, on their threads and even after everything else has ended; whoever
/// owns the host hands it to `take_usage`.
using usage_listener = std::function<void(const run_scope* run, const usage& spent)>;

struct branch_host_options {
  std::size_t max_branches = 1'000; ///< live; those that were not used for longest go first
  std::size_t max_bytes_in_frame = 128u << 10;
  std::size_t max_early_cancels = 10'000; ///< of each coordinator, of work that has not come yet
};

/// Does the work of coordinators in a worker: makes branches live once, by hash and place, opens
/// requests in them, and gathers their results and events.
///
/// Pure but for the deployer and the port. Not thread-safe.
class branch_host {
public:
  /// `results` is where the stages send their results; who owns it hands them to `take_result`.
  branch_host(branch_host_options options, branch_deployer& deployer, branch_host_port& port,
              std::shared_ptr<actors::mailbox> results, usage_listener on_usage);
  ~branch_host();

  void add_coordinator(coordinator_number from);
  /// The link is gone. Its work goes on until `cancel_all`, and its results are dropped.
  void lose_coordinator(coordinator_number from);
  /// Stops all work of a coordinator.
  void cancel_all(coordinator_number from, const std::string& why);

  void take_deploy(coordinator_number from, const message& content);
  void take_retire(coordinator_number from, const message& content);
  void take_work(coordinator_number from, const message& content, instant now);
  void take_cancel(coordinator_number from, const message& content);

  void take_result(step_result result);
  /// Something happened in the run of a request, as `write_event` tells it.
  void take_event(const run_scope* run, event_kind kind, value::list_type event);

  void take_usage(const run_scope* run, const usage& spent);

  /// Hands work back that has not ended yet, to be done elsewhere.
  void hand_back(const std::string& why);
  /// Sends what has been gathered for each coordinator.
  void flush();

  [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }
  [[nodiscard]] std::size_t open_of(coordinator_number from) const;
  [[nodiscard]] std::uint64_t done() const noexcept { return done_; }

private:
  struct branch;
  struct coordinator;
  struct job {
    coordinator* from = nullptr;
    dispatch_number dispatch = 0;
    std::shared_ptr<branch> of{};
    std::shared_ptr<run_scope> run{};
    context before{};
    std::uint32_t interests = 0;
  };

  void refuse(coordinator& to, dispatch_number number, const std::string& name, failure why);
  void open(coordinator& from, remote_request request);
  void cancel(coordinator& from, dispatch_number dispatch,
              const std::shared_ptr<const failure>& reason);
  void forget_unused();
  void wrote(coordinator& to, results_writer& writer);
  void wrote(coordinator& to, frame_writer& writer);
  void write_result(coordinator& to, const job& work, const step_result& result);

  branch_host_options options_;
  branch_deployer& deployer_;
  branch_host_port& port_;
  std::shared_ptr<actors::mailbox> results_;
  std::shared_ptr<const usage_listener> on_usage_;
  std::map<coordinator_number, std::unique_ptr<coordinator>> coordinators_;
  std::map<std::string, std::shared_ptr<branch>> branches_; // by hash, path and name
  std::unordered_map<std::uint64_t, job> open_;             // by the id given to the stages
  std::unordered_map<const run_scope*, std::uint64_t> by_run_;
  std::uint64_t last_id_ = 0;
  std::uint64_t uses_ = 0;
  std::uint64_t done_ = 0;
};

} // namespace troupe::nodes
