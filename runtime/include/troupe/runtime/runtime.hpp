#pragma once

#include <troupe/actors/stage_system.hpp>
#include <troupe/policies/restart_budget.hpp>
#include <troupe/runtime/branch.hpp>
#include <troupe/runtime/choose.hpp>
#include <troupe/runtime/cluster_sharing.hpp>
#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/deployment.hpp>
#include <troupe/runtime/metrics.hpp>
#include <troupe/runtime/observer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

struct runtime_options {
  // What affects behavior.
  std::vector<std::shared_ptr<observer>> observers{};
  bool log = true;               ///< also tell the log observer, see observer.hpp
  std::uint64_t random_seed = 0; ///< of all jitter; 0 takes one from the operating system
  duration cancel_grace =
      std::chrono::seconds(1); ///< how long a step may take to stop once it is asked to
  restart_limits restarts{};   ///< of a stage that crashes
  std::string node_name = "local";
  /// Takes branches to other processes; null: everything works in this one.
  std::shared_ptr<stage_placer> placer{};
  /// Shares what has `scope: cluster` with other processes; null: it is for this one.
  std::shared_ptr<cluster_sharing> sharing{};

  // What affects performance.
  std::size_t workers = 0; ///< scheduler threads; 0: one per processor
  std::size_t replicas =
      0; ///< of each deployment's stages, that runs are spread over; 0: one per scheduler thread
  bool fuse_stages = true; ///< stages of a replica share one actor; false: each has its own
  std::size_t blocking_threads = 32; ///< threads for blocking steps, started when needed
  std::size_t max_queued_steps =
      10'000; ///< blocking steps that may wait for a thread; beyond, they are rejected
};

namespace detail {
class runtime_core;
}

/// Runs deployed pipelines. Thread-safe.
///
/// Destroying it cancels every open run, waits until they have ended (a grace period at most, and
/// another one for what undoes them), and ends all actors and threads. Steps that ignore their stop
/// token even then are left to themselves.
class runtime {
public:
  explicit runtime(runtime_options options = {});
  /// Lives in actors of the given system, see `caf_interop.hpp`.
  runtime(runtime_options options, std::unique_ptr<actors::stage_system> system);
  virtual ~runtime();
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  /// Checks the plan and makes it live. Throws `plan_error` with everything that is wrong with it,
  /// or `infinite_fallback_error`.
  template <stage Stage>
  [[nodiscard]] auto deploy(const Stage& what) {
    return deployment<typename Stage::input, typename Stage::output>(deploy_plan(what.tree()));
  }
  /// The same for a plan; its runs carry `name`, or else the name of the plan. Other processes read
  /// it from `source`, where there is one.
  [[nodiscard]] std::shared_ptr<detail::deployment_core>
  deploy_plan(const plan& tree, std::string name = {},
              std::shared_ptr<const plan_source> source = nullptr);
  /// Makes a part of a plan live for another process that owns its runs. Throws as `deploy` does.
  [[nodiscard]] std::shared_ptr<served_branch> serve_branch(const plan_branch& part);

  /// Registers a step or pipeline under a name, for `use<In, Out>(name)` in others. A later
  /// definition replaces an earlier one for plans that are deployed after it.
  template <stage Stage>
  void define(const std::string& name, const Stage& what) {
    define_plan(name, what.tree());
  }
  void define_plan(const std::string& name, const plan& tree);

  /// The breaker or cache that stages share under that name, once a plan with it was deployed.
  [[nodiscard]] std::optional<breaker_handle> breaker(std::string_view name) const;
  [[nodiscard]] std::optional<cache_handle> cache(std::string_view name) const;
  /// The names under which breakers and caches are shared so far, sorted.
  [[nodiscard]] std::vector<std::string> breaker_names() const;
  [[nodiscard]] std::vector<std::string> cache_names() const;
  [[nodiscard]] runtime_metrics metrics() const;
  [[nodiscard]] instant now() const; ///< of the runtime's clock
  /// Waits until no run is open, at most that long; true when none is.
  bool wait_until_idle(duration limit) const;
  /// Does once what the destructor does; nothing can be deployed or started afterwards.
  void shut_down();
  /// Tells the observers what happened to a run in another process.
  void tell(const run_event& event) const;
  [[nodiscard]] const std::string& node_name() const noexcept;
  /// One bit for each kind of event that an observer wants.
  [[nodiscard]] std::uint32_t interests() const;

protected:
  explicit runtime(std::shared_ptr<detail::runtime_core> core);
  [[nodiscard]] detail::runtime_core& core() const noexcept { return *core_; }

private:
  std::shared_ptr<detail::runtime_core> core_;
};

} // namespace troupe
