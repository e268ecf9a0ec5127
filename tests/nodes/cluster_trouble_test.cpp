#include "cluster_fixture.hpp"
#include "link.hpp"
#include "support/recording_observer.hpp"
#include "wire.hpp"

#include <troupe/nodes/certificates.hpp>

#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <latch>
#include <mutex>

namespace troupe {
namespace {

using ::testing::HasSubstr;

class scratch_folder {
public:
  scratch_folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "troupe-cluster-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~scratch_folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] tls_files files_of(const std::string& name) const {
    return {path_ + "/ca.pem", path_ + '/' + name + ".pem", path_ + '/' + name + "-key.pem"};
  }

private:
  std::string path_;
};

/// Warnings of a node, for a test to wait for.
class warnings final : public observer {
public:
  void on_event(const run_event& event) override {
    const std::scoped_lock lock(mutex_);
    all_.emplace_back(event.detail);
    changed_.notify_all();
  }
  [[nodiscard]] std::uint32_t interests() const override {
    return interest_in(event_kind::warning);
  }
  bool wait_for(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] {
      return std::any_of(all_.begin(), all_.end(), [&](const std::string& each) {
        return each.find(part) != std::string::npos;
      });
    });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> all_;
};

/// The far end of a link, played by the test.
class far_end final : public nodes::link_handler {
public:
  void on_open(const std::shared_ptr<nodes::link>& opened, std::uint64_t) override {
    const std::scoped_lock lock(mutex_);
    wire_ = opened;
    changed_.notify_all();
  }
  void on_frames(const std::shared_ptr<nodes::link>&, std::vector<nodes::frame> frames) override {
    const std::scoped_lock lock(mutex_);
    for (auto& each : frames) received_.push_back(std::move(each));
    changed_.notify_all();
  }
  void on_closed(const std::shared_ptr<nodes::link>&, const std::string&) override {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  void on_connect_failed(std::uint64_t, const std::string&) override {}

  std::shared_ptr<nodes::link> wait_for_link() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 20s, [&] { return wire_ != nullptr; });
    return wire_;
  }
  std::optional<nodes::message> wait_for(nodes::message_kind kind) {
    std::unique_lock lock(mutex_);
    std::optional<nodes::message> found;
    changed_.wait_for(lock, 20s, [&] {
      for (const auto& each : received_) {
        auto read = nodes::read_frame(each);
        if (read && read->kind == kind) found = *std::move(read);
      }
      return found.has_value();
    });
    return found;
  }
  bool wait_until_closed() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return closed_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<nodes::link> wire_;
  std::vector<nodes::frame> received_;
  bool closed_ = false;
};

nodes::node_facts stranger() {
  nodes::node_facts facts;
  facts.identity = make_node_identity("stranger");
  facts.role = "worker";
  facts.version = "9.9";
  facts.credit = 10;
  facts.heartbeat = 100ms;
  facts.lost_after = 1s;
  return facts;
}

TEST_F(cluster_test, refuses_a_worker_of_another_version_and_tells_both_sides) {
  const auto heard = std::make_shared<warnings>();
  auto options = coordinator_options();
  options.runtime.observers = {heard};
  home = std::make_unique<node>(options);
  const auto wires = nodes::make_transport({});
  const auto end = std::make_shared<far_end>();
  wires->connect(home->listen_address(), 1, end);
  auto facts = stranger();
  facts.major = 99;
  end->wait_for_link()->send({nodes::write_frame(nodes::message_kind::hello, {to_value(facts)})});
  const auto refusal = end->wait_for(nodes::message_kind::refusal);
  ASSERT_TRUE(refusal);
  EXPECT_THAT(*refusal->item(0).if_text(), HasSubstr("version 99.0"));
  EXPECT_TRUE(end->wait_until_closed());
  EXPECT_TRUE(heard->wait_for("version 99.0"));
  EXPECT_EQ(home->connections(), 0u);
}

TEST_F(cluster_test, drops_peers_that_break_the_protocol_and_works_on) {
  join("w1");
  const auto wires = nodes::make_transport({});
  for (const auto& noise : {nodes::frame("noise"), nodes::frame(100'000, '\xc1'),
                            nodes::write_frame(nodes::message_kind::work, {1}),
                            nodes::write_frame(nodes::message_kind::hello, {2})}) {
    const auto end = std::make_shared<far_end>();
    wires->connect(home->listen_address(), 1, end);
    end->wait_for_link()->send({noise});
    EXPECT_TRUE(end->wait_until_closed());
  }
  EXPECT_TRUE(
      run_text(*home, "troupe: 1\nflow: {step: a, uses: value, with: {value: 1}}\n").success());
}

TEST_F(cluster_test, gives_up_a_worker_of_which_nothing_is_heard) {
  auto options = coordinator_options();
  options.heartbeat = 50ms;
  options.lost_after = 300ms;
  home = std::make_unique<node>(options);
  const auto wires = nodes::make_transport({});
  const auto silent = std::make_shared<far_end>();
  wires->connect(home->listen_address(), 1, silent);
  auto facts = stranger();
  facts.step_types = {"sleep", "value"};
  silent->wait_for_link()->send(
      {nodes::write_frame(nodes::message_kind::hello, {to_value(facts)})});
  ASSERT_TRUE(home->wait_for_connections(1, 20s));
  const auto file = parse_workflow(
      "test.yaml", "troupe: 1\nflow: {step: a, uses: sleep, with: {for: 1ms}, idempotent: true}\n");
  const auto live = file.deploy(home->runtime());
  const auto run = live.start_value(5);
  EXPECT_TRUE(silent->wait_for(nodes::message_kind::work));
  auto other = worker_options(*home, "w2");
  other.heartbeat = 50ms;
  workers.push_back(std::make_unique<node>(other));
  EXPECT_EQ(run.result().output, value(5)) << run.result().feedback();
  EXPECT_EQ(run.result().step_history.at(0).node, "w2");
}

TEST_F(cluster_test, encrypts_and_checks_both_sides_with_certificates) {
  const scratch_folder certificates;
  make_cluster_ca(certificates.path());
  for (const auto* name : {"home", "w1", "other"}) {
    make_node_certificate(certificates.path(), name);
  }
  auto options = coordinator_options();
  options.tls = certificates.files_of("home");
  options.api_token = "secret";
  home = std::make_unique<node>(options);
  auto worker = worker_options(*home, "w1");
  worker.tls = certificates.files_of("w1");
  join(worker);
  const auto result =
      run_text(*home, "troupe: 1\nflow: {step: a, uses: value, with: {value: 1}}\n");
  EXPECT_TRUE(result.success()) << result.feedback();
  EXPECT_EQ(result.step_history.at(0).node, "w1");

  const scratch_folder foreign;
  make_cluster_ca(foreign.path());
  make_node_certificate(foreign.path(), "w2");
  const auto heard = std::make_shared<warnings>();
  auto intruder = worker_options(*home, "w2");
  intruder.tls = foreign.files_of("w2");
  intruder.runtime.observers = {heard};
  const node refused(intruder);
  EXPECT_TRUE(heard->wait_for("no link to the coordinator"));
  EXPECT_EQ(home->connections(), 1u);

  const auto misnamed_heard = std::make_shared<warnings>();
  auto misnamed = worker_options(*home, "w3");
  misnamed.tls = certificates.files_of("other");
  misnamed.runtime.observers = {misnamed_heard};
  const node wrong_name(misnamed);
  EXPECT_TRUE(misnamed_heard->wait_for("certificate of `other`"));
}

TEST_F(cluster_test, nothing_runs_after_a_cancel_was_confirmed) {
  std::atomic<int> running{0};
  std::atomic<int> begun{0};
  step_registry registry;
  registry.add("wait", [&](const value& input, step_context& call) {
    ++begun;
    ++running;
    call.sleep_for(1h);
    --running;
    return input;
  });
  for (const auto* name : {"w1", "w2", "w3"}) {
    auto worker = worker_options(*home, name);
    worker.registry = registry;
    join(worker);
  }
  const auto file = parse_workflow(
      "test.yaml", "troupe: 1\nflow: {map: {step: a, uses: wait}, max_in_flight: 60}\n", registry);
  const auto live = file.deploy(home->runtime());
  const auto run = live.start_value(value::list(value::list_type(200, value(1))));
  while (running < 60 && !run.wait_for(1ms)) {
  }
  EXPECT_TRUE(run.cancel());
  const auto& result = run.result();
  EXPECT_EQ(result.status, run_status::cancelled);
  EXPECT_EQ(running, 0);
  const auto& branches = result.step_history.at(0).step_history;
  EXPECT_GE(branches.size(), 60u);
  for (const auto& branch : branches) {
    EXPECT_TRUE(branch.failed_with(failure_kind::cancelled)) << branch.feedback();
  }
  EXPECT_EQ(begun, 60) << "nothing was begun afterwards";
}

TEST_F(cluster_test, answers_for_steps_that_ignore_their_cancel_and_counts_them) {
  std::latch let_go(1);
  std::latch begun(1);
  auto worker = worker_options(*home, "w1");
  worker.heartbeat = 50ms;
  worker.runtime.cancel_grace = 100ms;
  worker.registry.add("stuck", [&](const value& input) {
    begun.count_down();
    let_go.wait();
    return input;
  });
  auto& at = join(worker);
  const auto file =
      parse_workflow("test.yaml", "troupe: 1\nflow: {step: a, uses: stuck}\n", worker.registry);
  const auto live = file.deploy(home->runtime());
  const auto run = live.start_value({});
  begun.wait();
  run.cancel();
  EXPECT_THAT(run.result().step_history.at(0).feedback(), HasSubstr("abandoned"));
  EXPECT_EQ(at.runtime().metrics().abandoned_running, 1u);
  let_go.count_down();
  while (at.runtime().metrics().abandoned_running > 0) std::this_thread::yield();
}

TEST_F(cluster_test, observers_of_the_coordinator_see_what_happens_on_workers) {
  const auto seen = std::make_shared<testing::recording_observer>();
  auto options = coordinator_options();
  options.runtime.observers = {seen};
  home = std::make_unique<node>(options);
  join("w1");
  const auto result = run_text(*home, R"(
troupe: 1
input: [1, 2]
flow:
  map:
    step: a
    uses: test.script
    with: {script: [{transient: hiccup}, {ok: 1, tokens: 5}, {ok: 2, tokens: 6}]}
  max_in_flight: 1
)");
  EXPECT_FALSE(result.success());
  EXPECT_EQ(seen->of(event_kind::step_started).size(), 1u);
  EXPECT_EQ(seen->of(event_kind::step_finished).size(), 1u);
}

TEST_F(cluster_test, one_budget_holds_for_the_branches_of_all_workers) {
  for (const auto* name : {"w1", "w2", "w3"}) join(name);
  const auto file = parse_workflow("test.yaml", R"(
troupe: 1
limits: {tokens: 50}
flow:
  map: {step: a, uses: test.script, with: {repeat: true, script: [{ok: 1, tokens: 10}]}}
  max_in_flight: 1
)");
  const auto live = file.deploy(home->runtime());
  run_options how;
  how.limits = file.limits;
  const auto run = live.start_value(value::list(value::list_type(20, value(1))), how);
  EXPECT_TRUE(run.result().why && run.result().why->kind == failure_kind::usage_limit);
  EXPECT_EQ(run.result().total_tokens, 60);
}

} // namespace
} // namespace troupe
