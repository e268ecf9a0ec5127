#pragma once

#include <troupe/protocol/usage.hpp>
#include <troupe/protocol/value.hpp>

#include <optional>
#include <string>

namespace troupe::service {

/// What somebody wants to have run.
struct submission {
  std::string workflow{}; ///< the text of a file; or else
  std::string name{};     ///< of a workflow that was submitted before, or of a registered pipeline
  std::string file{};     ///< what messages call the text
  std::optional<value> input{}; ///< else that of the file
  value context{};              ///< a map, over that of the file key by key
  std::string correlation_id{};
  usage_limit limits{};         ///< each over that of the file
  bool restart_scripts = false; ///< scripted steps of the file start over
};

} // namespace troupe::service
