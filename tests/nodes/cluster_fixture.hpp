#pragma once

#include <troupe/nodes/node.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

inline node_options coordinator_options() {
  node_options options;
  options.role = node_role::coordinator;
  options.name = "home";
  options.runtime.log = false;
  return options;
}

inline node_options worker_options(const node& coordinator, const std::string& name) {
  node_options options;
  options.name = name;
  options.coordinators = {coordinator.listen_address()};
  options.runtime.log = false;
  return options;
}

inline run_result run_text(const node& home, const std::string& text, run_options how = {}) {
  const auto file = parse_workflow("test.yaml", text);
  const auto live = file.deploy(home.runtime());
  return live.start_value(file.input.value_or(value()), std::move(how)).result();
}

/// A coordinator and workers in this process, over real links.
class cluster_test : public ::testing::Test {
protected:
  std::unique_ptr<node> home = std::make_unique<node>(coordinator_options());
  std::vector<std::unique_ptr<node>> workers;

  node& join(node_options options) {
    workers.push_back(std::make_unique<node>(std::move(options)));
    EXPECT_TRUE(home->wait_for_connections(workers.size(), 20s));
    return *workers.back();
  }
  node& join(const std::string& name) { return join(worker_options(*home, name)); }
};

} // namespace troupe
