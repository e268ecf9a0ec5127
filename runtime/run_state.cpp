#include "run_state.hpp"

#include "deployment_core.hpp"
#include "runtime_core.hpp"

#include <troupe/actors/stage_engine.hpp>

#include <utility>

namespace troupe {

namespace detail {

void run_state::put(actors::message content) {
  if (auto* end = std::get_if<actors::result_message>(&content)) end_with(std::move(end->result));
}

void run_state::end_with(step_result&& result) {
  std::shared_ptr<deployment_core> home; // may be the last to hold it: released without the lock
  settle(std::move(result));
  const std::scoped_lock lock(mutex_);
  done_ = true;
  home = std::move(home_);
  ended_.notify_all();
  // Whoever sees that the run has ended sees that it is counted out, and the other way round.
  if (home) home->home().close_run();
}

std::shared_ptr<deployment_core> run_state::home() const {
  const std::scoped_lock lock(mutex_);
  return home_;
}

bool run_state::cancel(std::shared_ptr<const failure> reason) {
  std::shared_ptr<deployment_core> home;
  {
    const std::scoped_lock lock(mutex_);
    if (done_ || cancelled_) return false;
    cancelled_ = true;
    home = home_;
  }
  return home && home->cancel(*this, reason);
}

bool run_state::done() const {
  const std::scoped_lock lock(mutex_);
  return done_;
}

bool run_state::wait_until(instant limit) const {
  if (const auto still_home = home(); still_home && still_home->home().is_virtual()) {
    auto self = std::const_pointer_cast<run_state>(shared_from_this());
    still_home->home().drive(self, limit);
    return done();
  }
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return done_; };
  if (limit == no_deadline) {
    ended_.wait(lock, ready);
    return true;
  }
  return ended_.wait_until(lock, limit, ready);
}

instant run_state::now() const {
  const auto still_home = home();
  return still_home ? still_home->home().now() : instant();
}

const run_result& run_state::result() {
  wait_until(no_deadline);
  return result_;
}

} // namespace detail

const run_result& any_run::result() const {
  return state_->result();
}

bool any_run::wait_for(duration limit) const {
  if (state_->done()) return true;
  return state_->wait_until(later(state_->now(), limit));
}

bool any_run::done() const {
  return state_->done();
}

bool any_run::cancel() const {
  return state_->cancel(
      std::make_shared<const failure>(failure{failure_kind::cancelled, "the run was cancelled"}));
}

const run_id& any_run::id() const {
  return state_->scope().id();
}

const std::string& any_run::correlation_id() const {
  return state_->scope().correlation_id();
}

} // namespace troupe
