#pragma once

#include <troupe/policies/state_scope.hpp>
#include <troupe/protocol/behavior.hpp>
#include <troupe/protocol/failure.hpp>
#include <troupe/protocol/plan.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

/// Stops calling what keeps failing, and probes now and then whether it has come back.
struct breaker {
  /// Breakers of one name are one breaker, for every deployment of a runtime; all must have the
  /// same options. Without a name it belongs to its place in the deployment.
  std::string name{};
  state_scope scope = state_scope::local;   ///< `cluster` needs a name
  int failure_threshold = 5;                ///< failures in a row that open it; at least 1
  int success_threshold = 2;                ///< successful probes that close it; at least 1
  duration wait = std::chrono::seconds(60); ///< how long it stays open before the first probe
  double wait_growth = 1.0; ///< factor on `wait` each time a probe fails; at least 1
  duration max_wait =
      std::chrono::minutes(10); ///< bound of the growth; at least `wait` when growth is above 1

  /// Opens when this share (above 0, to 1) of the calls in the window failed, instead of by
  /// failures in a row.
  std::optional<double> failure_rate{};
  int window = 100;                      ///< calls the rates look back on, 1 to 100,000 …
  std::optional<duration> window_time{}; ///< … and how long back at most
  int minimum_calls = 10;                ///< rates say nothing below this many calls in the window

  std::optional<duration> slow_call_duration{}; ///< calls that take longer are slow
  double slow_call_rate =
      1.0; ///< opens when this share of the calls in the window is slow; above 0, to 1

  /// Says whether this failure of that attempt (from 1) counts. Without it every failure does;
  /// `rejected`, `cancelled` and `paused` never do.
  behavior<bool(const failure&, std::uint32_t)> failure_if{};
};

value troupe_describe(const breaker& options);
void troupe_check(const breaker& options, option_check& report);

enum class breaker_phase : std::uint8_t { closed, open, half_open, forced_open, disabled };

/// `closed`, `open`, `half_open`, `forced_open`, `disabled`
[[nodiscard]] std::string_view to_string(breaker_phase phase);

/// What a finished call says about the service behind the breaker.
enum class breaker_verdict : std::uint8_t { success, failure, neutral };

/// Whose word counts for a breaker that several processes share. Each of them admits and turns away
/// by what it knows; only probes are for one of them to give out.
enum class breaker_place : std::uint8_t {
  alone, ///< nobody shares it
  home,  ///< others share it, and this process gives out the probes
  guest, ///< probes are made with leave from its home
};

/// What calls of one process have shown in the state `epoch` of a shared breaker.
struct breaker_delta {
  std::uint64_t epoch = 0;
  int calls = 0;
  int failed = 0;
  int slow = 0;
  bool succeeded = false;    ///< one did, so that failures in a row begin anew …
  int failures_in_a_row = 0; ///< … with these, which are its last ones

  friend bool operator==(const breaker_delta&, const breaker_delta&) = default;
};

/// Where a shared breaker stands, for the other processes.
struct breaker_standing {
  std::uint64_t epoch = 0; ///< counts changes; the greater one holds
  breaker_phase phase = breaker_phase::closed;
  int failure_count = 0;
  int success_count = 0;
  duration half_opens_in{}; ///< while open
  duration wait{};          ///< how long it stays open the next time

  friend bool operator==(const breaker_standing&, const breaker_standing&) = default;
};

/// Whether `one` holds against `other`: it is of a later epoch, or of the same and the safer one.
[[nodiscard]] bool is_ahead(const breaker_standing& one, const breaker_standing& other);

/// Leave to make one call; handed back with the verdict.
struct breaker_permit {
  std::uint64_t epoch = 0; ///< results of calls admitted in an earlier state are ignored
  bool probe = false;
};

// closed     --failure_threshold failures in a row, or a rate reached-->  open
// open       --wait has passed, next call-->                              half_open (one probe)
// half_open  --success_threshold probes succeeded-->                      closed
// half_open  --a probe failed-->                                          open, wait grown
// any        --reset()-->                                                 half_open, counts 0
// any        --force_open()-->                                            forced_open
// any        --disable()-->                                               disabled
// any        --close()-->                                                 closed, counts 0
// any        --adopt(standing of a later epoch)-->                        what that says
//
/// Decides which calls go through. Pure: the clock is an argument.
///
/// In half_open one probe runs at a time. A slow success of a probe is a success: how slow it was
/// counts only in the rates, and those only in closed.
///
/// Several processes share a breaker by telling each other their deltas and standings. Who is guest
/// asks the home for each probe, and tells it how the probe went.
class breaker_state {
public:
  explicit breaker_state(breaker options);

  /// Returns leave to call, or nothing: then turn the call away. May move from open to half_open.
  [[nodiscard]] std::optional<breaker_permit> admit(instant now);
  /// Records how an admitted call went. `neutral` only frees the probe.
  void record(const breaker_permit& permit, breaker_verdict verdict, duration took, instant now);

  /// The verdict on a result: null means success. May throw what `failure_if` throws.
  [[nodiscard]] breaker_verdict judge(const failure* why, std::uint32_t attempt = 1) const;

  /// How long a rejected caller should wait; nothing when only an operator can tell, zero while a
  /// probe is under way.
  [[nodiscard]] std::optional<duration> retry_after(instant now) const;
  [[nodiscard]] breaker_phase phase() const noexcept { return phase_; }
  [[nodiscard]] int failure_count() const noexcept { return failure_count_; }
  [[nodiscard]] int success_count() const noexcept { return success_count_; }
  [[nodiscard]] std::optional<instant> last_failure() const noexcept { return last_failure_; }
  [[nodiscard]] const breaker& options() const noexcept { return options_; }
  /// Text of a rejection: `Circuit breaker is OPEN: …`, with the wait.
  [[nodiscard]] std::string rejection(std::string_view who, instant now) const;

  void reset();
  void force_open();
  void disable();
  void close();

  // Together with other processes.
  void set_place(breaker_place place);
  /// Follows another process, if that is ahead. True when it was.
  bool adopt(const breaker_standing& theirs, instant now);
  /// Counts what calls of another process have shown, in the same state as this one.
  void count(const breaker_delta& theirs, instant now);
  [[nodiscard]] breaker_standing standing(instant now) const;
  /// What calls of this process have shown since the last time; nothing new when `calls` is 0.
  [[nodiscard]] breaker_delta take_delta();
  /// A guest wants to probe since the last time.
  [[nodiscard]] bool take_wish();
  /// Leave for one probe of another process; `admit` of the home, without a call.
  [[nodiscard]] std::optional<breaker_permit> lease(instant now);
  /// The home has given leave for a probe in that state; false when it comes too late.
  bool take_lease(std::uint64_t epoch, instant now);
  /// Leave that no call has used since that instant; it goes back as `neutral`.
  [[nodiscard]] std::optional<breaker_permit> return_lease(instant unused_since);
  /// How a guest's probe went, for the home to `record`.
  [[nodiscard]] std::optional<std::pair<breaker_permit, breaker_verdict>> take_probe();

private:
  struct call {
    instant at;
    bool failed;
    bool slow;
  };
  [[nodiscard]] std::optional<breaker_permit> admit_probe();
  void enter(breaker_phase phase);
  void open(instant now);
  void note(bool failed, bool slow);
  void open_if_reached(instant now);
  void remember(call finished);
  void forget_oldest();
  [[nodiscard]] bool rates_reached() const;

  breaker options_;
  breaker_phase phase_ = breaker_phase::closed;
  std::uint64_t epoch_ = 0;
  int failure_count_ = 0;
  int success_count_ = 0;
  bool probing_ = false;
  duration current_wait_;
  instant half_opens_at_{};
  std::optional<instant> last_failure_;
  std::deque<call> window_;
  int window_failed_ = 0;
  int window_slow_ = 0;

  breaker_place place_ = breaker_place::alone;
  breaker_delta delta_{};
  bool wishes_ = false;
  std::optional<instant> leased_; // and no call has used it
  std::optional<std::pair<breaker_permit, breaker_verdict>> probe_;
};

} // namespace troupe
