#pragma once

#include "support/simulated_hosts.hpp"

#include <troupe/actors/admission_gate.hpp>
#include <troupe/actors/breaker_guard.hpp>
#include <troupe/actors/cache_keeper.hpp>
#include <troupe/actors/fallback_supervisor.hpp>
#include <troupe/actors/fan_out.hpp>
#include <troupe/actors/hedge_supervisor.hpp>
#include <troupe/actors/looper.hpp>
#include <troupe/actors/retry_supervisor.hpp>
#include <troupe/actors/run_keeper.hpp>
#include <troupe/actors/saga_keeper.hpp>
#include <troupe/actors/sequencer.hpp>
#include <troupe/actors/step_host.hpp>
#include <troupe/actors/timeout_supervisor.hpp>
#include <troupe/runtime/step.hpp>
#include <troupe/runtime/testing.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// Trees of stages chosen by chance, spread over simulated hosts by chance.
class random_stages {
public:
  explicit random_stages(simulated_hosts& world) : world_(world), services_(world.services()) {}

  /// The root of a tree, as somebody outside of all hosts sees it.
  actors::stage_ref grow_root(int depth) {
    const auto home = any_host();
    auto root = add(home, "run", actors::run_keeper{{grow(depth, home), services_.chance(0.5)}});
    return {world_.at(home).box, root};
  }

  /// Calls that are still inside a bulkhead or wait in front of one.
  [[nodiscard]] std::size_t in_bulkheads() const {
    std::size_t sum = 0;
    for (const auto& each : bulkheads_) {
      sum += each->queued() + static_cast<std::size_t>(each->in_flight());
    }
    return sum;
  }

private:
  using ms = std::chrono::milliseconds;

  std::size_t any_host() { return services_.below(world_.count()); }

  template <class Parts>
  std::uint32_t add(std::size_t home, const std::string& name, Parts parts) {
    auto identity = std::make_shared<actors::stage_identity>();
    identity->name = name + '-' + std::to_string(++made_);
    identity->path = std::to_string(made_);
    return world_.at(home).engine->add(
        [identity, parts = std::move(parts)] { return actors::make_stage(identity, parts); });
  }

  // A stage as its parent in host `parent` sees it.
  actors::stage_ref grow(int depth, std::size_t parent) {
    const auto home = services_.chance(0.5) ? parent : any_host();
    const auto number = depth == 0 ? leaf(home) : node(depth - 1, home);
    return {home == parent ? nullptr : world_.at(home).box, number};
  }

  std::vector<actors::stage_ref> several(int depth, std::size_t home) {
    std::vector<actors::stage_ref> children(1 + services_.below(3));
    for (auto& each : children) each = grow(depth, home);
    return children;
  }

  std::uint32_t node(int depth, std::size_t home) {
    switch (services_.below(14)) {
    case 0: return add(home, "sequence", sequence_of(several(depth, home)));
    case 1: return add(home, "parallel", block_of(several(depth, home)));
    case 2: return add(home, "map", map_of(grow(depth, home)));
    case 3: return add(home, "retry", retry_of(grow(depth, home)));
    case 4: return add(home, "timeout", actors::timeout_supervisor{grow(depth, home), {limit()}});
    case 5: return add(home, "fallback", fallbacks_of(several(depth, home)));
    case 6: return add(home, "breaker", breaker_of(grow(depth, home)));
    case 7: return add(home, "cache", cache_of(grow(depth, home)));
    case 8: return add(home, "bulkhead", bulkhead_of(grow(depth, home)));
    case 9: return add(home, "hedge", hedge_of(grow(depth, home)));
    case 10: return add(home, "loop", loop_of(grow(depth, home)));
    case 11: return add(home, "scope", scope_of(grow(depth, home)));
    default: return add(home, "member", member_of(grow(depth, home), home));
    }
  }

  actors::saga_keeper scope_of(actors::stage_ref child) {
    return {std::move(child), services_.chance(0.5)};
  }

  actors::saga_member member_of(actors::stage_ref child, std::size_t home) {
    scripted_step undo("undo");
    undo.answering([this](const value& input, const context&) {
      const auto took = services_.chance(0.3) ? duration::zero() : services_.up_to(ms(60));
      return services_.chance(0.2) ? permanent("never").taking(took) : ok(input).taking(took);
    });
    return {std::move(child), {world_.at(home).box, add(home, "undo", step_of(undo()))}};
  }

  duration limit() { return ms(1) + services_.up_to(ms(200)); }
  actors::sequencer sequence_of(const std::vector<actors::stage_ref>& stages) {
    actors::sequencer parts;
    for (const auto& each : stages) parts.children.push_back({each, services_.chance(0.3)});
    return parts;
  }

  actors::fan_out block_of(const std::vector<actors::stage_ref>& branches) {
    actors::fan_out parts{plan_kind::parallel, branches, {}, {}};
    for (std::size_t number = 0; number < branches.size(); ++number) {
      parts.keys.push_back("branch " + std::to_string(number));
    }
    parts.options = block(branches.size());
    return parts;
  }

  block_options block(std::size_t size) {
    static constexpr join_mode modes[] = {join_mode::all, join_mode::collect, join_mode::quorum,
                                          join_mode::first};
    block_options options;
    options.joined.mode = modes[services_.below(4)];
    options.joined.quorum = static_cast<int>(1 + services_.below(size));
    options.max_in_flight = static_cast<int>(1 + services_.below(3));
    return options;
  }

  actors::fan_out map_of(actors::stage_ref body) {
    const auto size = 1 + services_.below(4);
    actors::fan_out parts{plan_kind::map, {std::move(body)}, {"body"}, block(size)};
    parts.options.over = [size](const value& input, const context&) {
      return value::list(value::list_type(size, input));
    };
    return parts;
  }

  actors::retry_supervisor retry_of(actors::stage_ref child) {
    retry options;
    options.max_retries = static_cast<int>(services_.below(4));
    options.initial_delay = services_.up_to(ms(20));
    options.jitter = services_.chance(0.5) ? jitter_mode::full : jitter_mode::none;
    return {std::move(child), options, nullptr};
  }

  actors::fallback_supervisor fallbacks_of(std::vector<actors::stage_ref> levels) {
    std::vector<std::string> names(levels.size(), "level");
    return {std::move(levels), std::move(names)};
  }

  actors::breaker_guard breaker_of(actors::stage_ref child) {
    breaker options;
    options.failure_threshold = static_cast<int>(1 + services_.below(3));
    options.success_threshold = 1;
    options.wait = limit();
    return {std::move(child), std::make_shared<actors::shared_breaker>(options)};
  }

  actors::cache_keeper cache_of(actors::stage_ref child) {
    cache options;
    options.ttl = limit();
    if (services_.chance(0.3)) options.stale_if_error = limit();
    if (services_.chance(0.3)) options.negative_ttl = limit();
    options.key = [](const value&, const context&) { return value("the only key"); };
    return {std::move(child), std::make_shared<actors::shared_cache>(options), {}, options};
  }

  actors::bulkhead_gate bulkhead_of(actors::stage_ref child) {
    bulkhead options;
    options.max_in_flight = static_cast<int>(1 + services_.below(2));
    options.max_queue = static_cast<int>(services_.below(4));
    if (services_.chance(0.5)) options.max_wait = limit();
    bulkheads_.push_back(std::make_shared<actors::shared_bulkhead>(options));
    return {std::move(child), bulkheads_.back(), options};
  }

  actors::hedge_supervisor hedge_of(actors::stage_ref child) {
    hedge options;
    options.delay = services_.up_to(ms(30));
    options.max_hedges = static_cast<int>(1 + services_.below(3));
    return {std::move(child), options,
            std::make_shared<actors::shared_decision<recent_latencies>>()};
  }

  actors::looper loop_of(actors::stage_ref body) {
    loop_options options;
    options.max_iterations = static_cast<int>(1 + services_.below(4));
    options.until = [turns = 1 + services_.below(4)](const value&, std::uint64_t turn,
                                                     const context&) { return turn >= turns; };
    return {{std::move(body), services_.chance(0.3)}, options};
  }

  std::uint32_t leaf(std::size_t home) {
    using result = outcome<value>;
    const auto name = std::string("leaf");
    switch (services_.below(5)) {
    case 0:
      return add(home, name, step_of(inline_step("inline", [this](const value& input) -> result {
                   return plain_answer(input);
                 })));
    case 1:
      return add(home, name, step_of(step("blocking", [this](const value& input) -> result {
                   return plain_answer(input);
                 })));
    default: {
      scripted_step scripted("async");
      scripted.answering([this](const value& input, const context&) { return answer(input); });
      return add(home, name, step_of(scripted()));
    }
    }
  }

  template <class Stage>
  static actors::step_host step_of(const Stage& made) {
    return {made.tree()};
  }

  outcome<value> plain_answer(const value& input) {
    switch (services_.below(6)) {
    case 0: return failure{failure_kind::transient, "not now"};
    case 1: return failure{failure_kind::permanent, "never"};
    case 2: throw std::runtime_error("thrown");
    default: return input;
    }
  }

  script_entry answer(const value& input) {
    const auto took = services_.chance(0.3) ? duration::zero() : services_.up_to(ms(60));
    switch (services_.below(9)) {
    case 0: return transient("not now").taking(took).costing(0.01, 1);
    case 1: return permanent("never").taking(took);
    case 2: return throws(42).taking(took);
    case 3: return hang();
    case 4: return stuck(services_.up_to(ms(3000)), input);
    default: return ok(input).taking(took).costing(0.02, 2).setting("seen", input);
    }
  }

  simulated_hosts& world_;
  simulated_services& services_;
  std::vector<std::shared_ptr<actors::shared_bulkhead>> bulkheads_;
  std::uint64_t made_ = 0;
};

} // namespace troupe::testing
