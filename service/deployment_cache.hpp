#pragma once

#include <troupe/protocol/digest.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace troupe::service {

/// A workflow made live, and where it came from.
struct live_workflow {
  workflow file;
  std::shared_ptr<const std::string> text; ///< null for a registered pipeline
  deployment<value, value> deployed;

  /// How often the retry at a path tries again; 0 when there is none.
  [[nodiscard]] std::uint32_t retries_at(const std::string& path) const;
};

/// The workflows that are live, one for each text, so that what they share lasts from run to run.
/// The least used one is let go of first; runs of it that are open are not touched. Thread-safe.
class deployment_cache {
public:
  deployment_cache(runtime& home, std::size_t most, step_registry registry,
                   environment_reader environment);

  using result = outcome<std::shared_ptr<const live_workflow>>;
  /// `malformed` with every error of the text; `permanent` when it cannot be made live beside the
  /// others. `restarts`: scripted steps of the file start over.
  result of_text(const std::string& file, std::shared_ptr<const std::string> text,
                 bool restarts = false);
  /// The newest workflow of that name, or a registered pipeline.
  result of_name(const std::string& name, bool restarts = false);
  /// A registered pipeline, whatever workflows have its name.
  result of_pipeline(const std::string& name);
  [[nodiscard]] std::size_t size() const;

private:
  struct slot {
    std::shared_ptr<const live_workflow> live;
    std::uint64_t used = 0;
  };
  result deploy(workflow file, std::shared_ptr<const std::string> text);
  void keep(const digest& key, const std::shared_ptr<const live_workflow>& live);

  runtime& home_;
  const std::size_t most_;
  const step_registry registry_;
  const environment_reader environment_;
  // Definitions of pipelines belong to the whole runtime: files are made live one after the other.
  mutable std::mutex mutex_;
  std::map<digest, slot> slots_;
  std::map<std::string, digest> by_name_;
  std::uint64_t uses_ = 0;
};

} // namespace troupe::service
