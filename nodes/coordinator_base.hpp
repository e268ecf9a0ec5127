#pragma once

#include "cache_exchange.hpp"
#include "caller.hpp"
#include "dispatcher.hpp"
#include "node_base.hpp"
#include "shared_state.hpp"

#include <troupe/runtime/branch.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::nodes {

/// What a coordinator says to its workers and to other coordinators, and what it makes of what they
/// say: everything but the runtime that its runs live in.
class coordinator_base : public node_base, public dispatch_port, public shared_port {
public:
  /// Returns where the requests for a branch go. Not from inside a handler.
  [[nodiscard]] actors::stage_ref place(branch_offer offer);

protected:
  coordinator_base(node_options options, std::unique_ptr<transport> wires,
                   std::function<instant()> clock = std::chrono::steady_clock::now);
  ~coordinator_base() override;

  void begin_dispatching(dispatcher_options options, std::uint64_t seed, std::uint32_t interests);
  [[nodiscard]] dispatcher& dispatching() noexcept { return *dispatch_; }
  [[nodiscard]] const dispatcher& dispatching() const noexcept { return *dispatch_; }

  [[nodiscard]] cache_exchange& caching() noexcept { return caches_; }
  [[nodiscard]] const std::shared_ptr<cache_memories>& memories() const noexcept {
    return memories_;
  }
  [[nodiscard]] shared_state& sharing() noexcept { return sharing_; }
  [[nodiscard]] const shared_state& sharing() const noexcept { return sharing_; }

  void opened(peer& with, std::uint64_t ticket) override;
  void said(peer& by, message& content) override;
  void ended(peer& with, const std::string& why) override;
  void failed_to_connect(std::uint64_t ticket, const std::string& why) override;
  void judged(peer& of, liveness verdict) override;
  void handle_other(node_event& event) override;
  void look(instant now) override;
  void rest() override;
  [[nodiscard]] bool is_quiet(const peer& with) const override;
  [[nodiscard]] value own_load() override;

  void send(worker_number to, frame body) override;
  void tell_other(const std::string& coordinator, frame body) override;
  /// A breaker has changed without a call of this process.
  virtual void breaker_changed(const std::string& name, breaker_phase from, breaker_phase to) = 0;

private:
  class branch_mailbox;

  void said_by_worker(peer& by, message& content);
  void said_by_other(peer& by, message& content);
  void welcome(peer& with, const message& hello);
  void welcome_worker(peer& with);
  void welcome_other(peer& with);
  [[nodiscard]] peer* link_to(const node_identity& who, const peer& but);
  [[nodiscard]] std::optional<std::string> misfit(const peer& with, const node_facts& theirs);
  void welcomed(peer& by, const message& content);
  void count_workers();
  void note_others();

  std::optional<dispatcher> dispatch_;
  caller calls_; // to other coordinators
  shared_state sharing_;
  std::shared_ptr<cache_memories> memories_ = std::make_shared<cache_memories>();
  cache_exchange caches_;
};

} // namespace troupe::nodes
