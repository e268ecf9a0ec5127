#pragma once

#include "coordinator_base.hpp"

#include <troupe/runtime/branch.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/service/api_server.hpp>
#include <troupe/service/cluster_view.hpp>
#include <troupe/service/run_book.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::nodes {

/// The node that owns runs: its runtime's branches go to the workers that are connected.
class coordinator final : public coordinator_base, public service::cluster_view {
public:
  [[nodiscard]] static std::shared_ptr<coordinator> start(node_options options);
  ~coordinator() override;

  [[nodiscard]] troupe::runtime& runtime() noexcept { return *runtime_; }
  [[nodiscard]] const endpoint& address() const noexcept { return address_; }
  [[nodiscard]] endpoint http_address() const { return api_ ? api_->address() : endpoint(); }
  /// Waits until no run is open, at most the drain limit.
  bool finish();
  /// Ends everything. Called once.
  void stop();

  // For the API.
  [[nodiscard]] value nodes() override;
  outcome<value> drain(const std::string& node) override;
  [[nodiscard]] std::vector<service::wait_reason> why(const run_id& run) override;
  [[nodiscard]] value breakers() override;
  outcome<value> reset_breaker(const std::string& name) override;
  [[nodiscard]] value caches() override;
  outcome<value> clear_cache(const std::string& name) override;

private:
  class placer;
  class sharer;

  coordinator(node_options options, std::unique_ptr<transport> wires);
  void begin();
  void see_clients_off() const;
  void share(const std::shared_ptr<actors::shared_breaker>& shared);
  void share(const std::shared_ptr<actors::shared_rate_limit>& shared);
  void serve(std::shared_ptr<service::run_log> log);

  void tell(const std::string& text) override;
  void emit(const run_event& event) override { runtime_->tell(event); }
  void breaker_changed(const std::string& name, breaker_phase from, breaker_phase to) override;

  [[nodiscard]] value about(const peer& of) const;

  std::optional<troupe::runtime> runtime_;
  std::optional<service::run_book> book_;
  std::optional<service::api_server> api_;
  std::atomic<bool> draining_{false};
  endpoint address_{};
  instant started_{};
};

} // namespace troupe::nodes
