#include "deployment_core.hpp"
#include "runtime_core.hpp"

#include <troupe/actors/shared_cache.hpp>
#include <troupe/runtime/runtime.hpp>

namespace troupe {

runtime::runtime(runtime_options options)
    : core_(detail::runtime_core::make(std::move(options), nullptr)) {}

runtime::runtime(runtime_options options, std::unique_ptr<actors::stage_system> system)
    : core_(detail::runtime_core::make(std::move(options), std::move(system))) {}

runtime::runtime(std::shared_ptr<detail::runtime_core> core) : core_(std::move(core)) {}

runtime::~runtime() {
  core_->shut_down();
}

std::shared_ptr<detail::deployment_core>
runtime::deploy_plan(const plan& tree, std::string name,
                     std::shared_ptr<const plan_source> source) {
  return core_->deploy(tree, std::move(name), std::move(source));
}

std::shared_ptr<served_branch> runtime::serve_branch(const plan_branch& part) {
  return std::make_shared<served_branch>(core_->deploy_branch(part));
}

void served_branch::open(step_request request, std::shared_ptr<actors::mailbox> reply_to) const {
  core_->open(std::move(request), std::move(reply_to));
}

void served_branch::cancel(request_id id, std::shared_ptr<const failure> reason,
                           const actors::mailbox* requester) const {
  core_->cancel(id, std::move(reason), requester);
}

void runtime::define_plan(const std::string& name, const plan& tree) {
  core_->define(name, tree);
}

std::optional<breaker_handle> runtime::breaker(std::string_view name) const {
  auto state = core_->shared().find_breaker(name);
  if (!state) return std::nullopt;
  auto entry = std::make_shared<detail::breaker_entry>();
  entry->name = name;
  entry->state = std::move(state);
  entry->on_change = core_->breaker_reporter();
  return breaker_handle(std::move(entry));
}

std::optional<cache_handle> runtime::cache(std::string_view name) const {
  auto found = core_->shared().find_cache(name);
  if (!found) return std::nullopt;
  return cache_handle(std::move(found->first), std::move(found->second));
}

runtime_metrics runtime::metrics() const {
  return core_->metrics();
}

bool runtime::wait_until_idle(duration limit) const {
  return core_->wait_until_idle(limit);
}

void runtime::shut_down() {
  core_->shut_down();
}

std::vector<std::string> runtime::breaker_names() const {
  return core_->shared().breaker_names();
}

std::vector<std::string> runtime::cache_names() const {
  return core_->shared().cache_names();
}

void runtime::tell(const run_event& event) const {
  if (core_->observed(event.kind)) core_->emit(event);
}

const std::string& runtime::node_name() const noexcept {
  return core_->node_name.str();
}

std::uint32_t runtime::interests() const {
  return core_->interests;
}

instant runtime::now() const {
  return core_->now();
}

any_run any_deployment::run_value(value input, run_options options) const {
  return any_run(core_->start(std::move(input), std::move(options), true));
}

any_run any_deployment::start_value(value input, run_options options) const {
  return any_run(core_->start(std::move(input), std::move(options)));
}

outcome<any_run> any_deployment::resume(const run_snapshot& state, const value& answer,
                                        run_options options) const {
  return leave_pause(state, answer, std::move(options));
}

outcome<any_run> any_deployment::resume(const any_run& paused, const value& answer,
                                        run_options options) const {
  return leave_pause(paused, answer, std::move(options));
}

outcome<any_run> any_deployment::cancel(const run_snapshot& state, run_options options) const {
  return leave_pause(state, std::nullopt, std::move(options));
}

outcome<any_run> any_deployment::cancel(const any_run& paused, run_options options) const {
  return leave_pause(paused, std::nullopt, std::move(options));
}

outcome<any_run> any_deployment::leave_pause(const run_snapshot& state,
                                             const std::optional<value>& answer,
                                             run_options options) const {
  auto run = core_->resume(state, answer, std::move(options));
  if (!run) return run.why();
  return any_run(*std::move(run));
}

outcome<any_run> any_deployment::leave_pause(const any_run& paused,
                                             const std::optional<value>& answer,
                                             run_options options) const {
  const auto& ended = paused.result();
  if (!ended.snapshot) {
    return failure{failure_kind::permanent, "the run " + ended.run_id.to_string()
                                                + " is not paused; it is "
                                                + std::string(to_string(ended.status))};
  }
  if (!paused.state_->leave_pause()) {
    return failure{failure_kind::permanent,
                   "the run " + ended.run_id.to_string() + " has been gone on with already"};
  }
  auto next = leave_pause(*ended.snapshot, answer, std::move(options));
  if (!next) paused.state_->keep_pause();
  return next;
}

std::function<void()> any_deployment::serve(step_request request,
                                            std::function<void(step_result)> done) const {
  return core_->serve(std::move(request), std::move(done));
}

deployment_metrics any_deployment::metrics() const {
  return core_->metrics();
}

std::string any_deployment::describe() const {
  return to_string(core_->tree());
}

std::optional<breaker_handle> any_deployment::breaker(std::string_view name) const {
  for (const auto& [place, entry] : core_->breakers) {
    if (place == name || entry->name == name) return breaker_handle(entry);
  }
  return std::nullopt;
}

std::optional<cache_handle> any_deployment::cache(std::string_view name) const {
  for (const auto& place : core_->caches) {
    if (place.name == name || place.cache->options().name == name) {
      return cache_handle(place.cache, {place.definition});
    }
  }
  return std::nullopt;
}

namespace {

template <class Change>
void operate(const detail::breaker_entry& entry, Change&& change) {
  const auto [before, after] = entry.state->with([&](breaker_state& state) {
    const auto from = state.phase();
    change(state);
    return std::pair{from, state.phase()};
  });
  if (before != after && entry.on_change) entry.on_change(before, after, entry.name);
}

} // namespace

breaker_phase breaker_handle::state() const {
  return entry_->state->with([](const breaker_state& state) { return state.phase(); });
}

int breaker_handle::failure_count() const {
  return entry_->state->with([](const breaker_state& state) { return state.failure_count(); });
}

int breaker_handle::success_count() const {
  return entry_->state->with([](const breaker_state& state) { return state.success_count(); });
}

std::optional<instant> breaker_handle::last_failure() const {
  return entry_->state->with([](const breaker_state& state) { return state.last_failure(); });
}

std::optional<duration> breaker_handle::retry_after(instant now) const {
  return entry_->state->with([&](const breaker_state& state) -> std::optional<duration> {
    const auto turns_away =
        state.phase() == breaker_phase::open || state.phase() == breaker_phase::half_open;
    return turns_away ? state.retry_after(now) : std::nullopt;
  });
}

breaker breaker_handle::options() const {
  return entry_->state->with([](const breaker_state& state) { return state.options(); });
}

void breaker_handle::reset() const {
  operate(*entry_, [](breaker_state& state) { state.reset(); });
}

void breaker_handle::force_open() const {
  operate(*entry_, [](breaker_state& state) { state.force_open(); });
}

void breaker_handle::disable() const {
  operate(*entry_, [](breaker_state& state) { state.disable(); });
}

void breaker_handle::close() const {
  operate(*entry_, [](breaker_state& state) { state.close(); });
}

cache_statistics cache_handle::statistics() const {
  return cache_->statistics();
}

cache cache_handle::options() const {
  return cache_->options();
}

void cache_handle::clear() const {
  cache_->backend().clear();
}

bool cache_handle::invalidate(const value& key) const {
  bool found = false;
  for (const auto& definition : definitions_) {
    const auto sum = cache_key(definition, key);
    if (sum) found |= cache_->backend().erase(*sum);
  }
  return found;
}

bool cache_handle::invalidate(const value& input, const context& with) const {
  bool found = false;
  for (const auto& definition : definitions_) {
    const auto sum = cache_key(definition, input, with);
    if (sum) found |= cache_->backend().erase(*sum);
  }
  return found;
}

} // namespace troupe
