#include "run_record.hpp"
#include "stall_report.hpp"

#include <troupe/service/run_book.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace troupe::service {

namespace {

constexpr std::size_t most_listed = 1'000;

failure unknown(const std::string& run) {
  return {failure_kind::permanent, "there is no run " + run};
}

failure not_so(const run_entry& run, const std::string& what) {
  return {failure_kind::permanent, "the run " + run.id.to_string() + ' ' + what + ": it is "
                                       + std::string(to_string(run.status))};
}

} // namespace

class run_book::implementation : public std::enable_shared_from_this<implementation> {
public:
  using record_ref = std::shared_ptr<run_record>;

  implementation(runtime& home, std::shared_ptr<run_log> log, run_book_options options)
      : home_(home), log_(std::move(log)), options_(std::move(options)),
        cache_(home, options_.max_deployments, options_.registry, options_.environment) {
    if (options_.watch_every > duration::zero()) {
      watcher_ = std::jthread([this](const std::stop_token& stop) { watch_until(stop); });
    }
  }

  ~implementation() { end_watch(); }
  implementation(const implementation&) = delete;
  implementation& operator=(const implementation&) = delete;

  void end_watch() {
    if (!watcher_.joinable()) return;
    watcher_.request_stop();
    watcher_.join();
  }

  outcome<run_id> submit(submission what, std::optional<run_id> retry_of) {
    if (what.workflow.empty() == what.name.empty() && !retry_of) {
      return failure{failure_kind::malformed, "give either a workflow or the name of one"};
    }
    if (!what.context.is_null() && !what.context.is_map()) {
      return failure{failure_kind::malformed,
                     "the context must be a map, not " + std::string(kind_name(what.context))};
    }
    const auto bytes = service::bytes_of(what);
    if (auto refused = reserve(bytes)) return *std::move(refused);
    // Only a run of a registered pipeline has no text of its own.
    const auto is_registered = retry_of && what.workflow.empty();
    auto live = is_registered ? cache_.of_pipeline(what.name) : find_workflow(what);
    if (!live) {
      const std::scoped_lock lock(mutex_);
      --running_;
      open_bytes_ -= bytes;
      return live.why();
    }
    auto made = std::make_shared<run_record>();
    made->given_bytes = bytes;
    made->given = std::move(what);
    made->given.workflow.clear();
    made->about.retry_of = retry_of;
    return start(made, *live);
  }

  outcome<run_id> retry(const run_id& run) {
    submission again;
    {
      const std::scoped_lock lock(mutex_);
      const auto found = runs_.find(run);
      if (found == runs_.end()) return unknown(run.to_string());
      const auto& record = *found->second;
      again = record.given;
      again.correlation_id = record.about.correlation_id;
      if (record.text) again.workflow = *record.text;
      else again.name = record.about.name;
    }
    again.restart_scripts = false;
    return submit(std::move(again), run);
  }

  outcome<bool> cancel(const run_id& run) {
    std::unique_lock lock(mutex_);
    const auto record = settled(lock, run);
    if (!record) return unknown(run.to_string());
    if (record->about.status == run_status::running) {
      const auto handle = *record->handle;
      lock.unlock();
      return handle.cancel();
    }
    if (record->about.status != run_status::paused) return not_so(record->about, "has ended");
    if (const auto why = leave_pause(record, std::nullopt, lock)) {
      end_as_it_is(*record, *why); // it can never go on
      --paused_;
      ++running_;
      settle(record, lock);
    }
    return true;
  }

  outcome<run_status> resume(const run_id& run, const value& answer) {
    std::unique_lock lock(mutex_);
    const auto record = settled(lock, run);
    if (!record) return unknown(run.to_string());
    if (record->about.status != run_status::paused) return not_so(record->about, "is not paused");
    if (const auto why = leave_pause(record, answer, lock)) return *why;
    return run_status::running;
  }

  outcome<run_id> find(std::string_view text) const {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char letter) {
      return letter >= 'A' && letter <= 'F' ? letter + 32 : letter;
    });
    const std::scoped_lock lock(mutex_);
    const auto first = runs_.lower_bound(std::string_view(lower));
    if (lower.empty() || first == runs_.end() || !first->first.to_string().starts_with(lower)) {
      return unknown(std::string(text));
    }
    const auto second = std::next(first);
    if (second != runs_.end() && second->first.to_string().starts_with(lower)) {
      return failure{failure_kind::permanent, "more than one run begins with " + std::string(text)
                                                  + ": " + first->first.to_string() + ", "
                                                  + second->first.to_string() + " …"};
    }
    return first->first;
  }

  std::optional<run_entry> entry(const run_id& run) const {
    const std::scoped_lock lock(mutex_);
    const auto found = runs_.find(run);
    if (found == runs_.end()) return std::nullopt;
    return as_it_is(*found->second);
  }

  value result(const run_id& run) const {
    std::unique_lock lock(mutex_);
    const auto record = settled(lock, run);
    if (!record || record->about.status == run_status::running) return {};
    const auto copy = *record;
    lock.unlock();
    return result_of(copy);
  }

  run_page list(const run_filter& filter) const {
    const auto limit = std::clamp<std::size_t>(filter.limit, 1, most_listed);
    run_page page;
    const std::scoped_lock lock(mutex_);
    auto at = filter.before ? runs_.lower_bound(*filter.before) : runs_.end();
    while (at != runs_.begin()) {
      --at;
      const auto& about = at->second->about;
      if (filter.status && about.status != *filter.status) continue;
      if (!filter.name.empty() && about.name != filter.name) continue;
      if (page.runs.size() == limit) {
        page.next = page.runs.back().id;
        break;
      }
      page.runs.push_back(as_it_is(*at->second));
    }
    return page;
  }

  std::vector<wait_reason> why(const run_id& run) const {
    std::shared_ptr<const live_workflow> live;
    {
      const std::scoped_lock lock(mutex_);
      const auto found = runs_.find(run);
      if (found == runs_.end()) return {};
      const auto status = found->second->about.status;
      if (status != run_status::running && status != run_status::paused) return {};
      live = found->second->live;
    }
    auto chain = log_->why(run, home_.now(), [&](const std::string& path) {
      return live ? live->retries_at(path) : std::uint32_t{0};
    });
    if (!options_.cluster) return chain;
    for (auto& each : options_.cluster->why(run)) {
      // Who knows where the work is knows more about it.
      std::erase_if(chain, [&](const wait_reason& here) {
        return here.code == "running" && here.node.empty() && here.path == each.path;
      });
      chain.push_back(std::move(each));
    }
    return chain;
  }

  std::size_t watch();

  run_counts counts() const {
    const auto deployments = cache_.size();
    const std::scoped_lock lock(mutex_);
    auto all = counts_;
    all.running = running_;
    all.paused = paused_;
    all.kept = ended_.size();
    all.deployments = deployments;
    return all;
  }

  [[nodiscard]] runtime& home() const noexcept { return home_; }
  [[nodiscard]] run_log& log() const noexcept { return *log_; }

private:
  std::optional<failure> reserve(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    const auto open = running_ + paused_;
    if (open < options_.max_open && (open == 0 || open_bytes_ + bytes <= options_.max_open_bytes)) {
      ++running_;
      open_bytes_ += bytes;
      return std::nullopt;
    }
    ++counts_.rejected;
    return failure{failure_kind::rejected,
                   std::to_string(open) + " runs with " + std::to_string(open_bytes_ >> 20)
                       + " MiB are open, which is the limit: try again when some have ended",
                   std::chrono::seconds(1)};
  }

  deployment_cache::result find_workflow(const submission& what) {
    if (what.workflow.empty()) return cache_.of_name(what.name, what.restart_scripts);
    const auto file = !what.file.empty() ? what.file : std::string("workflow");
    return cache_.of_text(file, std::make_shared<const std::string>(what.workflow),
                          what.restart_scripts);
  }

  outcome<run_id> start(const record_ref& made, const std::shared_ptr<const live_workflow>& live) {
    made->live = live;
    made->text = live->text;
    made->scripts = live->file.scripts;
    made->about.name = live->file.name;
    made->started = home_.now();
    auto options = options_of(made->given, live->file);
    options.on_done = on_done(made);
    const auto input = made->given.input ? *made->given.input : live->file.input.value_or(value());
    auto run = live->deployed.start_value(input, std::move(options));
    const auto id = run.id();
    log_->keep(id, made->started);
    std::unique_lock lock(mutex_);
    made->about.id = id;
    made->about.correlation_id = run.correlation_id();
    made->handle = std::move(run);
    made->starting = false;
    ++counts_.submitted;
    runs_.emplace(id, made);
    if (made->finished) settle(made, lock);
    return id;
  }

  std::function<void(const run_result&)> on_done(const record_ref& record) {
    return [book = weak_from_this(), record](const run_result& result) {
      if (const auto alive = book.lock()) alive->finish(record, result);
    };
  }

  // On a thread of the runtime.
  void finish(const record_ref& record, const run_result& result) {
    const auto bytes = bytes_of(result) + record->given_bytes;
    std::unique_lock lock(mutex_);
    record->finished = true;
    record->bytes = bytes;
    record->about.status = result.status;
    record->about.latency = result.latency;
    record->about.failure = short_failure(result);
    if (!record->starting) settle(record, lock);
  }

  // Moves a run that has finished to where it belongs; releases the lock.
  void settle(const record_ref& record, std::unique_lock<std::mutex>& lock) {
    std::vector<record_ref> gone;
    const auto live = std::move(record->live);
    --running_;
    switch (record->about.status) {
    case run_status::paused: ++paused_; break;
    case run_status::completed: ++counts_.completed; break;
    case run_status::cancelled: break;
    case run_status::failed:
    case run_status::running: ++counts_.failed; break;
    }
    if (record->about.status == run_status::paused) log_->close(record->about.id, "paused");
    else keep_ended(record, gone);
    lock.unlock();
  }

  // Remembers a run that has ended, and forgets others for it.
  void keep_ended(const record_ref& record, std::vector<record_ref>& gone) {
    if (record->about.status == run_status::cancelled) ++counts_.cancelled;
    log_->close(record->about.id, std::string(to_string(record->about.status)));
    open_bytes_ -= record->given_bytes;
    ended_.push_back(record->about.id);
    kept_bytes_ += record->bytes;
    const auto too_much = [&] {
      return ended_.size() > options_.max_kept
             || (kept_bytes_ > options_.max_kept_bytes && ended_.size() > 1);
    };
    while (too_much()) {
      const auto oldest = runs_.find(ended_.front());
      ended_.pop_front();
      kept_bytes_ -= oldest->second->bytes;
      ++counts_.forgotten;
      log_->forget(oldest->first);
      gone.push_back(std::move(oldest->second));
      runs_.erase(oldest);
    }
  }

  // The run, once nobody is busy starting it. Null when there is none.
  record_ref settled(std::unique_lock<std::mutex>& lock, const run_id& run) const {
    const auto found = runs_.find(run);
    if (found == runs_.end()) return nullptr;
    auto record = found->second;
    started_.wait(lock, [&] { return !record->starting; });
    return record;
  }

  // Without an answer, cancels it. When that fails, it is paused as before and the lock is held.
  std::optional<failure> leave_pause(const record_ref& record, const std::optional<value>& answer,
                                     std::unique_lock<std::mutex>& lock) {
    record->starting = true;
    record->finished = false;
    record->about.status = run_status::running;
    --paused_;
    ++running_;
    lock.unlock();

    log_->reopen(record->about.id);
    auto next = go_on(record, answer);
    lock.lock();
    record->starting = false;
    started_.notify_all();
    if (!next) {
      record->about.status = run_status::paused;
      --running_;
      ++paused_;
      log_->close(record->about.id, "paused");
      return next.why();
    }
    record->handle = *std::move(next);
    if (record->finished) settle(record, lock);
    return std::nullopt;
  }

  outcome<any_run> go_on(const record_ref& record, const std::optional<value>& answer) {
    auto live = record->text ? cache_.of_text(record->about.name, record->text)
                             : cache_.of_pipeline(record->about.name);
    if (!live) return live.why();
    {
      const std::scoped_lock lock(mutex_);
      record->live = *live;
    }
    auto options = options_of(record->given, (*live)->file);
    options.on_done = on_done(record);
    const any_deployment& deployed = (*live)->deployed;
    if (!answer) return deployed.cancel(*record->handle, std::move(options));
    return deployed.resume(*record->handle, *answer, std::move(options));
  }

  [[nodiscard]] run_entry as_it_is(const run_record& record) const {
    auto about = record.about;
    if (about.status == run_status::running) about.latency = home_.now() - record.started;
    return about;
  }

  void watch_until(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (
        !stopped.wait_for(lock, stop, options_.watch_every, [&] { return stop.stop_requested(); }))
      watch();
  }

  runtime& home_;
  std::shared_ptr<run_log> log_;
  const run_book_options options_;
  deployment_cache cache_;
  mutable std::mutex mutex_;
  mutable std::condition_variable started_;
  std::map<run_id, record_ref, id_order> runs_;
  std::deque<run_id> ended_; // the oldest first
  std::size_t kept_bytes_ = 0;
  std::size_t running_ = 0; // those about to start included
  std::size_t paused_ = 0;
  std::size_t open_bytes_ = 0;
  run_counts counts_;
  std::jthread watcher_;
};

std::size_t run_book::implementation::watch() {
  const auto now = home_.now();
  std::vector<run_id> running;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, record] : runs_) {
      if (record->about.status == run_status::running && !record->starting) running.push_back(id);
    }
  }
  std::size_t reported = 0;
  std::size_t stalled = 0;
  for (const auto& id : running) {
    const auto progress = log_->progress_of(id, now);
    if (!progress) continue;
    const auto quiet = now - progress->newest;
    if (quiet < std::min(options_.idle_after, options_.stall_after)) continue;
    const auto text = stall_report(*progress, quiet, why(id), options_);
    if (text.empty()) continue;
    ++stalled;
    {
      const std::scoped_lock lock(mutex_);
      const auto found = runs_.find(id);
      if (found == runs_.end() || found->second->reported_at == progress->seq) continue;
      found->second->reported_at = progress->seq;
      ++counts_.stalls;
    }
    ++reported;
    log_->warn(id, now, text);
  }
  const std::scoped_lock lock(mutex_);
  counts_.stalled = stalled;
  return reported;
}

run_book::run_book(runtime& home, std::shared_ptr<run_log> log, run_book_options options)
    : implementation_(std::make_shared<implementation>(home, std::move(log), std::move(options))) {}

run_book::~run_book() {
  implementation_->end_watch();
}

outcome<run_id> run_book::submit(submission what) {
  return implementation_->submit(std::move(what), std::nullopt);
}

outcome<run_id> run_book::retry(const run_id& run) {
  return implementation_->retry(run);
}

outcome<bool> run_book::cancel(const run_id& run) {
  return implementation_->cancel(run);
}

outcome<run_status> run_book::resume(const run_id& run, const value& answer) {
  return implementation_->resume(run, answer);
}

outcome<run_id> run_book::find(std::string_view id_or_prefix) const {
  return implementation_->find(id_or_prefix);
}

std::optional<run_entry> run_book::entry(const run_id& run) const {
  return implementation_->entry(run);
}

value run_book::result(const run_id& run) const {
  return implementation_->result(run);
}

run_page run_book::list(const run_filter& filter) const {
  return implementation_->list(filter);
}

std::vector<wait_reason> run_book::why(const run_id& run) const {
  return implementation_->why(run);
}

event_page run_book::events(const run_id& run, std::uint64_t after, std::size_t limit) const {
  return implementation_->log().page(run, after, limit);
}

std::unique_ptr<event_viewer> run_book::follow(const run_id& run, std::uint64_t after) const {
  return implementation_->log().follow(run, after);
}

std::size_t run_book::watch() {
  return implementation_->watch();
}

run_counts run_book::counts() const {
  return implementation_->counts();
}

runtime& run_book::home() const noexcept {
  return implementation_->home();
}

} // namespace troupe::service
