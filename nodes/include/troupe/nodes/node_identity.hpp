#pragma once

#include <troupe/protocol/ids.hpp>
#include <troupe/protocol/value.hpp>

#include <string>

namespace troupe {

/// Who a process is among others. Name, host and process number may come back after a restart; the
/// incarnation never does, so a result of an earlier life is told from one of this life.
struct node_identity {
  std::string name;   ///< what people call it
  std::string host;   ///< of the machine, as it calls itself
  int process = 0;    ///< its number on that machine
  run_id incarnation; ///< new at every start
};

/// Returns the identity of this process, with a fresh incarnation. An empty name becomes
/// `host:process`.
[[nodiscard]] node_identity make_node_identity(std::string name = {});

/// Returns the identity as a plain map.
[[nodiscard]] value to_value(const node_identity& node);

} // namespace troupe
