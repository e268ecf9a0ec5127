#include <troupe/actors/saga_keeper.hpp>
#include <troupe/actors/saga_log.hpp>
#include <troupe/actors/stage_engine.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace troupe::actors {

class member_call final : public call {
public:
  explicit member_call(const saga_member& home) : home_(home) {}
  ~member_call() override { end(); }

private:
  void start() override {
    // What undoes something is not undone itself.
    if (!request().saga) {
      send(0, home_.child, request());
      return;
    }
    saga_log::entry mine;
    mine.name = identity().name.str();
    mine.compensation = home_.compensation;
    mine.original = request();
    mine.original.saga = nullptr; // it would hold itself
    slot_ = mine.result = std::make_shared<compensation_slot>();
    auto ended = mine.ended;
    if (!request().saga->open(std::move(mine))) {
      return fail({failure_kind::cancelled, "cancelled: what it belongs to has been undone"});
    }
    log_ = request().saga;
    ended_ = std::move(ended);
    send(0, home_.child, request());
  }

  void on_result(std::uint64_t, step_result&& result) override { conclude(std::move(result)); }
  void on_late_result(std::uint64_t, step_result&& result) override { conclude(std::move(result)); }

  step_result cancelled_result() override { return with_slot(call::cancelled_result()); }

  void conclude(step_result&& result) {
    end();
    answer(with_slot(std::move(result)));
  }

  step_result with_slot(step_result result) const {
    if (slot_) result.edit_metadata([&](step_metadata& about) { about.undone_by = slot_; });
    return result;
  }

  void end() {
    if (log_) log_->end(ended_);
    log_.reset();
  }

  const saga_member& home_;
  std::shared_ptr<saga_log> log_;
  std::shared_ptr<compensation_slot> slot_;
  std::shared_ptr<std::atomic<bool>> ended_;
};

class scope_call final : public call {
public:
  explicit scope_call(const saga_keeper& home) : home_(home) {}

private:
  void start() override {
    auto inner = request();
    log_ = inner.saga = std::make_shared<saga_log>();
    send(0, home_.child, std::move(inner));
  }

  void on_result(std::uint64_t tag, step_result&& result) override { take(tag, std::move(result)); }
  void on_late_result(std::uint64_t tag, step_result&& result) override {
    take(tag, std::move(result));
  }

  // Only the work itself is told; undoing goes on, but not for long when everything is about to
  // end.
  void on_cancel(const std::shared_ptr<const failure>& reason) override {
    if (!work_) return cancel_children(reason);
    if (!undoing_ || !engine().closing()) return;
    drop_timers();
    set_limit();
  }

  void take(std::uint64_t tag, step_result&& result) {
    if (tag != 0) return undone(std::move(result));
    work_ = std::move(result);
    if (!must_undo()) return answer(*std::move(work_));
    open_ = log_->close();
    undo_when_ended();
  }

  bool must_undo() {
    if (work_->failed_with(failure_kind::paused) && !request().run->given_up) return false;
    const auto ends = cancel_reason() || (work_->why && ends_the_run(*work_->why));
    if (work_->why && !ends) return true;
    if (ends && !(home_.passes_ends_on && request().saga)) return true;
    auto done = log_->take();
    if (done.empty() || !request().saga || request().saga->append(done)) return false;
    // Nobody wants this any more: the scope around it has been undone without it.
    return log_->append(done);
  }

  // A stage that is still stopping is undone only once it has stopped.
  void undo_when_ended() {
    if (!open_.empty() && log_->wait_for_ends(open_, address())) return;
    undo_next();
  }

  void on_signal(signal) override {
    if (work_ && !undoing_) undo_when_ended();
  }

  void undo_next() {
    undoing_ = true;
    while (next_ != open_.size() && last_moment_ && now() >= *last_moment_) note(late_result());
    if (next_ == open_.size()) return conclude();
    const auto& latest = open_[next_];
    auto order = latest.original;
    order.deadline = no_deadline;
    order.attempt = 1;
    order.shielded = true;
    order.meter = request().meter;
    child_ = send(next_ + 1, latest.compensation, std::move(order));
    since_ = now();
    set_limit();
  }

  void set_limit() {
    auto due = later(since_, compensation_limit);
    if (engine().closing()) {
      if (!last_moment_) last_moment_ = later(now(), engine().services().cancel_grace);
      due = std::min(due, *last_moment_);
    }
    set_timer(0, due);
  }

  void on_timer(std::uint32_t) override {
    abandon(child_, std::make_shared<const failure>(
                        failure{failure_kind::cancelled, "it took too long to undo"}));
    note(late_result());
    undo_next();
  }

  // The current one has not been undone, and nobody waits for it any longer.
  step_result late_result() const {
    auto result = failed_result(
        {failure_kind::timed_out,
         last_moment_ ? "timed out: the runtime is going down"
                      : "timed out: it did not end within " + to_string(compensation_limit)});
    result.name = open_[next_].name;
    return result;
  }

  void undone(step_result&& result) {
    drop_timers();
    note(std::move(result));
    undo_next();
  }

  void note(step_result result) {
    auto& latest = open_[next_++];
    spent_ += result.spent;
    if (result.why) {
      warn("the compensation of " + latest.name + " failed: " + result.why->message);
    }
    result.ctx = {};
    latest.result->fill(std::make_shared<const step_result>(std::move(result)));
  }

  void conclude() {
    work_->spent += spent_;
    answer(*std::move(work_));
  }

  const saga_keeper& home_;
  std::shared_ptr<saga_log> log_;
  std::optional<step_result> work_; // once it has ended
  std::vector<saga_log::entry> open_;
  std::size_t next_ = 0;
  bool undoing_ = false;
  call_id child_{};
  instant since_{}; // the current one is being undone
  std::optional<instant> last_moment_;
  usage spent_{};
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, saga_member parts) {
  return std::make_unique<straight_stage_of<member_call, saga_member>>(std::move(identity),
                                                                       std::move(parts));
}

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, saga_keeper parts) {
  return std::make_unique<straight_stage_of<scope_call, saga_keeper>>(std::move(identity),
                                                                      std::move(parts));
}

} // namespace troupe::actors
