#pragma once

#include "branch_host.hpp"
#include "caller.hpp"
#include "node_base.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::nodes {

/// What a worker says to its coordinators, and what it makes of what they say: everything but the
/// runtime that does the work.
class worker_base : public node_base, public branch_host_port {
public:
  /// A coordinator has asked it to leave, or its owner has.
  [[nodiscard]] bool wants_to_leave() const noexcept { return leaving_; }

protected:
  worker_base(node_options options, std::unique_ptr<transport> wires, std::uint64_t seed,
              std::function<instant()> clock = std::chrono::steady_clock::now);
  ~worker_base() override;

  void begin_hosting(branch_deployer& deployer);
  [[nodiscard]] branch_host& host() noexcept { return *host_; }

  /// Takes nothing new from now on, and says so. In turn.
  void leave();

  void opened(peer& with, std::uint64_t ticket) override;
  void said(peer& by, message& content) override;
  void ended(peer& with, const std::string& why) override;
  void failed_to_connect(std::uint64_t ticket, const std::string& why) override;
  void judged(peer&, liveness) override {}
  void handle_other(node_event& event) override;
  void look(instant now) override;
  void rest() override;
  [[nodiscard]] bool is_quiet(const peer& with) const override;
  void send(coordinator_number to, frame body) override;
  /// A coordinator wants to hear of these kinds of events, one bit for each.
  virtual void wanted(std::uint32_t interests) = 0;

private:
  class results_mailbox;
  struct orphaned {
    coordinator_number from;
    std::string name;
    instant until;
  };

  void welcomed(peer& by, const message& content);
  void count_coordinators();

  std::shared_ptr<results_mailbox> results_;
  std::optional<branch_host> host_;
  caller homes_; // the coordinators it works for
  std::vector<orphaned> orphans_;
  std::atomic<bool> leaving_{false};
};

} // namespace troupe::nodes
