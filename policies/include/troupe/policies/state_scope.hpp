#pragma once

#include <troupe/protocol/plan.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// For whom the state of a policy counts. In a cluster it lives with the coordinator that owns the
/// runs, wherever their stages work.
enum class state_scope : std::uint8_t {
  local,   ///< for one coordinator, or one process without a cluster
  cluster, ///< for all coordinators together; the policy needs a name, by which it is found
};

/// `local`, `cluster`
[[nodiscard]] std::string_view to_string(state_scope scope);
/// Null for `local`, which goes without saying.
[[nodiscard]] value describe_scope(state_scope scope);
void check_scope(state_scope scope, const std::string& name, option_check& report);

} // namespace troupe
