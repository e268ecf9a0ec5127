#pragma once

#include <troupe/actors/call_trial.hpp>
#include <troupe/actors/far_requests.hpp>
#include <troupe/actors/fifo.hpp>
#include <troupe/actors/stage.hpp>
#include <troupe/actors/timer_queue.hpp>
#include <troupe/policies/random.hpp>
#include <troupe/policies/restart_budget.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace troupe::actors {

/// Runs blocking steps, each on a thread of its own for as long as it takes.
class step_executor {
public:
  virtual ~step_executor() = default;
  /// Returns false when too many wait already; `work` must not throw.
  [[nodiscard]] virtual bool submit(std::function<void()> work) = 0;
};

/// What the surroundings give to an engine. Held by a `shared_ptr`, since steps that were abandoned
/// may outlive everything else. Thread-safe.
class engine_services : public std::enable_shared_from_this<engine_services> {
public:
  virtual ~engine_services() = default;
  [[nodiscard]] virtual instant now() = 0;
  [[nodiscard]] virtual step_executor& executor() = 0;
  virtual void emit(const run_event& event) = 0;
  /// Keeps virtual time from moving until the returned object is gone.
  [[nodiscard]] virtual std::shared_ptr<void> hold_clock() = 0;
  /// Lets a thread sleep on this clock; false when it was stopped early.
  virtual bool sleep_until(instant due, const std::stop_token& stop) = 0;

  [[nodiscard]] bool observed(event_kind kind) const noexcept {
    return (interests >> static_cast<unsigned>(kind) & 1u) != 0;
  }

  std::uint32_t interests = 0; ///< one bit for each kind of event that somebody listens to
  duration cancel_grace = std::chrono::seconds(1);
  restart_limits restarts{};
  shared_name node_name{"local"};
  std::atomic<std::uint64_t> late_answers{0};
  std::atomic<std::uint64_t> abandoned_steps{0};
  std::atomic<std::int64_t> abandoned_running{0}; ///< of those, that have not ended yet
  std::atomic<std::uint64_t> restarted_stages{0};
};

/// Hosts stages: the table of open calls, their messages and their timers. One thread at a time;
/// knows no actor framework, so the same engine runs inside an actor and under a simulator.
///
/// Messages between its own stages go through a queue of its own, never through a mailbox, and
/// never from inside a handler of the same call: that makes re-entrancy impossible. A stage that
/// has every answer at once is asked right there, and one that may is tried right there; that is
/// what makes fused stages cheap.
class stage_engine {
public:
  stage_engine(engine_services& services, std::weak_ptr<mailbox> self, std::uint64_t seed);
  ~stage_engine();

  /// Adds a stage and returns its number.
  std::uint32_t add(stage_factory factory);

  void deliver(message content);
  /// The same for several that came together.
  void deliver_all(std::vector<message>& content);
  /// Works off what is queued and due, at most `max_events` of it. Returns true when there is more
  /// to do at once.
  bool run(std::size_t max_events);
  [[nodiscard]] std::optional<instant> next_timer() const { return timers_.next_due(); }
  [[nodiscard]] std::size_t open_calls() const noexcept { return open_calls_; }
  /// Names of the stages whose calls wait for no other stage, at most `most` of them.
  [[nodiscard]] std::vector<std::string> waiting_stages(std::size_t most) const;

  /// True once everything is about to end: nothing new is begun but what undoes something.
  [[nodiscard]] bool closing() const noexcept { return closed_ != nullptr; }

  [[nodiscard]] engine_services& services() const noexcept { return services_; }
  [[nodiscard]] instant now() const noexcept { return now_; }
  /// Reads the clock again; for after something that took time.
  void refresh_now() { now_ = services_.now(); }

private:
  friend class call;

  /// One place in the table of open calls. A child in another host has a place too, without a call.
  struct record {
    std::unique_ptr<call> work;
    std::uint32_t generation = 0;
    std::uint32_t stage = 0;
    bool open = false;
    bool begun = false;                         ///< its call was started
    std::shared_ptr<const failure> cancelled{}; ///< why, once it was asked to give up
    call_id parent{};
    std::uint64_t tag = 0;
    std::uint32_t first_child = nobody;
    std::uint32_t next_sibling = nobody;
    std::uint32_t previous_sibling = nobody;
    std::uint32_t children = 0;
    timer_queue::handle first_timer = timer_queue::none;
    std::shared_ptr<mailbox> far_end{}; ///< who asked (no parent), or who was asked (no work)
    request_id far_id{};                ///< as the far end's requester knows it
  };
  struct hosted {
    stage_factory make;
    std::unique_ptr<stage> live;
    std::shared_ptr<stage_identity> identity;
    restart_budget restarts;
    bool may_be_tried = false;
    std::shared_ptr<const failure> down{};
  };
  /// A request for a child, as its parent holds it.
  struct outgoing {
    const step_request& request;
    step_request* movable; ///< the same where it may be taken, or null
    [[nodiscard]] step_request take() { return movable ? std::move(*movable) : request; }
  };
  struct far_result {
    std::shared_ptr<mailbox> asker;
    step_result result;
  };
  struct far_cancel {
    std::shared_ptr<mailbox> to;
    cancel_message content;
  };
  struct start_event {
    call_id call;
  };
  struct result_event {
    result_event(call_id from, step_result&& what) : child(from), result(std::move(what)) {}
    call_id child;
    step_result result;
  };
  struct cancel_event {
    call_id call;
    std::shared_ptr<const failure> reason;
  };
  struct signal_event {
    call_id call;
    signal content;
  };
  using event = std::variant<start_event, result_event, cancel_event, signal_event>;
  static constexpr std::uint32_t nobody = UINT32_MAX;
  /// How long one handler may go on asking children that answer at once.
  static constexpr duration longest_at_once = std::chrono::milliseconds(2);
  /// How many results go to other hosts together: who waits for one of them is woken once.
  static constexpr std::size_t results_together = 32;
  /// How long the first of them waits for others, and for a handler that runs.
  static constexpr duration longest_held = std::chrono::microseconds(50);
  /// How many cancels do: who gets them begins while the rest is on its way.
  static constexpr std::size_t cancels_together = 256;
  /// How many handlers may run inside each other: each takes some of the thread's stack.
  static constexpr int deepest_nesting = 32;

  void receive(message& content);
  void handle(start_event& what);
  void handle(result_event& what);
  void handle(cancel_event& what);
  void handle(signal_event& what);
  void fire(timer_queue::handle timer);
  void take(start_message& content);
  void take(result_message& content);
  void take(cancel_message& content);
  void take(signal_message& content);
  void take(close_message& content);
  template <class Handler>
  void guarded(call_id id, Handler&& handler);
  [[nodiscard]] failure crash_failure(std::uint32_t stage, const std::string& reason) const;
  void crash(std::uint32_t stage, const std::string& reason);

  [[nodiscard]] record* find(call_id id);
  call_id allocate();
  void release(call_id id);
  void link(call_id child, call_id parent);
  void unlink(std::uint32_t child);
  /// Opens a call of a local stage; answers at once what is late or cannot be served.
  void open(call_id id, std::uint32_t stage, step_request&& request);
  void adopt(call_id id, std::uint32_t stage, std::unique_ptr<call> work, step_request&& request);
  /// True when a child put its result into the fresh `into` at once; otherwise `id` names the call
  /// that works on it.
  bool send(call& from, std::uint64_t tag, const stage_ref& child, outgoing what, step_result& into,
            call_id& id);
  /// Sends, and hands over what comes at once when the handler that runs has returned.
  call_id send_and_give(call& from, std::uint64_t tag, const stage_ref& child, outgoing what);
  /// The same for a stage of this host; `id` stays none where nothing has begun.
  bool try_at_once(std::uint32_t stage, outgoing& what, step_result& into, call_id& id);
  bool try_call(std::uint32_t stage, outgoing& what, step_result& into, call_id& id);
  /// Calls handlers until there is no more result that came at once. Returns why one threw, if so.
  template <class Handler>
  std::optional<std::string> go_through(call& work, call_trial& trial, Handler&& first);
  void end_trial(std::unique_ptr<call> work, const call_trial& trial);
  call_id keep(std::unique_ptr<call> work, const call_trial& trial, outgoing& what);
  /// Gives a call that is tried its place in the table, if it has none yet.
  call_id settle(call& of);
  void label(step_result& result, const hosted& host, std::optional<instant> since) const;
  void answer(call& of, step_result&& result, bool as_it_was);
  void conclude(call_id id, step_result&& result, bool as_it_was);
  void finish(call_id id, step_result&& result);
  void cancel(call_id id, const std::shared_ptr<const failure>& reason);
  void abandon(call_id id, const std::shared_ptr<const failure>& reason);
  void abandon_children(record& of, const std::shared_ptr<const failure>& reason);
  void set_timer(call& of, std::uint32_t which, instant due);
  void drop_timers(record& of);
  void free_children_and_timers(record& of);
  void tell_cancelled(call_id id, const std::shared_ptr<const failure>& reason);
  void cancel_far(call_id id, const std::shared_ptr<mailbox>& to,
                  const std::shared_ptr<const failure>& reason);
  void hand_far_results();
  void hand_far_cancels();
  void dismiss();

  engine_services& services_;
  std::weak_ptr<mailbox> self_;
  random_source random_;
  instant now_{};
  instant handling_since_{};
  int nested_ = 0; // handlers inside each other
  std::vector<hosted> stages_;
  place_table<record> records_;
  std::vector<std::uint32_t> free_;
  std::size_t open_calls_ = 0;
  far_requests far_requests_;
  fifo<event> queue_;
  timer_queue timers_;
  std::vector<far_result> far_results_; // to be handed to other hosts, several at a time
  instant first_far_result_{};
  std::vector<far_cancel> far_cancels_;
  /// Where the call whose handler is running goes once it has answered.
  std::unique_ptr<call>* ended_ = nullptr;
  std::shared_ptr<const failure> closed_{};
};

} // namespace troupe::actors
