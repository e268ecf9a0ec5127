#pragma once

#include <troupe/actors/message.hpp>
#include <troupe/actors/run_event.hpp>
#include <troupe/protocol/plan.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::actors {

class engine_services;
class stage_engine;
class stage;
struct call_trial;

/// What a stage has done so far, all replicas together. Thread-safe.
struct stage_counters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> failures{0}; ///< not counting cancelled ones
  std::atomic<std::uint64_t> cancelled{0};
};

/// Who a stage is: the same for all of its replicas.
struct stage_identity {
  shared_name name;
  plan_kind kind = plan_kind::step;
  std::string path; ///< place in the plan, such as `0/2/1`
  stage_counters counters{};
};

/// Tells the observers what happens to a request at a stage; what it has in common with others is
/// filled in.
void emit(engine_services& services, const stage_identity& who, const step_request& request,
          run_event event);

/// One open request at a stage: a small state machine that lives from the request to its answer.
///
/// Handlers are called one at a time by the engine that hosts the stage. A call speaks only through
/// the protected functions below; it knows no thread, no lock and no actor. When a handler throws,
/// the stage is restarted.
class call {
public:
  virtual ~call() = default;
  call(const call&) = delete;
  call& operator=(const call&) = delete;
  static void* operator new(std::size_t size);
  static void operator delete(void* place, std::size_t size) noexcept;

protected:
  call() = default;

  virtual void start() = 0;
  virtual void on_result(std::uint64_t tag, step_result&& result);
  virtual void on_timer(std::uint32_t which);
  virtual void on_signal(signal content);

  /// Asked to give up: stops the children, and answers `cancelled` once they have ended. Stages
  /// that need more say so by overriding one of the three.
  virtual void on_cancel(const std::shared_ptr<const failure>& reason);
  /// A child ended after the cancel; the usual answer keeps count of its usage, and what the last
  /// one has done.
  virtual void on_late_result(std::uint64_t tag, step_result&& result);
  virtual step_result cancelled_result();

  [[nodiscard]] const step_request& request() const noexcept { return *request_; }
  [[nodiscard]] const std::shared_ptr<const failure>& cancel_reason() const noexcept {
    return cancel_reason_;
  }
  [[nodiscard]] instant now() const noexcept;
  [[nodiscard]] instant started() const noexcept { return started_; }
  [[nodiscard]] double unit_random();
  [[nodiscard]] const stage_identity& identity() const noexcept;
  [[nodiscard]] const std::shared_ptr<stage_identity>& share_identity() const noexcept;
  [[nodiscard]] call_address address();
  [[nodiscard]] stage_engine& engine() const noexcept { return *engine_; }

  /// Sends a request to a child stage. Its result comes back with `tag`, never before the handler
  /// that sends has returned. The id is none where the child has answered already.
  call_id send(std::uint64_t tag, const stage_ref& child, const step_request& request);
  call_id send(std::uint64_t tag, const stage_ref& child, step_request&& request);
  /// The same; true when the child had its result at once and has put it into the fresh `into`
  /// instead.
  [[nodiscard]] bool ask(std::uint64_t tag, const stage_ref& child, const step_request& request,
                         step_result& into);
  /// Asks a child to give up; its result still comes.
  void cancel(call_id child, const std::shared_ptr<const failure>& reason);
  void cancel_children(const std::shared_ptr<const failure>& reason);
  /// Asks a child to give up and forgets it: its result is dropped and counted.
  void abandon(call_id child, const std::shared_ptr<const failure>& reason);
  void abandon_children(const std::shared_ptr<const failure>& reason);
  [[nodiscard]] std::size_t open_children() const noexcept;
  /// Starts a call of this stage that nobody waits for, unless everything is about to end.
  void open_detached(std::unique_ptr<call> work, step_request request);

  /// Calls `on_timer(which)` at `due`, unless the call has ended by then.
  void set_timer(std::uint32_t which, instant due);
  void drop_timers();

  /// Ends the call. Name, latency and node of the result are filled in. Children that are still
  /// open are abandoned. Nothing may be done with the call afterwards but to return.
  void answer(step_result&& result);
  void fail(failure why);
  /// The same with a result of the past, whose latency and node stay as they are.
  void answer_as_it_was(step_result&& result);

  /// A result of this call with the context unchanged and no output.
  [[nodiscard]] step_result blank_result() const;
  [[nodiscard]] step_result failed_result(failure why) const;

  [[nodiscard]] bool observed(event_kind kind) const noexcept;
  void emit(run_event event) const;
  void warn(std::string_view text) const;
  void checkpoint(std::string_view name) const;

private:
  friend class stage_engine;

  stage_engine* engine_ = nullptr;
  call_trial* trial_ = nullptr; // as long as it is tried
  call_id id_{};
  std::uint32_t stage_ = 0;
  instant started_{};
  const step_request* request_ = nullptr; // its own, or its parent's as long as it is tried
  std::optional<step_request> own_{};
  std::shared_ptr<const failure> cancel_reason_{};
  usage late_usage_{};
  step_result* late_ =
      nullptr; // what the last child said after the cancel, while that is dealt with
};

/// What a stage is: configuration, and decisions that its calls share.
class stage {
public:
  explicit stage(std::shared_ptr<stage_identity> identity) : identity_(std::move(identity)) {}
  virtual ~stage() = default;
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  [[nodiscard]] virtual std::unique_ptr<call> open() = 0;
  /// Where a stage has every answer before anything else can happen, it puts it into the fresh
  /// `into` and needs no call for it; false for any other stage.
  [[nodiscard]] virtual bool answer_at_once(stage_engine&, const step_request&, step_result&) {
    return false;
  }
  /// True where a call has one child at a time at most and may be tried: it begins inside the
  /// handler that asks for it, and only becomes an open call when it has to wait for something.
  [[nodiscard]] virtual bool may_be_tried() const noexcept { return false; }
  [[nodiscard]] stage_identity& identity() const noexcept { return *identity_; }
  [[nodiscard]] const std::shared_ptr<stage_identity>& share_identity() const noexcept {
    return identity_;
  }

private:
  std::shared_ptr<stage_identity> identity_;
};

/// A stage whose calls share nothing but `Parts`.
template <class Call, class Parts, bool MayBeTried = false>
class stage_of final : public stage {
public:
  stage_of(std::shared_ptr<stage_identity> identity, Parts parts)
      : stage(std::move(identity)), parts_(std::move(parts)) {}
  [[nodiscard]] std::unique_ptr<call> open() override { return std::make_unique<Call>(parts_); }
  [[nodiscard]] bool may_be_tried() const noexcept override { return MayBeTried; }

private:
  const Parts parts_;
};

/// A stage whose calls do one thing after the other, so that they may be tried.
template <class Call, class Parts>
using straight_stage_of = stage_of<Call, Parts, true>;

/// Makes a stage, and makes it again when it has to be restarted.
using stage_factory = std::function<std::unique_ptr<stage>()>;

} // namespace troupe::actors
