#pragma once

#include "run_state.hpp"
#include "shared_stages.hpp"

#include <troupe/actors/breaker_guard.hpp>
#include <troupe/actors/message.hpp>
#include <troupe/actors/stage.hpp>
#include <troupe/policies/latency_histogram.hpp>
#include <troupe/protocol/plan.hpp>
#include <troupe/runtime/branch.hpp>
#include <troupe/runtime/deployment.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::detail {

class runtime_core;

/// The stages of one deployed plan, in all their replicas, and what they have counted.
class deployment_core final : public std::enable_shared_from_this<deployment_core> {
public:
  /// One copy of the stages that runs are spread over.
  struct replica {
    actors::stage_ref root;
    std::vector<std::shared_ptr<actors::mailbox>> hosts;
  };

  deployment_core(std::shared_ptr<runtime_core> home, plan tree, std::string name);
  ~deployment_core();

  /// `stays`: the caller's thread may work on the run.
  std::shared_ptr<run_state> start(value input, run_options options, bool stays = false);
  /// Goes on with a paused run; without an answer, cancels it.
  outcome<std::shared_ptr<run_state>>
  resume(const run_snapshot& state, const std::optional<value>& answer, run_options options);
  std::function<void()> serve(step_request request, std::function<void(step_result)> done);
  bool cancel(const run_state& run, const std::shared_ptr<const failure>& reason);
  /// Of a branch: works on a request of a process that owns the run.
  void open(step_request request, std::shared_ptr<actors::mailbox> reply_to);
  void cancel(request_id id, std::shared_ptr<const failure> reason,
              const actors::mailbox* requester);
  [[nodiscard]] deployment_metrics metrics() const;
  /// Cancels every open run; new ones are refused.
  void close(const std::shared_ptr<const failure>& reason);
  /// Once all replicas are there.
  void begin_service() { seen_ = std::vector<last_sight>(replicas.size()); }
  void stop_hosts();

  [[nodiscard]] runtime_core& home() const noexcept { return *home_; }
  [[nodiscard]] const plan& tree() const noexcept { return tree_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // What the plan spawner goes by.
  std::shared_ptr<const plan_source> source{};
  std::string root_path = "0";
  std::string shown_as{};
  bool is_branch = false; ///< its root answers requesters that are no runs of this runtime
  const std::map<std::string, plan>* pipelines = nullptr; ///< while it is spawned

  // Filled by the plan spawner.
  std::vector<replica> replicas;
  std::vector<std::shared_ptr<actors::stage_identity>> identities;
  std::vector<std::pair<std::string, std::shared_ptr<breaker_entry>>> breakers;
  std::vector<cache_place> caches;
  bool records = false; ///< runs remember what they have finished
  digest hash{};        ///< of the plan, where runs remember

private:
  class own_run;
  class served_run;

  std::shared_ptr<run_state> begin(std::shared_ptr<own_run> run, value input, run_options options,
                                   bool stays = false);
  void launch(const std::shared_ptr<run_state>& run, step_request request, bool stays = false);
  std::size_t pick_replica(instant now);
  bool is_behind(std::size_t number, instant now);
  void count(const step_result& result, const run_scope& scope);
  void warn(const run_scope& scope, std::string_view text);
  void settle_result(step_result&& result, run_state& run,
                     const std::function<void(const run_result&)>& on_done);
  void settle_pause(run_state& run, const failure* why, value input, const context& given);

  std::shared_ptr<runtime_core> home_;
  plan tree_;
  std::string name_;
  /// When a replica was last seen to come for what waited.
  struct last_sight {
    std::atomic<std::uint32_t> taken{0};
    std::atomic<duration::rep> at{0};
  };

  std::atomic<std::uint64_t> next_replica_{0};
  std::vector<last_sight> seen_; // by replica
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> cancelled_{0};
  std::atomic<std::uint64_t> cache_hits_{0};
  std::atomic<std::uint64_t> fallbacks_{0};
  std::atomic<std::uint64_t> retries_{0};
  std::atomic<double> cost_usd_{0};
  std::atomic<std::int64_t> tokens_{0};
  latency_histogram latencies_;
};

} // namespace troupe::detail
