#pragma once

#include <troupe/actors/message.hpp>
#include <troupe/protocol/step_request.hpp>
#include <troupe/protocol/usage.hpp>
#include <troupe/protocol/value.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace troupe {

namespace actors {
class engine_services;
class inline_work;
class step_call;
struct step_signals;
} // namespace actors

class value_completion;

/// What a step sees of the run it works for. One per attempt; one thread at a time.
///
/// Changes to the context count only if this attempt succeeds. Usage counts as soon as it is
/// reported, also if the attempt then fails, times out or is cancelled.
class step_context {
public:
  step_context(const step_context&) = delete;
  step_context& operator=(const step_context&) = delete;
  ~step_context();

  /// Stops when the attempt is cancelled, has timed out or broke the usage limit of its run. A step
  /// that ignores it for the grace period (1 s by default) is answered for and abandoned. Inline
  /// steps get a token that never stops.
  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }
  [[nodiscard]] bool stop_requested() const { return stop_.stop_requested(); }
  /// When the result is not needed any more; `no_deadline` without a limit.
  [[nodiscard]] instant deadline() const noexcept { return request_.deadline; }
  /// Until the deadline, never negative; nothing without one. Good as the limit of a call to the
  /// outside.
  [[nodiscard]] std::optional<duration> time_left() const;
  /// The clock of the runtime.
  [[nodiscard]] instant now() const;

  /// Counts from 1 within the innermost retry.
  [[nodiscard]] std::uint32_t attempt() const noexcept { return request_.attempt; }
  /// The same for every attempt of this step in this run, and for no other step: send it along so
  /// that services can reject duplicates.
  [[nodiscard]] std::string idempotency_key() const;
  [[nodiscard]] const run_id& run() const noexcept { return request_.run->id(); }
  [[nodiscard]] const std::shared_ptr<run_scope>& share_run() const noexcept {
    return request_.run;
  }
  [[nodiscard]] const std::string& correlation_id() const noexcept {
    return request_.run->correlation_id();
  }
  [[nodiscard]] const std::string& step_name() const noexcept { return name_; }

  /// The context's value under `key`, or null.
  [[nodiscard]] value get(std::string_view key) const { return ctx_.get(key); }
  void set(std::string_view key, value content) { ctx_.set(key, std::move(content)); }
  void erase(std::string_view key) { ctx_.erase(key); }
  /// What `step_definition::ticket` returned for this call in the process that owns the run; null
  /// when that is this process.
  [[nodiscard]] const value& ticket() const noexcept { return request_.ticket; }
  /// A snapshot of the whole context, this attempt's changes included.
  [[nodiscard]] const context& snapshot() const noexcept { return ctx_; }

  /// Counts what a call cost. Negative and non-finite amounts count as 0, with a warning.
  void report_usage(const usage& spent);
  /// Marks a named moment of the run.
  void checkpoint(std::string name);
  /// Tells the observers something for people.
  void warn(std::string_view text) const;

  /// Waits on the runtime's clock, so virtual time passes without waiting. False when asked to stop
  /// early. For blocking steps only: async steps use `after`.
  bool sleep_for(duration length);
  /// Calls `then` on a thread of the runtime once `delay` has passed, unless the attempt has ended
  /// by then. `then` must not block. For async steps.
  void after(duration delay, std::function<void()> then);
  /// Keeps virtual time from moving while work outside of the runtime goes on; released with the
  /// last copy. For async steps that are answered by a thread or device of their own.
  [[nodiscard]] std::shared_ptr<void> hold_clock();

private:
  friend class actors::step_call;
  friend class actors::inline_work;
  friend class value_completion;

  /// All that is given by reference outlives the context.
  step_context(actors::engine_services& services, const step_request& request,
               const std::string& name, const std::string& path, actors::call_address owner,
               bool stoppable);

  actors::engine_services& services_;
  const step_request& request_;
  const std::string& name_;
  const std::string& path_;
  actors::call_address owner_;
  context ctx_;
  usage_meter meter_;
  std::stop_source stop_;
  std::atomic<bool> ended_{false};
  std::atomic<bool> abandoned_{false}; ///< answered for while its function still ran
};

} // namespace troupe
