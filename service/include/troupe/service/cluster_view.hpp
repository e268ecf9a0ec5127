#pragma once

#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/value.hpp>

#include <string>
#include <vector>

namespace troupe::service {

/// One thing that a run waits for, as `troupe why` shows it.
struct wait_reason {
  std::string code;    ///< such as `queued`, `no_worker`, `running`, `retry_wait`, `paused`
  std::string text;    ///< for people: `no worker with label gpu=true (2 workers connected)`
  std::string path;    ///< place of the stage in the plan; may be empty
  std::string step;    ///< its name
  std::string node;    ///< where it is, if anywhere
  double since_ms = 0; ///< how long it has been so
};

/// What the HTTP API asks of the cluster behind a coordinator. Thread-safe.
class cluster_view {
public:
  virtual ~cluster_view() = default;
  /// A list of maps, one a node, the coordinator first: `name, role, state (alive, suspect,
  /// draining, gone), address, labels, step_types, credit, running, queued, done, abandoned,
  /// last_seen_ms, uptime_ms, version`.
  [[nodiscard]] virtual value nodes() = 0;
  /// Asks a node to take no new work, finish and leave. `permanent` for an unknown name.
  virtual outcome<value> drain(const std::string& node) = 0;
  /// What the work of a run waits for on its way to workers and on them; empty when nothing.
  [[nodiscard]] virtual std::vector<wait_reason> why(const run_id& run) = 0;
  /// A list of maps: `name, scope, state, failure_count, success_count, retry_after_ms, home`.
  [[nodiscard]] virtual value breakers() = 0;
  virtual outcome<value> reset_breaker(const std::string& name) = 0;
  /// A list of maps: `name, scope, size, bytes, hits, misses, evictions, hit_rate`.
  [[nodiscard]] virtual value caches() = 0;
  virtual outcome<value> clear_cache(const std::string& name) = 0;
};

} // namespace troupe::service
