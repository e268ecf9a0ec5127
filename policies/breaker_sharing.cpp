#include <troupe/policies/breaker.hpp>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace troupe {

namespace {

// Which of two states holds that came about at the same time: an operator's word, then the one that
// spares the service more.
int weight(breaker_phase phase) {
  switch (phase) {
  case breaker_phase::disabled: return 4;
  case breaker_phase::forced_open: return 3;
  case breaker_phase::open: return 2;
  case breaker_phase::half_open: return 1;
  case breaker_phase::closed: return 0;
  }
  return 0;
}

void add(int& to, int more) {
  to = more > std::numeric_limits<int>::max() - to ? std::numeric_limits<int>::max() : to + more;
}

// The share of `part` in as many calls as the window holds.
int scaled(int part, int calls, int window) {
  if (calls <= window) return part;
  return static_cast<int>(std::int64_t{part} * window / calls);
}

} // namespace

bool is_ahead(const breaker_standing& one, const breaker_standing& other) {
  return std::tuple(one.epoch, weight(one.phase)) > std::tuple(other.epoch, weight(other.phase));
}

void breaker_state::set_place(breaker_place place) {
  if (std::exchange(place_, place) == place) return;
  delta_ = {};
  leased_.reset();
  wishes_ = false;
  // How probes went is told to the home from now on.
  if (place == breaker_place::guest) probing_ = false;
}

bool breaker_state::adopt(const breaker_standing& theirs, instant now) {
  if (!is_ahead(theirs, {.epoch = epoch_, .phase = phase_})) return false;
  enter(theirs.phase);
  epoch_ = theirs.epoch;
  failure_count_ = theirs.failure_count;
  success_count_ = theirs.success_count;
  current_wait_ = theirs.wait;
  if (phase_ == breaker_phase::open) half_opens_at_ = later(now, theirs.half_opens_in);
  return true;
}

void breaker_state::count(const breaker_delta& theirs, instant now) {
  if (theirs.epoch != epoch_ || phase_ != breaker_phase::closed || theirs.calls <= 0) return;
  if (theirs.failed > 0) last_failure_ = now;
  if (theirs.succeeded) failure_count_ = 0;
  add(failure_count_, theirs.failures_in_a_row);
  if (options_.failure_rate || options_.slow_call_duration) {
    const auto calls = std::min(theirs.calls, options_.window);
    const auto failed = scaled(theirs.failed, theirs.calls, options_.window);
    const auto slow = scaled(theirs.slow, theirs.calls, options_.window);
    for (int each = 0; each < calls; ++each) remember({now, each < failed, each < slow});
  }
  open_if_reached(now);
}

breaker_standing breaker_state::standing(instant now) const {
  breaker_standing all{epoch_, phase_, failure_count_, success_count_, {}, current_wait_};
  if (phase_ == breaker_phase::open) all.half_opens_in = *retry_after(now);
  return all;
}

void breaker_state::note(bool failed, bool slow) {
  delta_.epoch = epoch_;
  add(delta_.calls, 1);
  add(delta_.failed, failed ? 1 : 0);
  add(delta_.slow, slow ? 1 : 0);
  if (failed) return add(delta_.failures_in_a_row, 1);
  delta_.succeeded = true;
  delta_.failures_in_a_row = 0;
}

breaker_delta breaker_state::take_delta() {
  return std::exchange(delta_, {});
}

bool breaker_state::take_wish() {
  return std::exchange(wishes_, false);
}

std::optional<breaker_permit> breaker_state::lease(instant now) {
  if (phase_ != breaker_phase::open && phase_ != breaker_phase::half_open) return std::nullopt;
  return place_ == breaker_place::guest ? std::nullopt : admit(now);
}

bool breaker_state::take_lease(std::uint64_t epoch, instant now) {
  if (place_ != breaker_place::guest || epoch != epoch_ || phase_ != breaker_phase::half_open)
    return false;
  leased_ = now;
  return true;
}

std::optional<breaker_permit> breaker_state::return_lease(instant unused_since) {
  if (!leased_ || *leased_ > unused_since) return std::nullopt;
  leased_.reset();
  return breaker_permit{epoch_, true};
}

std::optional<std::pair<breaker_permit, breaker_verdict>> breaker_state::take_probe() {
  return std::exchange(probe_, std::nullopt);
}

} // namespace troupe
