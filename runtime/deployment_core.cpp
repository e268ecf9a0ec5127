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

deployment_core::deployment_core(std::shared_ptr<runtime_core> home, plan tree, std::string name)
    : home_(std::move(home)), tree_(std::move(tree)),
      name_(name.empty() ? tree_.name() : std::move(name)) {}

deployment_core::~deployment_core() {
  home_->forget(this);
  stop_hosts();
}

std::shared_ptr<run_state> deployment_core::start(value input, run_options options) {
  auto correlation = options.correlation_id;
  if (correlation.empty()) correlation = options.context.correlation_id();
  const auto id = home_->make_run_id();
  if (correlation.empty()) correlation = id.to_string();
  auto scope =
      std::make_shared<run_scope>(id, std::move(correlation), home_->now(), options.limits);
  if (records) scope->journal = std::make_shared<run_journal>();
  return begin(std::move(scope), std::move(input), std::move(options));
}

outcome<std::shared_ptr<run_state>>
deployment_core::resume(const run_snapshot& state, const value& answer, run_options options) {
  if (!records || !(state.plan == hash)) {
    return failure{failure_kind::permanent,
                   "the run was paused by another version of the pipeline " + state.name};
  }
  if (const auto misfit = state.pause.rule.refuse(answer)) {
    return failure{failure_kind::malformed,
                   "the answer to \"" + state.pause.prompt + "\" " + *misfit};
  }
  auto scope =
      std::make_shared<run_scope>(state.run_id, state.correlation_id, home_->now(), options.limits);
  scope->journal = state.journal ? state.journal->copy() : std::make_shared<run_journal>();
  step_result answered;
  answered.name = state.pause.step;
  answered.output = answer;
  scope->journal->record(state.pause.where,
                         {std::make_shared<const step_result>(std::move(answered)), {}});
  scope->retry_count = state.retry_count;
  scope->cache_hit = state.cache_hit;
  scope->fallback_used = state.fallback_used;
  scope->restore(state.checkpoints);
  options.context = context(state.correlation_id, state.context);
  return begin(std::move(scope), state.input, std::move(options));
}

std::shared_ptr<run_state> deployment_core::begin(std::shared_ptr<run_scope> scope, value input,
                                                  run_options options) {
  step_request request;
  request.input = std::move(input);
  auto own_id = options.context.id();
  if (own_id.empty()) own_id = scope->id().to_string();
  request.ctx = options.context.with_ids(std::move(own_id), scope->correlation_id());
  request.run = scope;
  request.meter = scope->meter();
  if (options.deadline) request.deadline = later(scope->started(), *options.deadline);
  // Only a run that may pause has to know what it was asked.
  const auto kept = records ? std::make_shared<const step_request>(request) : nullptr;
  auto run = std::make_shared<run_state>(
      shared_from_this(), std::move(scope),
      [this, kept, options = std::move(options)](step_result result, run_state& ended) {
        if (kept && result.failed_with(failure_kind::paused)) {
          settle_pause(ended, result.why.get(), *kept);
        }
        settle_result(std::move(result), ended, options);
      });
  launch(run, std::move(request));
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
  auto run = std::make_shared<run_state>(
      shared_from_this(), request.run,
      [this, meter = request.meter, done = std::move(done)](step_result result, run_state& ended) {
        result.spent = meter->total();
        count(result, ended.scope());
        try {
          done(std::move(result));
        } catch (...) {
          warn(ended.scope(), "the receiver of a result threw an exception");
        }
      });
  launch(run, std::move(request));
  return [run] {
    run->cancel(std::make_shared<const failure>(
        failure{failure_kind::cancelled, "cancelled by the requester"}));
  };
}

void deployment_core::launch(const std::shared_ptr<run_state>& run, step_request request) {
  if (!home_->open_run()) {
    static const auto going_down = std::make_shared<const failure>(
        failure{failure_kind::cancelled, "the runtime is going down"});
    return run->end_with(ended_result(going_down, std::move(request.ctx)));
  }
  request.id = request_id{1}; // the only request of its requester
  const auto number = next_replica_.fetch_add(1, std::memory_order_relaxed) % replicas.size();
  const auto& root = replicas[number].root;
  {
    const std::scoped_lock lock(run->mutex_);
    run->replica_ = number;
  }
  root.host->put(actors::start_message{root.number, std::move(request), run});
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

void deployment_core::settle_result(step_result result, run_state& run,
                                    const run_options& options) {
  const auto& scope = run.scope();
  count(result, scope);
  auto& all = run.result_;
  all.run_id = scope.id();
  all.correlation_id = scope.correlation_id();
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
  if (!options.on_done) return;
  try {
    options.on_done(all);
  } catch (...) {
    warn(scope, "on_done threw an exception");
  }
}

void deployment_core::settle_pause(run_state& run, const failure* why, const step_request& asked) {
  const auto& scope = run.scope();
  auto state = std::make_shared<run_snapshot>();
  state->run_id = scope.id();
  state->correlation_id = scope.correlation_id();
  state->name = name_;
  state->plan = hash;
  state->pause = scope.pause(why).value_or(pause_request{});
  state->input = asked.input;
  state->context = asked.ctx.to_value();
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
  cost_usd_.fetch_add(result.spent.cost_usd);
  tokens_ += result.spent.tokens;
  retries_ += scope.retry_count;
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
