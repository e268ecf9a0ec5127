#include "batch_totals.hpp"
#include "command_error.hpp"
#include "painter.hpp"
#include "paused_run.hpp"
#include "progress_view.hpp"
#include "run_report.hpp"
#include "run_setup.hpp"
#include "run_watch.hpp"

#include <troupe/protocol/json.hpp>

#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <utility>

namespace troupe::detail {

namespace {

constexpr std::size_t most_told_failures = 20;

/// Many runs of one deployment: started in order, so many at a time; told in order.
class batch_run {
public:
  batch_run(const run_place& place, run_setup setup)
      : place_(place), console_(place.speaker), setup_(std::move(setup)),
        breakers_(std::make_shared<breaker_watch>()) {
    std::vector<std::shared_ptr<observer>> observers{
        breakers_,
        std::make_shared<warning_lines>([this](const std::string& line) { warn(line); }, false)};
    home_ = make_runtime(setup_, std::move(observers));
    deployed_.emplace(deploy(setup_, *home_));
    begun_ = home_->now();
  }

  int execute() {
    const auto shows_bar = console_.paints() && !console_.quiet() && !setup_.request.virtual_time;
    if (shows_bar) {
      const std::scoped_lock lock(painting_);
      painter_ = std::make_unique<painter>(console_,
                                           [this](screen_size size) { return bar(size.columns); });
    }
    place_.signals.react_with(
        {.first = [this] { cancel_all(); }, .overdue = [this] { give_up(); }});
    for (std::size_t at = 0; at < setup_.concurrency && start_next(); ++at) {
    }
    for (std::size_t index = 0; wait_for(index); ++index) {
      const std::scoped_lock lock(telling_);
      tell_next();
    }
    place_.signals.react_with({});
    end_painting();
    return conclude();
  }

private:
  void warn(const std::string& line) {
    const std::scoped_lock lock(painting_);
    auto text = console_.program() + ": warning: " + line;
    if (painter_) painter_->post(std::move(text));
    else console_.err.line(text);
  }

  void end_painting() {
    std::unique_ptr<painter> last;
    {
      const std::scoped_lock lock(painting_);
      last = std::move(painter_);
    }
    if (last) last->finish(bar(size_of_screen().columns));
  }

  std::vector<std::string> bar(std::size_t columns) {
    batch_progress progress;
    {
      const std::scoped_lock lock(mutex_);
      progress = progress_;
    }
    progress.all = setup_.inputs.size();
    progress.started = begun_;
    progress.breakers = breakers_->open();
    return draw_bar(progress, home_->now(),
                    {columns, 1, console_.colored(), place_.signals.happened()});
  }

  // Returns false when there is nothing to start any more.
  bool start_next() {
    std::size_t index = 0;
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_ || next_ == setup_.inputs.size()) return false;
      index = next_++;
    }
    auto options = start_options(setup_);
    options.on_done = [this, index](const run_result& result) { on_done(index, result); };
    auto run = deployed_->start_value(setup_.inputs[index], std::move(options));
    const std::scoped_lock lock(mutex_);
    if (stopping_) run.cancel();
    if (!ended_.contains(index) && index >= told_) open_.insert_or_assign(index, std::move(run));
    changed_.notify_all();
    return true;
  }

  // On a thread of the runtime. The next run starts right here, so that under virtual time it
  // starts at the very instant.
  void on_done(std::size_t index, const run_result& result) {
    {
      const std::scoped_lock lock(mutex_);
      ++progress_.ended;
      if (result.metrics.cache_hit) ++progress_.hits;
      if (result.status == run_status::failed) ++progress_.failed;
      ended_.insert_or_assign(index, result);
    }
    start_next();
    const std::scoped_lock lock(mutex_);
    changed_.notify_all();
  }

  // Returns false when there is no such run, and will never be one.
  bool wait_for(std::size_t index) {
    std::unique_lock lock(mutex_);
    if (setup_.request.virtual_time) {
      const auto found = open_.find(index);
      if (found == open_.end()) return ended_.contains(index);
      const auto run = found->second;
      lock.unlock();
      (void)run.result();
      lock.lock();
      return true;
    }
    const auto is_over = [&] {
      return index == setup_.inputs.size() || (stopping_ && index >= next_);
    };
    changed_.wait(lock, [&] { return ended_.contains(index) || is_over(); });
    return ended_.contains(index);
  }

  void cancel_all() {
    std::vector<any_run> open;
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      for (const auto& [index, run] : open_) open.push_back(run);
      changed_.notify_all();
    }
    {
      const std::scoped_lock lock(painting_);
      if (!painter_) console_.say("cancelling");
    }
    for (const auto& run : open) run.cancel();
  }

  // With `telling_` held.
  void tell_next() {
    run_result result;
    std::size_t index = 0;
    {
      const std::scoped_lock lock(mutex_);
      index = told_++;
      result = std::move(ended_.extract(index).mapped());
      open_.erase(index);
    }
    tell(index, result);
  }

  void tell(std::size_t index, const run_result& result) {
    totals_.add(result);
    std::string notes;
    std::string state_file;
    if (result.status == run_status::paused) state_file = keep(*result.snapshot, notes);
    const auto tells = !console_.quiet() && totals_.failed() <= most_told_failures;
    if (result.status == run_status::failed && tells) {
      notes += name_of(index) + " failed: " + one_line(to_string(*result.why)) + '\n';
      if (totals_.failed() == most_told_failures) notes += "further failures are not listed\n";
    }
    const auto text = line_of(result, state_file) + '\n';
    const std::scoped_lock lock(painting_);
    const auto write = [&] {
      console_.err.write(notes);
      console_.out.write(text);
    };
    if (painter_ && (console_.out.is_terminal() || !notes.empty())) painter_->above(write);
    else write();
  }

  [[nodiscard]] std::string name_of(std::size_t index) const {
    const auto& path = *setup_.request.inputs;
    return (path == "-" ? "<stdin>" : path) + ':' + std::to_string(index + 1) + ": the run";
  }

  std::string line_of(const run_result& result, const std::string& state_file) const {
    if (!setup_.request.json) return write_json(result.output);
    auto all = to_value(result);
    if (result.snapshot) all = all.with("state", to_value(*result.snapshot));
    if (!state_file.empty()) all = all.with("state_file", state_file);
    return write_json(all);
  }

  std::string keep(const run_snapshot& state, std::string& notes) const {
    const auto path = default_state_file(state);
    if (const auto problem = save_state(state, path)) {
      notes += "the state of a paused run is not saved: " + *problem + '\n';
      return {};
    }
    notes += "paused: " + one_line(state.pause.step) + " asks: " + one_line(state.pause.prompt)
             + "; go on with --resume " + path + '\n';
    return path;
  }

  // Some runs do not end after their cancel: they are told as cancelled, and left.
  void give_up() {
    end_painting();
    const std::scoped_lock lock(telling_);
    for (;;) {
      {
        const std::scoped_lock state_lock(mutex_);
        if (told_ == next_) break;
        if (!ended_.contains(told_)) {
          const auto found = open_.find(told_);
          if (found == open_.end()) break;
          ended_.emplace(told_, abandoned(found->second));
        }
      }
      tell_next();
    }
    console_.say("abandoned the runs that did not stop");
    (void)conclude();
    restore_terminal();
    _exit(exit_cancelled);
  }

  [[nodiscard]] run_result abandoned(const any_run& run) const {
    run_result result;
    result.run_id = run.id();
    result.correlation_id = run.correlation_id();
    result.name = setup_.file.name;
    result.status = run_status::cancelled;
    result.why = std::make_shared<const failure>(
        failure{failure_kind::cancelled, "the run was cancelled; abandoned: it did not stop"});
    result.final_context = start_options(setup_).context;
    return result;
  }

  int conclude() {
    if (setup_.request.json) {
      auto last = value::map({{"totals", totals_.to_value()}});
      if (setup_.file.scripts) last = last.with("scripts", setup_.file.scripts->to_value());
      console_.out.line(write_json(last));
    }
    if (!console_.quiet() && !setup_.request.json) console_.err.write(totals_.to_text());
    leave_if_stuck(place_, *home_);
    if (!console_.out.good()) {
      console_.say("the output could not be written");
      return exit_run_failed;
    }
    if (place_.signals.happened()) return exit_cancelled;
    if (totals_.failed() + totals_.cancelled() > 0) return exit_run_failed;
    return totals_.paused() > 0 ? exit_paused : exit_done;
  }

  const run_place& place_;
  console& console_;
  run_setup setup_;
  std::shared_ptr<breaker_watch> breakers_;
  batch_totals totals_; // with `telling_`
  instant begun_{};

  std::mutex telling_;  // held while results are told
  std::mutex painting_; // guards the one below
  std::unique_ptr<painter> painter_;

  std::mutex mutex_; // guards the rest
  std::condition_variable changed_;
  std::map<std::size_t, any_run> open_;
  std::map<std::size_t, run_result> ended_;
  batch_progress progress_;
  std::size_t next_ = 0; // to start
  std::size_t told_ = 0; // how many were
  bool stopping_ = false;

  std::unique_ptr<runtime> home_;
  std::optional<deployment<value, value>> deployed_;
};

} // namespace

int run_many(const run_place& place, run_setup setup) {
  return batch_run(place, std::move(setup)).execute();
}

} // namespace troupe::detail
