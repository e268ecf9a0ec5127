#include "cluster_fixture.hpp"

#include <troupe/runtime/cluster_sharing.hpp>
#include <troupe/service/cluster_client.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace troupe {
namespace {

using testing::HasSubstr;

/// Remembers what it was told, and waits for it.
class hearer final : public observer {
public:
  void on_event(const run_event& event) override {
    const std::scoped_lock lock(mutex_);
    heard_.insert(std::string(event.step) + ' ' + std::string(event.detail));
    news_.notify_all();
  }
  [[nodiscard]] std::uint32_t interests() const override {
    return interest_in(event_kind::breaker_changed) | interest_in(event_kind::warning);
  }
  bool hears(const std::string& part) {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, 20s, [&] {
      for (const auto& each : heard_)
        if (each.find(part) != std::string::npos) return true;
      return false;
    });
  }

private:
  std::mutex mutex_;
  std::condition_variable news_;
  std::set<std::string> heard_;
};

/// Two coordinators of one cluster, in this process, and a worker that works for both.
class coordinators_test : public ::testing::Test {
protected:
  static node_options options(const std::string& name) {
    auto made = coordinator_options();
    made.name = name;
    made.heartbeat = 100ms;
    return made;
  }
  node_options first_options() {
    auto made = options("first");
    made.runtime.observers.push_back(first_told);
    return made;
  }
  node_options second_options(const std::string& name) {
    auto made = options(name);
    made.coordinators = {first.listen_address()};
    made.runtime.observers.push_back(told);
    return made;
  }
  node_options options_for_both(const node& second) const {
    auto made = worker_options(first, "w1");
    made.coordinators.push_back(second.listen_address());
    return made;
  }
  static value ask(const node& of, outcome<value> (cluster_client::*what)()) {
    cluster_client client("http://" + to_string(of.http_address()));
    return (client.*what)().value();
  }

  const std::string workflow = R"(
troupe: 1
breakers: { vendor: { failure_threshold: 1, wait: 1h, scope: cluster } }
flow: { step: a, uses: fail, with: { message: down }, policies: [{ breaker: vendor }] }
)";
  std::shared_ptr<hearer> told = std::make_shared<hearer>();
  std::shared_ptr<hearer> first_told = std::make_shared<hearer>();
  node first{first_options()};
};

TEST_F(coordinators_test, a_breaker_that_opens_at_one_turns_calls_away_at_the_other) {
  node second(second_options("second"));
  const node worker(options_for_both(second));
  ASSERT_TRUE(worker.wait_for_connections(2, 20s));
  const auto there = parse_workflow("test.yaml", workflow).deploy(second.runtime());

  EXPECT_FALSE(run_text(first, workflow).success());

  ASSERT_TRUE(told->hears("vendor closed -> open"));
  const auto result = there.start_value({}).result();
  EXPECT_EQ(result.why->kind, failure_kind::rejected);
  EXPECT_THAT(result.feedback(), HasSubstr("Circuit breaker is OPEN"));
}

TEST_F(coordinators_test, what_one_has_computed_the_other_has_too) {
  node second(second_options("second"));
  const node worker(options_for_both(second));
  ASSERT_TRUE(worker.wait_for_connections(2, 20s));
  const auto cached = [](const std::string& more) {
    return "troupe: 1\nbreakers: { vendor: { scope: cluster } }\n"
           "caches: { answers: { ttl: 1h, scope: cluster } }\n"
           "flow: { step: a, uses: test.script, with: { script: ["
           + more + "] }, policies: [{ cache: answers }, { breaker: vendor }] }\n";
  };
  const auto text = cached("{ ok: 1 }, { permanent: twice }");
  const auto there = parse_workflow("test.yaml", text).deploy(second.runtime());
  const auto here = parse_workflow("test.yaml", text).deploy(first.runtime());
  first.runtime().breaker("vendor")->disable();
  ASSERT_TRUE(told->hears("vendor closed -> disabled"));
  ASSERT_TRUE(here.start_value(1).result().success());

  const auto result = there.start_value(1).result();

  EXPECT_TRUE(result.success()) << result.feedback();
  EXPECT_EQ(result.output, value(1));
  EXPECT_EQ(second.runtime().cache("answers")->statistics().hits, 1U);
}

TEST_F(coordinators_test, a_name_can_be_had_only_once) {
  const node second(second_options("first"));

  EXPECT_TRUE(told->hears("another coordinator has the name `first`"));
}

TEST_F(coordinators_test, list_each_other) {
  const node second(second_options("second"));
  const auto here = parse_workflow("test.yaml", workflow).deploy(second.runtime());
  const auto there = parse_workflow("test.yaml", workflow).deploy(first.runtime());
  first.runtime().breaker("vendor")->force_open();
  ASSERT_TRUE(told->hears("vendor closed -> forced_open"));
  second.runtime().breaker("vendor")->close();
  ASSERT_TRUE(first_told->hears("vendor forced_open -> closed"));

  const auto nodes = ask(second, &cluster_client::nodes).at("nodes");

  EXPECT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes.at(std::size_t{1}).at("name"), value("first"));
  EXPECT_EQ(nodes.at(std::size_t{1}).at("role"), value("coordinator"));
  const auto home_at = [&](const node& of) {
    return ask(of, &cluster_client::breakers).at("breakers").at(std::size_t{0}).at("home");
  };
  EXPECT_EQ(home_at(first), home_at(second));
}

} // namespace
} // namespace troupe
