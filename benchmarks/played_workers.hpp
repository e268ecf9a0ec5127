#pragma once

#include "coordinator_base.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::nodes {

/// A request that a worker has, as its coordinator told it.
struct open_work {
  worker_number at = 0;
  dispatch_number number = 0;
  branch_number branch = 0;
};

/// Takes results as a stage would, and counts them.
class result_counter final : public actors::mailbox {
public:
  void put(actors::message content) override {
    const auto& end = std::get<actors::result_message>(content);
    ++(end.result.success() ? answered : failed);
  }
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
};

/// Workers without a process: they remember what they are sent, oldest first, and answer when they
/// are told to. All of them cost the coordinator what real ones do, and nearly nothing themselves.
class played_workers {
public:
  explicit played_workers(std::size_t most_open);

  [[nodiscard]] static node_facts facts(std::size_t worker, std::size_t credit,
                                        std::map<std::string, std::string> labels = {});

  void take(worker_number to, const frame& body);
  /// The oldest request that was not asked for yet.
  open_work next() { return open_[first_++ & (open_.size() - 1)]; }
  [[nodiscard]] const open_work& newest() const { return open_[(last_ - 1) & (open_.size() - 1)]; }
  /// The results of a worker that has done one request.
  const frame& result_of(dispatch_number number);

private:
  std::vector<open_work> open_; // a ring
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  frame result_;
  std::size_t number_place_ = 0;
};

/// Requests of one run, as the items of a map are.
class played_run {
public:
  step_request next() {
    step_request request;
    request.id = request_id{++last_};
    request.run = run_;
    request.meter = run_->meter();
    request.input = last_;
    request.turns = std::make_shared<const turn>(turn{last_, nullptr});
    return request;
  }
  static branch_offer offer(std::vector<std::pair<std::string, std::string>> labels = {}) {
    branch_offer made{{plan::use("work")}, "work"};
    made.labels = std::move(labels);
    made.step_types = {"value"};
    made.idempotent = true;
    made.source = std::make_shared<const plan_source>(plan_source{"f.yaml", "text"});
    return made;
  }

private:
  std::shared_ptr<run_scope> run_ =
      std::make_shared<run_scope>(run_id::make(), "", instant{}, usage_limit{});
  std::uint64_t last_ = 0;
};

inline dispatcher_options patient() {
  dispatcher_options options;
  options.poison_deaths = SIZE_MAX;
  return options;
}

/// The dispatcher by itself.
class only_dispatcher final : public dispatch_port {
public:
  explicit only_dispatcher(std::size_t most_open) : workers_(most_open) {}

  void join(const node_facts& facts) {
    dispatch_.add_worker(++last_worker_, facts, {});
    dispatch_.flush();
  }
  void leave(worker_number worker) {
    dispatch_.lose_worker(worker, "gone", {});
    dispatch_.flush();
  }
  void add_branch(branch_offer offer) { (void)dispatch_.add_branch(std::move(offer)); }
  void start(branch_number branch) {
    dispatch_.start(branch, run_.next(), asker_, {});
    dispatch_.flush();
  }
  void end(const open_work& done) {
    dispatch_.take_results(done.at, *read_frame(workers_.result_of(done.number)), {});
    dispatch_.flush();
  }
  open_work next() { return workers_.next(); }
  [[nodiscard]] const open_work& newest() const { return workers_.newest(); }
  [[nodiscard]] const result_counter& asker() const noexcept { return *asker_; }
  [[nodiscard]] const nodes::dispatcher& dispatcher() const noexcept { return dispatch_; }

private:
  void send(worker_number to, frame body) override { workers_.take(to, body); }
  void emit(const run_event&) override {}

  played_workers workers_;
  played_run run_;
  std::shared_ptr<result_counter> asker_ = std::make_shared<result_counter>();
  worker_number last_worker_ = 0;
  nodes::dispatcher dispatch_{patient(), *this, 1, 0};
};

/// The far end of a link that is a played worker.
class played_link final : public link {
public:
  played_link(played_workers& there, worker_number number) : there_(there), number_(number) {}
  void send(std::vector<frame> frames) override {
    for (const auto& each : frames) there_.take(number_, each);
  }
  void close() override {}
  [[nodiscard]] const link_peer& peer() const noexcept override { return peer_; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept override { return 0; }

private:
  played_workers& there_;
  worker_number number_;
  link_peer peer_{};
};

/// All of a coordinator but its runtime and its sockets. Its clock stands unless it is moved.
class whole_coordinator final : public coordinator_base {
public:
  explicit whole_coordinator(std::size_t most_open)
      : coordinator_base({.role = node_role::coordinator, .name = "home"}, nullptr,
                         [this] { return now; }),
        workers_(most_open) {
    begin_dispatching(patient(), 1, 0);
  }

  void join(const node_facts& facts) {
    const auto number = ++last_worker_; // as the coordinator counts its links
    const auto made = std::make_shared<played_link>(workers_, number);
    links_.emplace(number, made);
    on_open(made, 0);
    on_frames(made, {write_frame(message_kind::hello, {to_value(facts)})});
  }
  void leave(worker_number worker) {
    const auto found = links_.find(worker);
    on_closed(found->second, "gone");
    links_.erase(found);
  }
  void add_branch(branch_offer offer) { branches_.push_back(place(std::move(offer))); }
  void start(branch_number branch) {
    branches_[branch - 1].host->put(actors::start_message{0, run_.next(), asker_});
  }
  void end(const open_work& done) { hear(done.at, workers_.result_of(done.number)); }
  open_work next() { return workers_.next(); }
  [[nodiscard]] const open_work& newest() const { return workers_.newest(); }
  void hear(worker_number from, const frame& body) { on_frames(links_.at(from), {body}); }
  [[nodiscard]] const result_counter& asker() const noexcept { return *asker_; }
  [[nodiscard]] const nodes::dispatcher& dispatcher() const noexcept { return dispatching(); }

  instant now{};

private:
  void emit(const run_event&) override {}
  void tell(const std::string&) override {}
  void breaker_changed(const std::string&, breaker_phase, breaker_phase) override {}

  played_workers workers_;
  played_run run_;
  std::shared_ptr<result_counter> asker_ = std::make_shared<result_counter>();
  worker_number last_worker_ = 0;
  std::unordered_map<worker_number, std::shared_ptr<link>> links_;
  std::vector<actors::stage_ref> branches_;
};

} // namespace troupe::nodes
