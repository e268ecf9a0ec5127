#include "coordinator.hpp"
#include "worker.hpp"

#include <utility>

namespace troupe {

namespace {

void require(bool fine, const std::string& message) {
  if (!fine) throw node_error(message);
}

void check(const node_options& options) {
  const auto is_worker = options.role == node_role::worker;
  require(!is_worker || !options.coordinators.empty(),
          "coordinators: a worker needs at least one to work for");
  require(!is_worker || options.credit >= 1, "credit: is 0; it must be at least 1");
  require(options.credit <= 1'000'000, "credit: must be at most 1000000");
  require(options.max_queued >= 1, "max_queued: is 0; it must be at least 1");
  require(options.heartbeat > duration::zero(),
          "heartbeat: is " + to_string(options.heartbeat) + "; it must be more than 0");
  require(options.lost_after >= 2 * options.heartbeat,
          "lost_after: is " + to_string(options.lost_after)
              + "; it must be at least twice the heartbeat of " + to_string(options.heartbeat));
  require(options.orphan_grace >= duration::zero(), "orphan_grace: must not be negative");
  require(options.drain_limit >= duration::zero(), "drain_limit: must not be negative");
  require(options.placement_wait >= duration::zero(), "placement_wait: must not be negative");
  const auto& tls = options.tls;
  require(!tls.given() || (!tls.ca.empty() && !tls.certificate.empty() && !tls.key.empty()),
          "tls: needs all of ca, certificate and key");
  if (tls.given() || options.insecure) return;
  const std::string hint = ": outside of loopback it needs certificates (see `troupe certs`), or "
                           "`insecure` to do without";
  if (!is_worker) {
    require(is_loopback(options.listen), "listen: is " + to_string(options.listen) + hint);
  }
  for (const auto& each : options.coordinators) {
    require(is_loopback(each), "coordinators: " + to_string(each) + hint);
  }
}

} // namespace

std::string_view to_string(node_role role) {
  return role == node_role::coordinator ? "coordinator" : "worker";
}

class node::implementation {
public:
  explicit implementation(node_options options) {
    check(options);
    const auto warns = options.insecure && !options.tls.given();
    try {
      if (options.role == node_role::coordinator)
        coordinator_ = nodes::coordinator::start(std::move(options));
      else worker_ = nodes::worker::start(std::move(options));
    } catch (const node_error&) {
      throw;
    } catch (const std::runtime_error& error) {
      throw node_error(error.what());
    }
    if (warns) {
      home().tell({.kind = event_kind::warning,
                   .at = home().now(),
                   .detail = "insecure: links between nodes are neither encrypted nor checked"});
    }
  }

  ~implementation() {
    if (coordinator_) coordinator_->stop();
    if (worker_) worker_->stop();
  }

  [[nodiscard]] nodes::node_base& base() const {
    if (coordinator_) return *coordinator_;
    return *worker_;
  }
  [[nodiscard]] troupe::runtime& home() const {
    return coordinator_ ? coordinator_->runtime() : worker_->runtime();
  }
  [[nodiscard]] endpoint http_address() const {
    return coordinator_ ? coordinator_->http_address() : endpoint();
  }
  [[nodiscard]] endpoint address() const {
    return coordinator_ ? coordinator_->address() : endpoint();
  }
  [[nodiscard]] bool wants_to_leave() const { return worker_ && worker_->wants_to_leave(); }
  bool drain() const { return coordinator_ ? coordinator_->finish() : worker_->drain(); }

private:
  std::shared_ptr<nodes::coordinator> coordinator_;
  std::shared_ptr<nodes::worker> worker_;
};

node::node(node_options options)
    : implementation_(std::make_unique<implementation>(std::move(options))) {}

node::~node() = default;

const std::string& node::name() const noexcept {
  return implementation_->base().facts().identity.name;
}

endpoint node::listen_address() const {
  return implementation_->address();
}

endpoint node::http_address() const {
  return implementation_->http_address();
}

std::size_t node::connections() const {
  return implementation_->base().connections();
}

bool node::wait_for_connections(std::size_t count, duration limit) const {
  return implementation_->base().wait_for_connections(count, limit);
}

bool node::wants_to_leave() const {
  return implementation_->wants_to_leave();
}

void node::ping() const {
  implementation_->base().in_turn([] {});
}

bool node::drain() {
  return implementation_->drain();
}

troupe::runtime& node::runtime() const noexcept {
  return implementation_->home();
}

} // namespace troupe
