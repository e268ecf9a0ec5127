#pragma once

#include <troupe/policies/breaker.hpp>
#include <troupe/policies/cache.hpp>
#include <troupe/protocol/step_request.hpp>
#include <troupe/protocol/step_result.hpp>
#include <troupe/runtime/metrics.hpp>
#include <troupe/runtime/run.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

namespace actors {
class shared_cache;
}

namespace detail {
class deployment_core;
struct breaker_entry;
} // namespace detail

/// A live circuit breaker, to look at and to operate. Thread-safe.
class breaker_handle {
public:
  explicit breaker_handle(std::shared_ptr<detail::breaker_entry> entry)
      : entry_(std::move(entry)) {}
  [[nodiscard]] breaker_phase state() const;
  [[nodiscard]] int failure_count() const;
  [[nodiscard]] int success_count() const;
  [[nodiscard]] std::optional<instant> last_failure() const;
  /// How long a call that is turned away at `now` should wait; nothing while none is, or while an
  /// operator holds it open.
  [[nodiscard]] std::optional<duration> retry_after(instant now) const;
  [[nodiscard]] breaker options() const;
  /// To half_open with failure count 0: the next call is let through.
  void reset() const;
  void force_open() const; ///< turns every call away until told otherwise
  void disable() const;    ///< lets every call through and counts nothing
  void close() const;

private:
  std::shared_ptr<detail::breaker_entry> entry_;
};

/// A live cache. Thread-safe.
class cache_handle {
public:
  cache_handle(std::shared_ptr<actors::shared_cache> cache, std::vector<digest> definitions)
      : cache_(std::move(cache)), definitions_(std::move(definitions)) {}
  [[nodiscard]] cache_statistics statistics() const;
  /// What all places that share the cache agree on; the rest is that of one of them.
  [[nodiscard]] cache options() const;
  void clear() const;
  /// Removes what is stored for that key; the key as `cache::key` returns it. False when nothing
  /// was.
  bool invalidate(const value& key) const;
  /// Removes what is stored for that input and context, in a cache without `key`.
  bool invalidate(const value& input, const context& with) const;

private:
  std::shared_ptr<actors::shared_cache> cache_;
  std::vector<digest> definitions_;
};

/// A pipeline made live, whatever its type. A handle: its stages live until the last handle is gone
/// and the last run has ended, or until the runtime goes. Thread-safe.
class any_deployment {
public:
  explicit any_deployment(std::shared_ptr<detail::deployment_core> core) : core_(std::move(core)) {}

  /// Starts a run with an untyped input.
  [[nodiscard]] any_run start_value(value input, run_options options = {}) const;
  /// Starts a run and returns when it has ended, or has to wait for something: where nothing else
  /// goes on, this thread does the work itself instead of waking another one.
  [[nodiscard]] any_run run_value(value input, run_options options = {}) const;
  /// Goes on with a paused run, under the same run id: what it has finished is not done again.
  /// `malformed` when the answer does not fit what was asked, `permanent` when the run belongs to
  /// another plan. Of the options, those about identity, input and context do not count.
  outcome<any_run> resume(const run_snapshot& state, const value& answer,
                          run_options options = {}) const;
  /// The same for a run of this process: waits for its end. `permanent` when it is not paused, or
  /// has been gone on with before.
  outcome<any_run> resume(const any_run& paused, const value& answer,
                          run_options options = {}) const;
  /// Cancels a paused run, under the same run id: nothing more of it is done, and what it has
  /// started is undone where its stages have a compensation. `permanent` as above.
  outcome<any_run> cancel(const run_snapshot& state, run_options options = {}) const;
  outcome<any_run> cancel(const any_run& paused, run_options options = {}) const;
  /// Works on a request of the stage protocol and calls `done` once with its result, on any thread.
  /// The returned function cancels it. A request without a run gets one of its own.
  [[nodiscard]] std::function<void()> serve(step_request request,
                                            std::function<void(step_result)> done) const;
  [[nodiscard]] deployment_metrics metrics() const;
  /// The breaker or cache in front of the step or block of that name, or the shared one of that
  /// name.
  [[nodiscard]] std::optional<breaker_handle> breaker(std::string_view name) const;
  [[nodiscard]] std::optional<cache_handle> cache(std::string_view name) const;
  [[nodiscard]] std::string describe() const; ///< the plan as an indented tree

private:
  outcome<any_run> leave_pause(const run_snapshot& state, const std::optional<value>& answer,
                               run_options options) const;
  outcome<any_run> leave_pause(const any_run& paused, const std::optional<value>& answer,
                               run_options options) const;

  std::shared_ptr<detail::deployment_core> core_;
};

/// A pipeline made live.
template <class In, class Out>
class deployment : public any_deployment {
public:
  using any_deployment::any_deployment;

  /// Starts a run and returns at once.
  [[nodiscard]] troupe::run<Out> start(const In& input, run_options options = {}) const {
    return troupe::run<Out>(start_value(to_value<In>(input), std::move(options)));
  }
  /// Goes on with a paused run; see `any_deployment`.
  template <class Paused>
  outcome<troupe::run<Out>> resume(const Paused& paused, const value& answer,
                                   run_options options = {}) const {
    return typed(any_deployment::resume(paused, answer, std::move(options)));
  }
  /// Cancels a paused run; see `any_deployment`.
  template <class Paused>
  outcome<troupe::run<Out>> cancel(const Paused& paused, run_options options = {}) const {
    return typed(any_deployment::cancel(paused, std::move(options)));
  }
  /// Starts a run and waits for its output. Where nothing else goes on, this thread runs its inline
  /// steps, observers and `on_done` itself: hold no lock that they take.
  outcome<Out> run(const In& input, run_options options = {}) const {
    return troupe::run<Out>(run_value(to_value<In>(input), std::move(options))).wait();
  }

private:
  static outcome<troupe::run<Out>> typed(outcome<any_run> next) {
    if (!next) return next.why();
    return troupe::run<Out>(*std::move(next));
  }
};

} // namespace troupe
