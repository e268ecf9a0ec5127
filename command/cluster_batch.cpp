#include "batch_totals.hpp"
#include "cluster_access.hpp"
#include "cluster_result.hpp"
#include "cluster_run.hpp"
#include "cluster_text.hpp"
#include "command_error.hpp"
#include "interrupts.hpp"
#include "painter.hpp"
#include "progress_view.hpp"

#include <troupe/protocol/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace troupe::detail {

namespace {

constexpr std::size_t most_told_failures = 20;

/// Many runs of one workflow on a cluster: started in order, so many at a time; told in order.
class remote_batch {
public:
  remote_batch(console& speaker, cluster_client& cluster, const cluster_batch& given)
      : console_(speaker), cluster_(cluster), given_(given) {
    progress_.all = given.inputs.size();
    progress_.started = std::chrono::steady_clock::now();
  }

  int execute() {
    if (console_.paints() && !console_.quiet()) {
      painter_ = std::make_unique<painter>(console_,
                                           [this](screen_size size) { return bar(size.columns); });
    }
    signals_.react_with({.first = [this] { cancel_all(); }, .overdue = [this] { give_up(); }});
    std::vector<std::jthread> workers;
    const auto count = std::min(given_.concurrency, given_.inputs.size());
    for (std::size_t at = 0; at < count; ++at) workers.emplace_back([this] { work(); });
    for (std::size_t index = 0; index < given_.inputs.size() && tell_when_ended(index); ++index) {
    }
    workers.clear();
    signals_.react_with({});
    if (painter_) {
      painter_->finish(bar(size_of_screen().columns));
      painter_.reset();
    }
    if (broken_) refuse(*broken_);
    return conclude();
  }

private:
  std::vector<std::string> bar(std::size_t columns) {
    const std::scoped_lock lock(mutex_);
    return draw_bar(progress_, std::chrono::steady_clock::now(),
                    {columns, 1, console_.colored(), stopping_});
  }

  // On each worker.
  void work() {
    for (;;) {
      std::size_t index = 0;
      {
        const std::scoped_lock lock(mutex_);
        if (stopping_ || next_ == given_.inputs.size()) return;
        index = next_++;
      }
      const auto result = run(index);
      const std::scoped_lock lock(mutex_);
      if (result) ended_.emplace(index, *result);
      else if (!broken_ && !skipped_.contains(index)) broken_ = result.why();
      if (broken_) stopping_ = true;
      changed_.notify_all();
    }
  }

  outcome<value> run(std::size_t index) {
    auto what = given_.what;
    what.input = given_.inputs[index];
    // Scripts start over with the first run; the others come after it.
    what.restart_scripts = index == 0;
    wait_for_the_first(index);
    auto made = submit(what, index);
    {
      const std::scoped_lock lock(mutex_);
      first_is_in_ = true;
      changed_.notify_all();
    }
    if (!made) return made;
    const auto id = text_at(*made, "run_id");
    bool cancels = false;
    {
      const std::scoped_lock lock(mutex_);
      open_.insert(id);
      cancels = stopping_;
    }
    if (cancels) (void)cluster_.cancel(id);
    auto result = cluster_.result(id);
    const std::scoped_lock lock(mutex_);
    open_.erase(id);
    return result;
  }

  void wait_for_the_first(std::size_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return index == 0 || first_is_in_ || stopping_; });
  }

  // Waits for room when the cluster has none.
  outcome<value> submit(const service::submission& what, std::size_t index) {
    for (;;) {
      auto made = cluster_.submit(what);
      if (made || made.why().kind != failure_kind::rejected) return made;
      std::unique_lock lock(mutex_);
      const auto pause = made.why().retry_after.value_or(std::chrono::seconds(1));
      if (changed_.wait_for(lock, pause, [&] { return stopping_; })) {
        skipped_.insert(index);
        return made;
      }
    }
  }

  // Returns false when that run has not ended, and never will.
  bool tell_when_ended(std::size_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      const auto never = stopping_ && (index >= next_ || skipped_.contains(index));
      return ended_.contains(index) || broken_ || never;
    });
    const auto found = ended_.find(index);
    if (found == ended_.end()) return false;
    const auto content = std::move(found->second);
    ended_.erase(found);
    lock.unlock();
    tell(index, content);
    return true;
  }

  void tell(std::size_t index, const value& content) {
    const auto result = run_result_from(content);
    totals_.add(result);
    {
      const std::scoped_lock lock(mutex_);
      ++progress_.ended;
      if (result.metrics.cache_hit) ++progress_.hits;
      if (result.status == run_status::failed) ++progress_.failed;
    }
    const auto text = line_of(content, result) + '\n';
    const auto notes = notes_on(index, content, result);
    const auto write = [&] {
      console_.err.write(notes);
      console_.out.write(text);
    };
    if (painter_ && (console_.out.is_terminal() || !notes.empty())) painter_->above(write);
    else write();
  }

  std::string line_of(const value& content, const run_result& result) {
    if (!given_.json) return write_json(result.output);
    value::map_type members;
    for (const auto& member : *content.if_map()) {
      if (member.first == "scripts") scripts_ = member.second;
      else members.push_back(member);
    }
    return write_json(value::map(std::move(members)));
  }

  std::string notes_on(std::size_t index, const value& content, const run_result& result) {
    if (console_.quiet()) return {};
    const auto name = (given_.source == "-" ? "<stdin>" : given_.source) + ':'
                      + std::to_string(index + 1) + ": the run";
    if (result.status == run_status::paused) {
      return name + " is paused: " + one_line(text_at(content.at("pause"), "prompt"))
             + "; go on with " + console_.program() + " resume "
             + one_line(text_at(content, "run_id")) + " --answer JSON\n";
    }
    if (result.status != run_status::failed || totals_.failed() > most_told_failures) return {};
    auto text = name + " failed: " + (result.why ? one_line(to_string(*result.why)) : "") + '\n';
    if (totals_.failed() == most_told_failures) text += "further failures are not listed\n";
    return text;
  }

  // On another thread.
  void cancel_all() {
    std::set<std::string> open;
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      open = open_;
      changed_.notify_all();
    }
    if (!painter_) console_.say("cancelling");
    for (const auto& each : open) (void)cluster_.cancel(each);
  }

  void give_up() {
    console_.say("the runs were asked to stop, and some have not done so by now");
    restore_terminal();
    _exit(exit_cancelled);
  }

  int conclude() {
    if (given_.json) {
      auto last = value::map({{"totals", totals_.to_value()}});
      if (!scripts_.is_null()) last = last.with("scripts", scripts_);
      console_.out.line(write_json(last));
    } else if (!console_.quiet()) {
      console_.err.write(totals_.to_text());
    }
    if (!console_.out.good()) {
      console_.say("the output could not be written");
      return exit_run_failed;
    }
    if (signals_.happened()) return exit_cancelled;
    if (totals_.failed() + totals_.cancelled() > 0) return exit_run_failed;
    return totals_.paused() > 0 ? exit_paused : exit_done;
  }

  console& console_;
  cluster_client& cluster_;
  const cluster_batch& given_;
  interrupts signals_;
  batch_totals totals_;
  value scripts_;
  std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  std::map<std::size_t, value> ended_;
  std::set<std::string> open_;
  std::set<std::size_t> skipped_;
  batch_progress progress_;
  std::optional<failure> broken_;
  std::size_t next_ = 0;
  bool first_is_in_ = false;
  bool stopping_ = false;
  std::unique_ptr<painter> painter_;
};

} // namespace

int run_batch(console& speaker, cluster_client& cluster, const cluster_batch& given) {
  return remote_batch(speaker, cluster, given).execute();
}

} // namespace troupe::detail
