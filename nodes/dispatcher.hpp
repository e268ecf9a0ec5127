#pragma once

#include "branch_codec.hpp"
#include "wire.hpp"

#include <troupe/actors/message.hpp>
#include <troupe/policies/random.hpp>
#include <troupe/runtime/branch.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::nodes {

using worker_number = std::uint64_t;

struct dispatcher_options {
  std::size_t max_queued = 100'000;                   ///< requests that wait, for each placement
  duration placement_wait = std::chrono::seconds(30); ///< for a worker that fits
  std::size_t poison_deaths = 3;                      ///< workers that die under one piece of work
  std::size_t max_suspicions = 10'000; ///< pieces of work whose deaths are remembered
  std::size_t max_bytes_in_frame = 128u << 10;
};

/// What the dispatcher does to the world.
class dispatch_port {
public:
  virtual ~dispatch_port() = default;
  virtual void send(worker_number to, frame body) = 0;
  /// Tells the observers of the runtime.
  virtual void emit(const run_event& event) = 0;
};

/// What has been counted so far.
struct dispatch_counters {
  std::uint64_t dispatched = 0;
  std::uint64_t redispatched = 0; ///< sent once more, after the loss of a worker
  std::uint64_t answered = 0;
  std::uint64_t fenced = 0;  ///< results nobody waits for any more
  std::uint64_t refused = 0; ///< the queue was full
  std::uint64_t quarantined = 0;
};

/// Hands the requests of a coordinator's runs to its workers, and their results back: never more to
/// a worker than it has credit for, the rest in one bounded queue for each placement; two workers
/// chosen by chance, and of them the less busy one. What a lost worker had is done by another one
/// when it may be done twice, and fails as `worker_lost` when it may not.
///
/// Pure: time and chance are arguments, what it does goes through the port. Not thread-safe.
class dispatcher {
public:
  dispatcher(dispatcher_options options, dispatch_port& port, std::uint64_t seed,
             std::uint32_t interests);
  ~dispatcher();

  // Branches.
  branch_number add_branch(branch_offer offer);
  void remove_branch(branch_number branch);

  // Requests of stages.
  void start(branch_number branch, step_request request, std::shared_ptr<actors::mailbox> reply_to,
             instant now);
  void cancel(const actors::mailbox* requester, request_id id,
              const std::shared_ptr<const failure>& reason, instant now);

  // Workers.
  void add_worker(worker_number worker, node_facts facts, instant now);
  /// Gives a worker up: `why` is for people.
  void lose_worker(worker_number worker, const std::string& why, instant now);
  void set_suspect(worker_number worker, bool suspect, instant now);
  /// It gets nothing new from now on.
  void set_draining(worker_number worker);
  void take_results(worker_number worker, const message& results, instant now);
  void take_progress(worker_number worker, const message& progress, instant now);

  /// Fails what has waited too long for a worker that fits. To be called a few times a second.
  void look(instant now);
  /// Sends what has been gathered for each worker. To be called when there is nothing else to do.
  void flush();
  /// Answers everything; nothing is sent any more.
  void close(const std::shared_ptr<const failure>& why, instant now);

  struct worker_load {
    std::size_t in_flight = 0;
    std::size_t credit = 0;
    std::uint64_t done = 0;
    bool suspect = false;
    bool draining = false;
  };
  [[nodiscard]] worker_load load_of(worker_number worker) const;
  [[nodiscard]] std::size_t queued() const noexcept { return queued_; }
  [[nodiscard]] std::size_t open() const noexcept { return dispatches_.size(); }
  [[nodiscard]] std::size_t placements() const noexcept { return placements_.size(); }
  [[nodiscard]] const dispatch_counters& counters() const noexcept { return counters_; }

  /// One request of a run, and where it stands.
  struct standing {
    std::string step;
    std::string path;
    std::string code; ///< `queued`, `no_worker`, `running`, `cancelling`
    std::string text;
    std::string node;
    instant since{};
  };
  [[nodiscard]] std::vector<standing> standings(const run_id& run, std::size_t most) const;

private:
  struct worker;
  struct placement;
  struct branch;
  struct dispatch {
    dispatch_number number = 0;
    std::shared_ptr<branch> of{}; ///< lives as long as there is work for it
    step_request request{};
    std::shared_ptr<actors::mailbox> reply_to{};
    worker* at = nullptr;
    instant since{}; ///< it is where it is
    std::shared_ptr<const failure> cancelled{};
    usage seen{}; ///< spent so far, as far as it was told
    std::list<dispatch*>::iterator place{};
    bool is_queued = false;
  };
  struct far_key {
    const actors::mailbox* from;
    request_id id;
    friend bool operator==(const far_key&, const far_key&) = default;
  };
  struct far_hash {
    std::size_t operator()(const far_key& key) const noexcept;
  };

  std::shared_ptr<placement> placement_for(const branch_offer& offer);
  [[nodiscard]] static bool fits(const worker& each, const placement& wanted);
  [[nodiscard]] worker* choose(const placement& wanted);
  void send(dispatch& work, worker& to, instant now);
  void leave(dispatch& work);
  void deploy(const branch& what, worker& to);
  void enqueue(dispatch& work, instant now);
  void feed(worker& idle, instant now);
  void take_result(worker& of, dispatch& work, outcome<remote_result> read, instant now);
  void answer(dispatch& work, step_result result);
  void fail(dispatch& work, failure why);
  void take_back(dispatch& work, const worker& from, instant now);
  void lost(dispatch& work, const node_identity& node, const std::string& why, instant now);
  /// Returns the workers that died under this piece of work so far.
  std::vector<node_identity> suspect_work(const dispatch& work, const node_identity& node);
  [[nodiscard]] std::string missing(const placement& wanted) const;
  void count_usage(const worker& from, const value& item, const usage& spent);
  void drop_from_queue(dispatch& work);

  dispatcher_options options_;
  dispatch_port& port_;
  random_source random_;
  std::uint32_t interests_;
  std::map<worker_number, std::unique_ptr<worker>> workers_;
  std::map<std::string, std::shared_ptr<placement>> placements_;
  std::unordered_map<branch_number, std::shared_ptr<branch>> branches_;
  std::unordered_map<dispatch_number, dispatch> dispatches_;
  std::unordered_map<far_key, dispatch_number, far_hash> by_requester_;
  std::map<std::string, std::vector<node_identity>> suspicions_; // deaths, by piece of work
  std::deque<std::string> oldest_suspicions_;
  std::vector<worker*> touched_;
  dispatch_number last_dispatch_ = 0;
  branch_number last_branch_ = 0;
  std::size_t queued_ = 0;
  std::shared_ptr<const failure> closed_{};
  dispatch_counters counters_;
};

} // namespace troupe::nodes
