#pragma once

#include "dispatcher.hpp"
#include "node_base.hpp"

#include <troupe/runtime/branch.hpp>

#include <memory>
#include <optional>

namespace troupe::nodes {

/// What a coordinator says to its workers, and what it makes of what they say: everything but the
/// runtime that its runs live in.
class coordinator_base : public node_base, public dispatch_port {
public:
  /// Returns where the requests for a branch go. Not from inside a handler.
  [[nodiscard]] actors::stage_ref place(branch_offer offer);

protected:
  using node_base::node_base;
  ~coordinator_base() override;

  void begin_dispatching(dispatcher_options options, std::uint64_t seed, std::uint32_t interests);
  [[nodiscard]] dispatcher& dispatching() noexcept { return *dispatch_; }
  [[nodiscard]] const dispatcher& dispatching() const noexcept { return *dispatch_; }

  void opened(peer&, std::uint64_t) override {}
  void said(peer& by, message& content) override;
  void ended(peer& with, const std::string& why) override;
  void failed_to_connect(std::uint64_t, const std::string&) override {}
  void judged(peer& of, liveness verdict) override;
  void handle_other(node_event& event) override;
  void look(instant now) override;
  void rest() override;
  [[nodiscard]] bool is_quiet(const peer& with) const override;
  [[nodiscard]] value own_load() override;

  void send(worker_number to, frame body) override;

private:
  class branch_mailbox;

  void welcome(peer& with, const message& hello);
  void count_workers();

  std::optional<dispatcher> dispatch_;
};

} // namespace troupe::nodes
