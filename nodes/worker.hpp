#pragma once

#include "branch_host.hpp"
#include "node_base.hpp"

#include <troupe/policies/random.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::nodes {

/// The node that does the work of coordinators, with a runtime of its own.
class worker final : public node_base, public branch_host_port {
public:
  [[nodiscard]] static std::shared_ptr<worker> start(node_options options);
  ~worker() override;

  [[nodiscard]] troupe::runtime& runtime() noexcept { return *runtime_; }
  /// Takes nothing new, and waits until its work has ended or the drain limit has passed; then
  /// hands back what is left. True when nothing was left.
  bool drain();
  /// A coordinator has asked it to leave.
  [[nodiscard]] bool wants_to_leave() const noexcept { return leaving_; }
  void stop();

private:
  class results_mailbox;
  class event_collector;
  /// One of the coordinators it works for.
  struct home {
    endpoint where{};
    std::uint64_t peer = 0; ///< 0 while there is no link
    bool is_connecting = false;
    std::uint32_t failures = 0; ///< in a row
    instant next_try{};
    bool was_refused = false;
  };
  struct orphaned {
    coordinator_number from;
    std::string name;
    instant until;
  };

  worker(node_options options, std::unique_ptr<transport> wires);
  void begin();
  void opened(peer& with, std::uint64_t ticket) override;
  void said(peer& by, message& content) override;
  void ended(peer& with, const std::string& why) override;
  void failed_to_connect(std::uint64_t ticket, const std::string& why) override;
  void judged(peer&, liveness) override {}
  void handle_other(node_event& event) override;
  void look(instant now) override;
  void rest() override;
  [[nodiscard]] value own_load() override;
  void send(coordinator_number to, frame body) override;

  void welcomed(peer& by, const message& content);
  void retry_later(home& where, const std::string& why);
  void leave();
  void count_coordinators();

  std::optional<troupe::runtime> runtime_;
  std::unique_ptr<branch_deployer> deployer_;
  std::shared_ptr<event_collector> events_;
  std::shared_ptr<results_mailbox> results_;
  std::optional<branch_host> host_;
  std::vector<home> homes_;
  std::vector<orphaned> orphans_;
  random_source random_;
  std::atomic<bool> leaving_{false};
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
