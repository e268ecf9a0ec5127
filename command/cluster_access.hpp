#pragma once

#include "command_options.hpp"

#include <troupe/service/cluster_client.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace troupe::detail {

/// The cluster that options and environment name. Throws `usage_error`.
[[nodiscard]] std::unique_ptr<cluster_client> connect(const cluster_access& given);

/// Throws what the user should know: `usage_error` for what is wrong with the request,
/// `cluster_error` for everything else.
[[noreturn]] void refuse(const failure& why);

/// The answer of a cluster, if there is one.
template <class T>
T expect(outcome<T> answer) {
  if (!answer) refuse(answer.why());
  return *std::move(answer);
}

/// The text of a workflow file, or nothing when the word is the name of a workflow. Throws
/// `usage_error` when it can only be a file and cannot be read.
[[nodiscard]] std::optional<std::string> workflow_text(const std::string& file_or_name);

} // namespace troupe::detail
