#pragma once

#include <troupe/protocol/context.hpp>
#include <troupe/protocol/digest.hpp>
#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/run_journal.hpp>
#include <troupe/protocol/run_scope.hpp>
#include <troupe/protocol/value.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// Everything that is needed to go on with a paused run, in this process or another one that has
/// the same plan deployed.
struct run_snapshot {
  ::troupe::run_id run_id{};
  std::string correlation_id{};
  std::string name{}; ///< of the pipeline
  digest plan{};      ///< hash of the plan it belongs to
  pause_request pause{};
  value input{};
  value context{}; ///< as the run found it
  std::shared_ptr<run_journal> journal{};
  std::uint32_t retry_count = 0;
  bool cache_hit = false;
  bool fallback_used = false;
  std::vector<checkpoint> checkpoints{};
};

/// Returns the snapshot as a plain map, for files.
[[nodiscard]] value to_value(const run_snapshot& state);
/// Reads what `to_value` wrote; `malformed` for anything else.
outcome<run_snapshot> run_snapshot_from(const value& content);

} // namespace troupe
