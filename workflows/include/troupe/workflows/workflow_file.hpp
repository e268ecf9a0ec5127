#pragma once

#include <troupe/protocol/plan.hpp>
#include <troupe/protocol/usage.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/workflows/script_book.hpp>
#include <troupe/workflows/step_registry.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe {

/// Thrown for a file that is no valid workflow. `what()` is meant for people: every error of the
/// file as `FILE:LINE:COLUMN: error: MESSAGE`, each with its line and a caret.
class workflow_error : public std::invalid_argument {
public:
  workflow_error(const std::string& rendered, std::size_t errors)
      : std::invalid_argument(rendered), errors_(errors) {}
  [[nodiscard]] std::size_t errors() const noexcept { return errors_; }

private:
  std::size_t errors_;
};

/// Returns the content of an environment variable, or nothing when it is not set.
using environment_reader = std::function<std::optional<std::string>(const std::string& name)>;

/// A workflow file (YAML 1.2 or JSON), read and checked: a plan, and how its runs start.
struct workflow {
  std::string name;
  std::string file; ///< as it was given, for messages
  plan tree;
  std::optional<value> input{}; ///< the default
  value context{};              ///< the initial one: a map
  usage_limit limits{};
  std::map<std::string, plan> pipelines{}; ///< of the file and of the registry, by name
  std::string warnings{};                  ///< for people; empty when there are none
  /// The text it was read from, for other processes.
  std::shared_ptr<const plan_source> source{};
  /// What the scripted steps were asked; null when the file has none.
  std::shared_ptr<script_book> scripts{};

  /// Makes it live: defines its pipelines and deploys its plan. Throws `plan_error` when this
  /// runtime has other breakers or caches of the same names.
  [[nodiscard]] deployment<value, value> deploy(runtime& home) const;
};

/// Reads a workflow from a text; `file` names it in messages. Throws `workflow_error` with every
/// error of the file.
[[nodiscard]] workflow parse_workflow(const std::string& file, std::string text,
                                      const step_registry& registry = {},
                                      const environment_reader& environment = nullptr);

/// Reads a workflow file. Throws `workflow_error`, also when it cannot be opened.
[[nodiscard]] workflow read_workflow(const std::string& path, const step_registry& registry = {},
                                     const environment_reader& environment = nullptr);

} // namespace troupe
