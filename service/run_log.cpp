#include "wait_tracker.hpp"

#include <troupe/protocol/step_result.hpp>
#include <troupe/service/run_log.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace troupe::service {

namespace {

constexpr std::size_t most_strangers = 1'024; // runs that nobody has said to keep
constexpr std::size_t fewest_events = 16;
constexpr std::size_t longest_text = 2'000;
constexpr std::size_t most_reasons = 100;

std::string shortened(std::string_view text) {
  if (text.size() <= longest_text) return std::string(text);
  return std::string(text.substr(0, longest_text)) + "…";
}

std::shared_ptr<const failure> copy_of(const run_event& event) {
  if (event.result && event.result->why && event.result->why.get() == event.why) {
    return event.result->why;
  }
  if (!event.why) return nullptr;
  auto copy = std::make_shared<failure>(*event.why);
  copy->message = shortened(copy->message);
  return copy;
}

std::size_t bytes_of(const logged_event& event) {
  auto bytes = sizeof(logged_event) + event.step.size() + event.path.size() + event.turns.size()
               + event.node.size() + event.detail.size();
  if (event.why) bytes += sizeof(failure) + event.why->message.size();
  return bytes;
}

double milliseconds(duration length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

} // namespace

value to_value(const logged_event& event) {
  auto all =
      value::map({{"seq", event.seq}, {"at_ms", event.at_ms}, {"kind", to_string(event.kind)}});
  if (!event.step.empty()) all = all.with("step", event.step);
  if (!event.path.empty()) all = all.with("path", event.path);
  if (!event.turns.empty()) all = all.with("turns", event.turns);
  if (!event.node.empty()) all = all.with("node", event.node);
  if (event.attempt > 0) all = all.with("attempt", event.attempt);
  if (event.delay_ms > 0) all = all.with("delay_ms", event.delay_ms);
  if (!event.detail.empty()) all = all.with("detail", event.detail);
  if (event.why) all = all.with("failure", to_value(*event.why));
  return all;
}

/// The events of one run.
struct run_log::entry {
  std::mutex mutex;
  instant started{};
  instant newest{};
  std::uint64_t newest_seq = 0;
  std::uint64_t last_seq = 0;
  std::deque<logged_event> events;
  std::size_t bytes = 0;
  wait_tracker waits;
  std::string ended;
  bool gone = false;
  std::set<viewer*> viewers;

  event_page page(std::uint64_t after, std::size_t limit) const {
    event_page found;
    found.next = std::min(after, last_seq);
    const auto first = events.empty() ? last_seq + 1 : events.front().seq;
    if (found.next + 1 < first) {
      found.missed = first - found.next - 1;
      found.next = first - 1;
    }
    auto at = events.begin() + static_cast<std::ptrdiff_t>(found.next + 1 - first);
    for (; at != events.end() && found.events.size() < limit; ++at) found.events.push_back(*at);
    if (!found.events.empty()) found.next = found.events.back().seq;
    if (found.next == last_seq) found.ended = ended;
    return found;
  }
};

class run_log::viewer final : public event_viewer {
public:
  viewer(std::shared_ptr<entry> run, std::uint64_t after) : run_(std::move(run)), after_(after) {
    const std::scoped_lock lock(run_->mutex);
    run_->viewers.insert(this);
  }
  ~viewer() override {
    const std::scoped_lock lock(run_->mutex);
    run_->viewers.erase(this);
  }
  viewer(const viewer&) = delete;
  viewer& operator=(const viewer&) = delete;

  event_page take(std::size_t limit) override {
    const std::scoped_lock lock(run_->mutex);
    auto page = run_->page(after_, limit);
    after_ = page.next;
    idle_ = page.events.empty() && page.ended.empty();
    return page;
  }

  void on_news(std::function<void()> wake) override {
    const std::scoped_lock lock(run_->mutex);
    wake_ = std::move(wake);
  }

  // With the run locked.
  void notify() {
    if (!std::exchange(idle_, false) || !wake_) return;
    wake_();
  }

private:
  std::shared_ptr<entry> run_;
  std::uint64_t after_;
  std::function<void()> wake_;
  bool idle_ = false;
};

class run_log::storage {
public:
  explicit storage(run_log_options options) : options_(options) {}

  std::shared_ptr<entry> find(const run_id& run) const {
    const std::scoped_lock lock(mutex_);
    const auto found = runs_.find(run);
    return found == runs_.end() ? nullptr : found->second;
  }

  std::shared_ptr<entry> find_or_make(const run_id& run, instant started) {
    const std::scoped_lock lock(mutex_);
    auto& found = runs_[run];
    if (found) return found;
    found = make(started);
    strangers_.push_back(run);
    if (strangers_.size() > most_strangers) {
      const auto oldest = strangers_.front();
      strangers_.pop_front();
      drop(oldest);
    }
    return found;
  }

  void keep(const run_id& run, instant started) {
    const std::scoped_lock lock(mutex_);
    auto& found = runs_[run];
    if (!found) {
      found = make(started);
      return;
    }
    const auto stranger = std::find(strangers_.rbegin(), strangers_.rend(), run);
    if (stranger != strangers_.rend()) strangers_.erase(std::next(stranger).base());
  }

  void forget(const run_id& run) {
    const std::scoped_lock lock(mutex_);
    drop(run);
  }

  void add(entry& to, logged_event event) {
    if (to.gone) return;
    event.seq = ++to.last_seq;
    const auto more = bytes_of(event);
    to.events.push_back(std::move(event));
    to.bytes += more;
    bytes_ += more;
    while (to.events.size() > options_.max_events
           || (bytes_ > options_.max_bytes && to.events.size() > fewest_events)) {
      const auto less = bytes_of(to.events.front());
      to.events.pop_front();
      to.bytes -= less;
      bytes_ -= less;
    }
    for (auto* each : to.viewers) each->notify();
  }

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  static std::shared_ptr<entry> make(instant started) {
    auto made = std::make_shared<entry>();
    made->started = made->newest = started;
    return made;
  }

  void drop(const run_id& run) {
    const auto found = runs_.find(run);
    if (found == runs_.end()) return;
    const auto gone = std::move(found->second);
    runs_.erase(found);
    const std::scoped_lock lock(gone->mutex);
    bytes_ -= gone->bytes;
    gone->events.clear();
    gone->gone = true;
    // Whoever follows it has nothing to wait for.
    if (gone->ended.empty()) gone->ended = "forgotten";
    for (auto* each : gone->viewers) each->notify();
  }

  run_log_options options_;
  mutable std::mutex mutex_;
  std::map<run_id, std::shared_ptr<entry>> runs_;
  std::deque<run_id> strangers_;
  std::atomic<std::size_t> bytes_{0};
};

run_log::run_log(run_log_options options) : storage_(std::make_unique<storage>(options)) {}

run_log::~run_log() = default;

void run_log::on_event(const run_event& event) {
  if (!event.run) return;
  const auto run = event.kind == event_kind::run_started
                       ? storage_->find_or_make(event.run->id(), event.run->started())
                       : storage_->find(event.run->id());
  if (!run) return;
  logged_event made;
  made.kind = event.kind;
  made.step = event.step;
  made.path = event.path;
  made.turns = turns_of(event);
  made.detail = shortened(event.detail);
  made.attempt = event.attempt;
  made.delay_ms = milliseconds(event.delay);
  made.why = copy_of(event);
  made.node = event.result ? event.result->node.str() : std::string(event.node);
  const std::scoped_lock lock(run->mutex);
  made.at_ms = milliseconds(event.at - run->started);
  run->waits.apply(event);
  run->newest = std::max(run->newest, event.at);
  run->newest_seq = run->last_seq + 1;
  storage_->add(*run, std::move(made));
}

event_page run_log::page(const run_id& run, std::uint64_t after, std::size_t limit) const {
  const auto found = storage_->find(run);
  if (!found) return {};
  const std::scoped_lock lock(found->mutex);
  return found->page(after, limit);
}

std::unique_ptr<event_viewer> run_log::follow(const run_id& run, std::uint64_t after) {
  auto found = storage_->find(run);
  if (!found) {
    found = std::make_shared<entry>();
    found->ended = "forgotten";
  }
  return std::make_unique<viewer>(std::move(found), after);
}

void run_log::keep(const run_id& run, instant started) {
  storage_->keep(run, started);
}

void run_log::close(const run_id& run, std::string status) {
  const auto found = storage_->find(run);
  if (!found) return;
  const std::scoped_lock lock(found->mutex);
  found->ended = std::move(status);
  for (auto* each : found->viewers) each->notify();
}

void run_log::reopen(const run_id& run) {
  const auto found = storage_->find(run);
  if (!found) return;
  const std::scoped_lock lock(found->mutex);
  found->ended.clear();
}

void run_log::forget(const run_id& run) {
  storage_->forget(run);
}

void run_log::warn(const run_id& run, instant now, std::string text) {
  const auto found = storage_->find(run);
  if (!found) return;
  const std::scoped_lock lock(found->mutex);
  logged_event made;
  made.at_ms = milliseconds(now - found->started);
  made.detail = shortened(text);
  storage_->add(*found, std::move(made));
}

std::vector<wait_reason> run_log::why(const run_id& run, instant now,
                                      const retry_counts& retries_at) const {
  const auto found = storage_->find(run);
  if (!found) return {};
  const std::scoped_lock lock(found->mutex);
  return found->waits.reasons(now, most_reasons, retries_at);
}

std::optional<run_log::progress> run_log::progress_of(const run_id& run, instant now) const {
  const auto found = storage_->find(run);
  if (!found) return std::nullopt;
  const std::scoped_lock lock(found->mutex);
  return progress{found->newest, found->newest_seq, found->waits.empty(now),
                  found->waits.sleeps(now)};
}

std::size_t run_log::bytes() const noexcept {
  return storage_->bytes();
}

} // namespace troupe::service
