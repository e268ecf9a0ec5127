#pragma once

#include <troupe/actors/message.hpp>
#include <troupe/actors/shared_decision.hpp>
#include <troupe/actors/stage.hpp>
#include <troupe/policies/bulkhead.hpp>
#include <troupe/policies/rate_limit.hpp>

#include <memory>
#include <mutex>
#include <unordered_map>

namespace troupe::actors {

/// One bulkhead for all replicas and places that use it: the decision, and who waits. Thread-safe.
class shared_bulkhead {
public:
  explicit shared_bulkhead(bulkhead options) : state_(std::move(options)) {}

  static constexpr std::uint32_t admitted_signal = 1;

  /// Who was `let_in_before` is not turned away.
  [[nodiscard]] bulkhead_state::decision enter(const call_address& who, bool let_in_before = false);
  /// An admitted call ended; tells the one who is next.
  void leave();
  /// A waiting call gave up. One that was admitted meanwhile leaves instead.
  void give_up(bulkhead_state::ticket number);
  [[nodiscard]] std::size_t position(bulkhead_state::ticket number);
  [[nodiscard]] std::size_t queued();
  [[nodiscard]] int in_flight();

private:
  std::mutex mutex_;
  bulkhead_state state_;
  std::unordered_map<bulkhead_state::ticket, call_address> waiting_;
};

using shared_rate_limit = shared_decision<token_bucket>;

/// Lets a bounded number of calls in at once.
struct bulkhead_gate {
  stage_ref child;
  std::shared_ptr<shared_bulkhead> shared;
  bulkhead options;
  bool remembers = false; ///< who was let in before a pause
};

/// Lets a bounded number of calls start per unit of time.
struct rate_gate {
  stage_ref child;
  std::shared_ptr<shared_rate_limit> shared;
  rate_limit options;
  bool remembers = false; ///< who was let in before a pause
};

[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                bulkhead_gate parts);
[[nodiscard]] std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity,
                                                rate_gate parts);

} // namespace troupe::actors
