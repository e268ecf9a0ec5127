#pragma once

#include <troupe/actors/message.hpp>
#include <troupe/actors/run_event.hpp>
#include <troupe/actors/stage_engine.hpp>
#include <troupe/policies/random.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// What engines get under simulation: a clock that is moved by hand, and an executor whose jobs end
/// later, in any order.
class simulated_services final : public actors::engine_services, public actors::step_executor {
public:
  explicit simulated_services(std::uint64_t seed) : random(seed) { interests = UINT32_MAX; }

  [[nodiscard]] instant now() override { return clock; }
  [[nodiscard]] actors::step_executor& executor() override { return *this; }
  void emit(const run_event& event) override {
    if (on_event) on_event(event);
  }
  [[nodiscard]] std::shared_ptr<void> hold_clock() override { return nullptr; }
  /// A job takes the time it was given when it was submitted; it never waits itself.
  bool sleep_until(instant, const std::stop_token& stop) override { return !stop.stop_requested(); }

  [[nodiscard]] bool submit(std::function<void()> work) override {
    if (chance(refused_jobs)) return false;
    jobs.emplace(later(clock, up_to(longest_job)), std::move(work));
    return true;
  }

  [[nodiscard]] std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>(random.next() % bound);
  }
  [[nodiscard]] bool chance(double share) { return random.unit() < share; }
  [[nodiscard]] duration up_to(duration most) {
    return duration(static_cast<duration::rep>(random.unit() * static_cast<double>(most.count())));
  }

  random_source random;
  instant clock{};
  std::multimap<instant, std::function<void()>> jobs;
  duration longest_job = std::chrono::milliseconds(50);
  double refused_jobs = 0;
  std::function<void(const run_event&)> on_event;
};

/// Several hosts without actors or threads. Whatever is sent waits in one pool; from it the next
/// message of a host chosen by chance is delivered, so that everything happens in an order that
/// depends on the seed alone. Messages of one host keep their order.
class simulated_hosts {
public:
  simulated_hosts(std::uint64_t seed, std::size_t count)
      : services_(std::make_shared<simulated_services>(seed)) {
    services_->on_event = [this](const run_event& event) {
      note(std::string(to_string(event.kind)) + ' ' + std::string(event.step));
    };
    for (std::size_t number = 0; number < count; ++number) add_host(number);
  }

  struct host {
    std::shared_ptr<actors::mailbox> box;
    std::unique_ptr<actors::stage_engine> engine;
    std::deque<actors::message> inbox;
    bool has_more = false;
    bool lost = false;
  };

  [[nodiscard]] simulated_services& services() noexcept { return *services_; }
  [[nodiscard]] std::size_t count() const noexcept { return hosts_.size(); }
  [[nodiscard]] host& at(std::size_t number) { return *hosts_[number]; }

  /// From now on nothing reaches this host, and it does nothing any more.
  void lose(std::size_t number) {
    hosts_[number]->lost = true;
    hosts_[number]->inbox.clear();
  }

  /// Calls `then` when the clock has reached `due`.
  void call_at(instant due, std::function<void()> then) {
    appointments_.emplace(due, std::move(then));
  }

  /// Lets one thing happen, and moves the clock only when nothing else can. False when nothing can
  /// ever happen.
  bool step() {
    std::vector<host*> ready;
    for (const auto& each : hosts_) {
      if (!each->lost && (each->has_more || !each->inbox.empty())) ready.push_back(each.get());
    }
    const auto job = services_->jobs.begin();
    const auto job_is_due = job != services_->jobs.end() && job->first <= services_->clock;
    const auto choices = ready.size() + (job_is_due ? 1 : 0);
    if (choices == 0) return move_clock();
    const auto chosen = services_->below(choices);
    if (chosen < ready.size()) take_turn(*ready[chosen]);
    else run_due_job();
    return true;
  }

  /// Lets everything happen; false when there is no end to it.
  bool settle(std::size_t most_steps = 1'000'000) {
    for (std::size_t done = 0; done < most_steps; ++done) {
      if (!step()) return true;
    }
    return false;
  }

  [[nodiscard]] std::size_t open_calls() const {
    std::size_t sum = 0;
    for (const auto& each : hosts_) sum += each->engine->open_calls();
    return sum;
  }

  [[nodiscard]] bool has_timers() const {
    return std::any_of(hosts_.begin(), hosts_.end(),
                       [](const auto& each) { return each->engine->next_timer().has_value(); });
  }

  void note(const std::string& what) {
    trace_.push_back(to_string(services_->clock - instant()) + ' ' + what);
  }
  /// What has happened, in order.
  [[nodiscard]] const std::vector<std::string>& trace() const noexcept { return trace_; }

private:
  class box final : public actors::mailbox {
  public:
    explicit box(host& home) : home_(home) {}
    void put(actors::message content) override {
      if (!home_.lost) home_.inbox.push_back(std::move(content));
    }

  private:
    host& home_;
  };

  void add_host(std::size_t number) {
    hosts_.push_back(std::make_unique<host>());
    auto& made = *hosts_.back();
    made.box = std::make_shared<box>(made);
    made.engine = std::make_unique<actors::stage_engine>(*services_, made.box, number);
  }

  // A turn may end in the middle of the work, so that messages arrive between any two events.
  void take_turn(host& of) {
    if (!of.inbox.empty() && (!of.has_more || services_->chance(0.5))) {
      auto next = std::move(of.inbox.front());
      of.inbox.pop_front();
      note("message " + std::to_string(next.index()) + " at "
           + std::to_string(of.engine->open_calls()));
      of.engine->deliver(std::move(next));
    }
    of.has_more = of.engine->run(services_->below(4));
  }

  void run_due_job() {
    const auto last = services_->jobs.upper_bound(services_->clock);
    const auto due = static_cast<std::size_t>(std::distance(services_->jobs.begin(), last));
    auto chosen = services_->jobs.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(services_->below(due)));
    const auto work = std::move(chosen->second);
    services_->jobs.erase(chosen);
    work();
  }

  bool move_clock() {
    auto next = no_deadline;
    for (const auto& each : hosts_) {
      if (!each->lost) next = std::min(next, each->engine->next_timer().value_or(no_deadline));
    }
    if (!services_->jobs.empty()) next = std::min(next, services_->jobs.begin()->first);
    if (!appointments_.empty()) next = std::min(next, appointments_.begin()->first);
    if (next == no_deadline) return false;
    services_->clock = std::max(services_->clock, next);
    for (const auto& each : hosts_) {
      const auto due = each->engine->next_timer();
      if (due && *due <= services_->clock) each->has_more = true;
    }
    while (!appointments_.empty() && appointments_.begin()->first <= services_->clock) {
      const auto then = std::move(appointments_.begin()->second);
      appointments_.erase(appointments_.begin());
      then();
    }
    return true;
  }

  std::shared_ptr<simulated_services> services_;
  std::vector<std::unique_ptr<host>> hosts_;
  std::multimap<instant, std::function<void()>> appointments_;
  std::vector<std::string> trace_;
};

/// Who asks: counts the results of each of its requests.
class simulated_requester final : public actors::mailbox {
public:
  void put(actors::message content) override {
    auto& end = std::get<actors::result_message>(content);
    results[static_cast<std::uint64_t>(end.result.id)].push_back(std::move(end.result));
  }

  std::map<std::uint64_t, std::vector<step_result>> results;
};

} // namespace troupe::testing
