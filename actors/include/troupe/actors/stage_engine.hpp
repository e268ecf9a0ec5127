#pragma once

#include <troupe/actors/far_requests.hpp>
#include <troupe/actors/fifo.hpp>
#include <troupe/actors/stage.hpp>
#include <troupe/actors/timer_queue.hpp>
#include <troupe/policies/random.hpp>
#include <troupe/policies/restart_budget.hpp>

#include <atomic>
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
/// never from inside a handler: that is what makes fused stages cheap and re-entrancy impossible.
/// Only a stage that has every answer at once is asked right there, without a call of its own.
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
    std::shared_ptr<const failure> down{};
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
  void crash(std::uint32_t stage, const std::string& reason);

  [[nodiscard]] record* find(call_id id);
  call_id allocate();
  void release(call_id id);
  void link(call_id child, call_id parent);
  void unlink(std::uint32_t child);
  /// Opens a call of a local stage; answers at once what is late or cannot be served.
  void open(call_id id, std::uint32_t stage, step_request&& request);
  void adopt(call_id id, std::uint32_t stage, std::unique_ptr<call> work, step_request&& request);
  call_id send(call& from, std::uint64_t tag, const stage_ref& child, step_request&& request);
  std::optional<step_result> ask(const stage_ref& child, const step_request& request);
  void label(step_result& result, const hosted& host, std::optional<instant> since) const;
  void answer(call_id id, step_result&& result, bool as_it_was = false);
  void finish(call_id id, step_result&& result);
  void cancel(call_id id, const std::shared_ptr<const failure>& reason);
  void abandon(call_id id, const std::shared_ptr<const failure>& reason);
  void abandon_children(record& of, const std::shared_ptr<const failure>& reason);
  void set_timer(call_id id, std::uint32_t which, instant due);
  void drop_timers(record& of);
  void dismiss();

  engine_services& services_;
  std::weak_ptr<mailbox> self_;
  random_source random_;
  instant now_{};
  instant handling_since_{};
  std::vector<hosted> stages_;
  place_table<record> records_;
  std::vector<std::uint32_t> free_;
  std::size_t open_calls_ = 0;
  far_requests far_requests_;
  fifo<event> queue_;
  timer_queue timers_;
  std::unique_ptr<call> ended_; // the call whose handler is running, once it has answered
  std::shared_ptr<const failure> closed_{};
};

} // namespace troupe::actors
