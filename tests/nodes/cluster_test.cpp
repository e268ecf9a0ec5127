#include "cluster_fixture.hpp"

#include <troupe/service/cluster_client.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace troupe {
namespace {

using testing::HasSubstr;

TEST_F(cluster_test, runs_a_step_on_a_worker) {
  join("w1");
  const auto result =
      run_text(*home, "troupe: 1\nflow: {step: a, uses: value, with: {value: 42}}\n");
  EXPECT_TRUE(result.success()) << result.feedback();
  EXPECT_EQ(result.output, value(42));
  EXPECT_EQ(result.step_history.at(0).node, "w1");
}

TEST_F(cluster_test, ships_branches_to_several_workers) {
  for (const auto* name : {"w1", "w2", "w3"}) join(name);
  const auto result = run_text(*home, R"(
troupe: 1
input: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
flow:
  map:
    - {step: twice, uses: value, with: {value: "${{ input * 2 }}"}}
    - {step: more, uses: value, with: {value: "${{ input + 1 }}"}}
)");
  ASSERT_TRUE(result.success()) << result.feedback();
  value::list_type expected;
  for (auto number = 1; number <= 20; ++number) expected.emplace_back(number * 2 + 1);
  EXPECT_EQ(result.output, value(expected));
  std::set<std::string> nodes;
  for (const auto& item : result.step_history.at(0).step_history) nodes.insert(item.node.str());
  EXPECT_GE(nodes.size(), 2u);
}

TEST_F(cluster_test, waits_for_a_worker_that_joins_in_time) {
  auto options = coordinator_options();
  const auto file =
      parse_workflow("test.yaml", "troupe: 1\nflow: {step: a, uses: value, with: {value: 1}}\n");
  const auto live = file.deploy(home->runtime());
  const auto run = live.start_value({});
  EXPECT_FALSE(run.wait_for(50ms));
  join("late");
  EXPECT_EQ(run.result().output, value(1));
}

TEST_F(cluster_test, says_that_no_worker_is_there) {
  auto options = coordinator_options();
  options.placement_wait = 200ms;
  home = std::make_unique<node>(std::move(options));
  const auto result =
      run_text(*home, "troupe: 1\nflow: {step: a, uses: value, with: {value: 1}}\n");
  EXPECT_FALSE(result.success());
  EXPECT_THAT(result.feedback(), HasSubstr("no worker"));
}

TEST_F(cluster_test, places_by_label) {
  join("plain");
  auto with_gpu = worker_options(*home, "gpu");
  with_gpu.labels = {{"gpu", "true"}};
  join(with_gpu);
  for (auto times = 0; times < 5; ++times) {
    const auto result = run_text(*home, R"(
troupe: 1
flow: {step: a, uses: value, with: {value: 1}, place: {labels: {gpu: "true"}}}
)");
    EXPECT_EQ(result.step_history.at(0).node, "gpu");
  }
}

TEST_F(cluster_test, runs_pipelines_of_its_own_program) {
  const auto pipeline = step("twice", [](int number) { return number * 2; });
  auto options = coordinator_options();
  options.registry.add_pipeline("double", pipeline);
  home = std::make_unique<node>(options);
  auto worker = worker_options(*home, "w1");
  worker.registry.add_pipeline("double", pipeline);
  join(worker);
  const auto live = home->runtime().deploy(pipeline);
  const auto run = live.start(21);
  EXPECT_EQ(*run.wait(), 42);
  EXPECT_EQ(run.result().step_history.at(0).node, "w1");
}

TEST_F(cluster_test, cancels_steps_on_workers) {
  std::atomic<bool> stopped{false};
  std::latch begun(1);
  auto worker = worker_options(*home, "w1");
  worker.registry.add("wait", [&](const value& input, step_context& call) {
    begun.count_down();
    call.sleep_for(1h);
    stopped = call.stop_requested();
    return input;
  });
  auto options = coordinator_options();
  options.registry = worker.registry;
  join(worker);
  const auto file =
      parse_workflow("test.yaml", "troupe: 1\nflow: {step: a, uses: wait}\n", worker.registry);
  const auto live = file.deploy(home->runtime());
  const auto run = live.start_value({});
  begun.wait();
  const auto asked = std::chrono::steady_clock::now();
  run.cancel();
  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 500ms);
  EXPECT_TRUE(stopped);
}

TEST_F(cluster_test, does_lost_work_elsewhere_when_it_may_be_done_twice) {
  join("w1");
  const auto file = parse_workflow("test.yaml", R"(
troupe: 1
flow: {step: a, uses: sleep, with: {for: 300ms}, idempotent: true}
)");
  const auto live = file.deploy(home->runtime());
  const auto run = live.start_value(7);
  EXPECT_FALSE(run.wait_for(50ms));
  join("w2");
  workers[0].reset();
  EXPECT_EQ(run.result().output, value(7)) << run.result().feedback();
  EXPECT_EQ(run.result().step_history.at(0).node, "w2");
}

TEST_F(cluster_test, comes_back_to_a_coordinator_that_restarts) {
  auto& worker = join("w1");
  auto options = coordinator_options();
  options.listen = home->listen_address();
  home.reset();
  home = std::make_unique<node>(options);
  EXPECT_TRUE(home->wait_for_connections(1, 20s));
  EXPECT_TRUE(worker.wait_for_connections(1, 20s));
  const auto result =
      run_text(*home, "troupe: 1\nflow: {step: a, uses: value, with: {value: 1}}\n");
  EXPECT_TRUE(result.success()) << result.feedback();
}

TEST_F(cluster_test, drains_a_worker_without_losing_work) {
  join("w1");
  const auto file = parse_workflow("test.yaml", R"(
troupe: 1
flow: {map: {step: a, uses: sleep, with: {for: 20ms}}, max_in_flight: 8}
)");
  const auto live = file.deploy(home->runtime());
  value::list_type items;
  for (auto number = 0; number < 200; ++number) items.emplace_back(number);
  const auto run = live.start_value(value(items));
  join("w2");
  EXPECT_TRUE(workers[0]->drain());
  EXPECT_EQ(run.result().output, value(items)) << run.result().feedback();
}

TEST_F(cluster_test, moves_large_values) {
  join("w1");
  const auto file = parse_workflow("test.yaml", R"(
troupe: 1
flow: {step: a, uses: value, with: {value: "${{ input }}"}}
)");
  const auto live = file.deploy(home->runtime());
  const std::string large(4u << 20, 'x');
  EXPECT_EQ(live.start_value(large).result().output, value(large));
}

TEST_F(cluster_test, refuses_a_step_type_that_no_worker_knows) {
  auto options = coordinator_options();
  options.placement_wait = 100ms;
  home = std::make_unique<node>(std::move(options));
  join("w1");
  step_registry registry;
  registry.add("only.here", [](const value& input) { return input; });
  const auto file =
      parse_workflow("test.yaml", "troupe: 1\nflow: {step: a, uses: only.here}\n", registry);
  const auto live = file.deploy(home->runtime());
  const auto result = live.start_value({}).result();
  EXPECT_THAT(result.feedback(), HasSubstr("only.here"));
  EXPECT_EQ(result.step_history.at(0).attempts, 1u);
  EXPECT_TRUE(
      run_text(*home, "troupe: 1\nflow: {step: a, uses: value, with: {value: 1}}\n").success());
}

TEST_F(cluster_test, serves_its_runs_over_http) {
  join("w1");
  cluster_client client("http://" + to_string(home->http_address()));
  const auto nodes = client.nodes();
  ASSERT_TRUE(nodes) << nodes.why().message;
  ASSERT_EQ(nodes->at("nodes").size(), 2u);
  EXPECT_EQ(nodes->at("nodes").at(std::size_t{1}).at("name"), value("w1"));
  service::submission what;
  what.workflow = "troupe: 1\nflow: {step: a, uses: value, with: {value: 42}}\n";
  const auto started = client.submit(what);
  ASSERT_TRUE(started) << started.why().message;
  const auto result = client.result(*started->at("run_id").if_text());
  ASSERT_TRUE(result) << result.why().message;
  EXPECT_EQ(result->at("output"), value(42));
  EXPECT_EQ(result->at("step_history").at(std::size_t{0}).at("node"), value("w1"));
}

TEST(node, says_what_is_wrong_with_its_options) {
  const auto message = [](const node_options& options) -> std::string {
    try {
      const node made(options);
      return "";
    } catch (const node_error& error) {
      return error.what();
    }
  };
  node_options worker;
  EXPECT_THAT(message(worker), HasSubstr("coordinators"));
  worker.coordinators = {{"10.1.2.3", 7800}};
  EXPECT_THAT(message(worker), HasSubstr("insecure"));
  auto open = coordinator_options();
  open.listen = {"0.0.0.0", 0};
  EXPECT_THAT(message(open), HasSubstr("listen: is 0.0.0.0:0"));
  auto hasty = coordinator_options();
  hasty.lost_after = hasty.heartbeat;
  EXPECT_THAT(message(hasty), HasSubstr("lost_after"));
  const node first(coordinator_options());
  auto second = coordinator_options();
  second.listen = first.listen_address();
  EXPECT_THAT(message(second), HasSubstr(to_string(first.listen_address())));
}

} // namespace
} // namespace troupe
