#include "deployment_core.hpp"

#include "runtime_core.hpp"

#include <troupe/protocol/usage.hpp>

namespace troupe::detail {

namespace {

step_result ended_result(const std::shared_ptr<const failure>& why, context ctx) {
  step_result result;
  result.why = why;
  result.ctx = std::move(ctx);
  return result;
}

} // namespace

/// A run that was started here: with its scope in one piece, for the two live as long.
class deployment_core::own_run final : public run_state {
public:
  template <class... Scope>
  explicit own_run(std::shared_ptr<deployment_core> home, Scope&&... scope)
      : run_state(std::move(home), own_scope_), own_scope_(std::forward<Scope>(scope)...) {}

  [[nodiscard]] run_scope& own_scope() noexcept { return own_scope_; }

  std::function<void(const run_result&)> on_done{};
  /// What it was asked; only a run that may pause has to know.
  std::optional<std::pair<value, context>> asked{};

private:
  void settle(step_result&& result) override {
    const auto told = std::exchange(on_done, nullptr);
    auto kept = std::exchange(asked, std::nullopt);
    auto& core = home_now();
    if (kept && result.failed_with(failure_kind::paused)) {
      core.settle_pause(*this, result.why.get(), std::move(kept->first), kept->second);
    }
    core.settle_result(std::move(result), *this, told);
  }

  run_scope own_scope_;
};

/// A request of the stage protocol that somebody outside has made.
class deployment_core::served_run final : public run_state {
public:
  served_run(std::shared_ptr<deployment_core> home, const step_request& request,
             std::function<void(step_result)> done)
      : run_state(std::move(home), *request.run), scope_(request.run), meter_(request.meter),
        done_(std::move(done)) {}

private:
  void settle(step_result&& result) override {
    const auto done = std::exchange(done_, nullptr);
    auto& core = home_now();
    result.spent = meter_->total();
    core.count(result, *scope_);
    try {
      done(std::move(result));
    } catch (...) {
      core.warn(*scope_, "the receiver of a result threw an exception");
    }
  }

  std::shared_ptr<run_scope> scope_;
  std::shared_ptr<usage_meter> meter_;
  std::function<void(step_result)> done_;
};

deployment_core::deployment_core(std::shared_ptr<runtime_core> home, plan tree, std::string name)
    : home_(std::move(home)), tree_(std::move(tree)),
      name_(name.empty() ? tree_.name() : std::move(name)) {}

deployment_core::~deployment_core() {
  home_->forget(this);
  stop_hosts();
}

std::shared_ptr<run_state> deployment_core::start(value input, run_options options, bool stays) {
  auto correlation = std::move(options.correlation_id);
  if (correlation.empty()) correlation = options.context.correlation_id();
  const auto id = home_->make_run_id();
  auto run = correlation.empty()
                 ? std::make_shared<own_run>(shared_from_this(), id, home_->now(), options.limits)
                 : std::make_shared<own_run>(shared_from_this(), id, correlation, home_->now(),
                                             options.limits);
  if (records) run->own_scope().journal = std::make_shared<run_journal>();
  options.context = options.context.for_run(id, std::move(correlation));
  return begin(std::move(run), std::move(input), std::move(options), stays);
}

outcome<std::shared_ptr<run_state>> deployment_core::resume(const run_snapshot& state,
                                                            const std::optional<value>& answer,
                                                            run_options options) {
  if (!records || !(state.plan == hash)) {
    return failure{failure_kind::permanent,
                   "the run was paused by another version of the pipeline " + state.name};
  }
  if (const auto misfit = answer ? state.pause.rule.refuse(*answer) : std::nullopt) {
    return failure{failure_kind::malformed,
                   "the answer to \"" + state.pause.prompt + "\" " + *misfit};
  }
  auto run = std::make_shared<own_run>(shared_from_this(), state.run_id, state.correlation_id,
                                       home_->now(), options.limits);
  auto* scope = &run->own_scope();
  scope->journal = state.journal ? state.journal->copy() : std::make_shared<run_journal>();
  if (answer) {
    step_result answered;
    answered.name = state.pause.step;
    answered.output = *answer;
    scope->journal->record(state.pause.where,
                           {std::make_shared<const step_result>(std::move(answered)), {}});
  } else {
    scope->given_up = std::make_shared<const failure>(
        failure{failure_kind::cancelled, "the run was cancelled while it was paused"});
  }
  scope->retry_count = state.retry_count;
  scope->cache_hit = state.cache_hit;
  scope->fallback_used = state.fallback_used;
  scope->restore(state.checkpoints);
  options.context =
      context(state.correlation_id, state.context).for_run(state.run_id, state.correlation_id);
  return begin(std::move(run), state.input, std::move(options));
}

std::shared_ptr<run_state> deployment_core::begin(std::shared_ptr<own_run> run, value input,
                                                  run_options options, bool stays) {
  step_request request;
  request.input = std::move(input);
  request.ctx = std::move(options.context);
  request.run = std::shared_ptr<run_scope>(run, &run->own_scope());
  request.meter = run->own_scope().meter();
  if (options.deadline) request.deadline = later(run->scope().started(), *options.deadline);
  if (records) run->asked.emplace(request.input, request.ctx);
  run->on_done = std::move(options.on_done);
  launch(run, std::move(request), stays);
  return run;
}

std::function<void()> deployment_core::serve(step_request request,
                                             std::function<void(step_result)> done) {
  if (!request.run) {
    const auto id = home_->make_run_id();
    auto correlation = request.ctx.correlation_id();
    if (correlation.empty()) correlation = id.to_string();
    request.ctx = request.ctx.with_correlation_id(correlation);
    request.run = std::make_shared<run_scope>(id, correlation, home_->now(), usage_limit{});
  }
  request.meter = std::make_shared<usage_meter>(usage_limit{}, request.run->meter());
  auto run = std::make_shared<served_run>(shared_from_this(), request, std::move(done));
  launch(run, std::move(request));
  return [run] {
    run->cancel(std::make_shared<const failure>(
        failure{failure_kind::cancelled, "cancelled by the requester"}));
  };
}

void deployment_core::launch(const std::shared_ptr<run_state>& run, step_request request,
                             bool stays) {
  if (!home_->open_run()) {
    static const auto going_down = std::make_shared<const failure>(
        failure{failure_kind::cancelled, "the runtime is going down"});
    return run->end_with(ended_result(going_down, std::move(request.ctx)));
  }
  request.id = request_id{1}; // the only request of its requester
  const auto number = pick_replica(run->scope().started());
  const auto& root = replicas[number].root;
  run->replica_ = number; // nobody else has the run yet
  actors::start_message start{root.number, std::move(request), run};
  if (!stays) return root.host->put(std::move(start));
  root.host->put_and_work(std::move(start));
}

// Runs of one thread stay with one replica while it keeps up: its data stays in one core's cache,
// and no other core has to be woken. Whoever asked for replicas gets them all.
std::size_t deployment_core::pick_replica(instant now) {
  static std::atomic<std::size_t> threads{0};
  thread_local const auto mine = threads.fetch_add(1, std::memory_order_relaxed);
  const auto count = replicas.size();
  if (count == 1) return 0;
  if (home_->options().replicas == 0) {
    for (std::size_t step = 0; step < count; ++step) {
      const auto number = (mine + step) % count;
      if (!is_behind(number, now)) return number;
    }
  }
  return next_replica_.fetch_add(1, std::memory_order_relaxed) % count;
}

bool deployment_core::is_behind(std::size_t number, instant now) {
  constexpr std::uint32_t too_many = 128;
  constexpr duration too_long = std::chrono::microseconds(100);
  const auto [waiting, taken] = replicas[number].root.host->behind();
  if (waiting >= too_many) return true;
  auto& seen = seen_[number];
  const auto at = now.time_since_epoch().count();
  if (waiting > 0 && seen.taken.load(std::memory_order_relaxed) == taken) {
    return at - seen.at.load(std::memory_order_relaxed) > too_long.count();
  }
  seen.taken.store(taken, std::memory_order_relaxed);
  seen.at.store(at, std::memory_order_relaxed);
  return false;
}

bool deployment_core::cancel(const run_state& run, const std::shared_ptr<const failure>& reason) {
  const auto& root = replicas[run.replica_].root;
  root.host->put(actors::cancel_message{{request_id{1}, reason}, &run});
  return true;
}

void deployment_core::open(step_request request, std::shared_ptr<actors::mailbox> reply_to) {
  const auto& root = replicas[static_cast<std::uint64_t>(request.id) % replicas.size()].root;
  root.host->put(actors::start_message{root.number, std::move(request), std::move(reply_to)});
}

void deployment_core::cancel(request_id id, std::shared_ptr<const failure> reason,
                             const actors::mailbox* requester) {
  const auto& root = replicas[static_cast<std::uint64_t>(id) % replicas.size()].root;
  root.host->put(actors::cancel_message{{id, std::move(reason)}, requester});
}

void deployment_core::settle_result(step_result&& result, run_state& run,
                                    const std::function<void(const run_result&)>& on_done) {
  const auto& scope = run.scope();
  count(result, scope);
  auto& all = run.result_;
  all.run_id = scope.id();
  all.correlation_id = scope.copy_correlation_id();
  all.name = name_;
  all.status = result.success()                              ? run_status::completed
               : result.why->kind == failure_kind::cancelled ? run_status::cancelled
               : result.why->kind == failure_kind::paused    ? run_status::paused
                                                             : run_status::failed;
  all.output = std::move(result.output);
  all.why = std::move(result.why);
  all.step_history = std::move(result.step_history);
  all.total_cost_usd = result.spent.cost_usd;
  all.total_tokens = result.spent.tokens;
  all.latency = result.latency;
  all.final_context = std::move(result.ctx);
  all.metrics.latency = result.latency;
  all.metrics.cache_hit = scope.cache_hit;
  all.metrics.fallback_used = scope.fallback_used;
  all.metrics.retry_count = scope.retry_count;
  all.metrics.circuit_breaker_state =
      to_string(static_cast<breaker_phase>(scope.circuit_breaker_state.load()));
  all.checkpoints = scope.checkpoints();
  if (!on_done) return;
  try {
    on_done(all);
  } catch (...) {
    warn(scope, "on_done threw an exception");
  }
}

void deployment_core::settle_pause(run_state& run, const failure* why, value input,
                                   const context& given) {
  const auto& scope = run.scope();
  auto state = std::make_shared<run_snapshot>();
  state->run_id = scope.id();
  state->correlation_id = scope.correlation_id();
  state->name = name_;
  state->plan = hash;
  state->pause = scope.pause(why).value_or(pause_request{});
  state->input = std::move(input);
  state->context = given.to_value();
  state->journal = scope.journal;
  state->retry_count = scope.retry_count;
  state->cache_hit = scope.cache_hit;
  state->fallback_used = scope.fallback_used;
  state->checkpoints = scope.checkpoints();
  run.result_.snapshot = std::move(state);
}

void deployment_core::warn(const run_scope& scope, std::string_view text) {
  if (!home_->observed(event_kind::warning)) return;
  home_->emit({.kind = event_kind::warning, .at = home_->now(), .run = &scope, .detail = text});
}

void deployment_core::count(const step_result& result, const run_scope& scope) {
  // A run that waits for a person is counted when it has gone on and ended.
  if (result.failed_with(failure_kind::paused)) return;
  ++total_;
  // Most runs have none of these, and each would be a bus cycle.
  if (result.spent.cost_usd != 0) cost_usd_.fetch_add(result.spent.cost_usd);
  if (result.spent.tokens != 0) tokens_ += result.spent.tokens;
  if (const auto retries = scope.retry_count.load(); retries > 0) retries_ += retries;
  if (result.failed_with(failure_kind::cancelled)) {
    ++cancelled_;
    return;
  }
  latencies_.record(result.latency);
  if (!result.success()) ++failed_;
  if (scope.cache_hit) ++cache_hits_;
  if (scope.fallback_used) ++fallbacks_;
}

deployment_metrics deployment_core::metrics() const {
  deployment_metrics all;
  all.total_requests = total_;
  all.failed = failed_;
  all.cancelled = cancelled_;
  all.retries = retries_;
  all.total_cost_usd = cost_usd_;
  all.total_tokens = tokens_;
  const auto counted = all.total_requests - all.cancelled;
  const auto share = [&](std::uint64_t part) {
    return counted == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(counted);
  };
  all.cache_hit_rate = share(cache_hits_);
  all.fallback_rate = share(fallbacks_);
  all.error_rate = share(failed_);
  all.p50 = latencies_.quantile(0.5);
  all.p95 = latencies_.quantile(0.95);
  all.p99 = latencies_.quantile(0.99);
  for (const auto& identity : identities) {
    layer_metrics layer;
    layer.name = identity->name.str();
    layer.kind = to_string(identity->kind);
    layer.path = identity->path;
    layer.requests = identity->counters.requests;
    layer.failures = identity->counters.failures;
    layer.cancelled = identity->counters.cancelled;
    if (layer.requests > 0) {
      layer.error_rate = static_cast<double>(layer.failures) / static_cast<double>(layer.requests);
    }
    all.layers.push_back(std::move(layer));
  }
  return all;
}

void deployment_core::close(const std::shared_ptr<const failure>& reason) {
  for (const auto& each : replicas) {
    for (const auto& host : each.hosts) host->put(actors::close_message{reason});
  }
}

void deployment_core::stop_hosts() {
  for (const auto& each : replicas) {
    for (const auto& host : each.hosts) home_->system().stop(host);
  }
}

} // namespace troupe::detail
