#pragma once

#include "worker_base.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe::nodes {

/// The node that does the work of coordinators, with a runtime of its own.
class worker final : public worker_base {
public:
  [[nodiscard]] static std::shared_ptr<worker> start(node_options options);
  ~worker() override;

  [[nodiscard]] troupe::runtime& runtime() noexcept { return *runtime_; }
  /// Takes nothing new, and waits until its work has ended or the drain limit has passed; then
  /// hands back what is left. True when nothing was left.
  bool drain();
  void stop();

private:
  class event_collector;

  worker(node_options options, std::unique_ptr<transport> wires);
  void begin();
  void rest() override;
  [[nodiscard]] value own_load() override;
  void tell(const std::string& text) override;
  void wanted(std::uint32_t interests) override;

  std::optional<troupe::runtime> runtime_;
  std::unique_ptr<branch_deployer> deployer_;
  std::shared_ptr<event_collector> events_;
  std::mutex idle_mutex_;
  std::condition_variable idle_;
  std::atomic<std::size_t> open_{0};
};

/// Makes branches live in `home`, of the files that come with them or of the registry's pipelines.
[[nodiscard]] std::unique_ptr<branch_deployer> make_branch_deployer(troupe::runtime& home,
                                                                    const step_registry& registry);
/// The hashes of every part of the registry's pipelines, in hex, sorted.
[[nodiscard]] std::vector<std::string> pipeline_hashes(const step_registry& registry);

} // namespace troupe::nodes
