#pragma once

#include <troupe/protocol/json.hpp>
#include <troupe/runtime/testing.hpp>
#include <troupe/service/cluster_view.hpp>
#include <troupe/service/run_book.hpp>
#include <troupe/service/run_log.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// A cluster of one node that does what it is told.
class fake_cluster final : public service::cluster_view {
public:
  value nodes() override {
    return value::list({value::map({{"name", "here"},
                                    {"role", "coordinator"},
                                    {"state", drained.empty() ? "alive" : "draining"},
                                    {"address", "127.0.0.1:7800"},
                                    {"running", 0},
                                    {"labels", value::map({{"gpu", "true"}})}})});
  }
  outcome<value> drain(const std::string& node) override {
    if (node != "here") return failure{failure_kind::permanent, "there is no node " + node};
    drained.push_back(node);
    return value::map({{"name", node}, {"state", "draining"}});
  }
  std::vector<service::wait_reason> why(const run_id&) override { return reasons; }
  value breakers() override {
    return value::list({value::map({{"name", "gpt4"}, {"state", "open"}, {"failure_count", 5}})});
  }
  outcome<value> reset_breaker(const std::string& name) override {
    if (name != "gpt4") return failure{failure_kind::permanent, "there is no breaker " + name};
    return value::map({{"name", name}, {"state", "half_open"}});
  }
  value caches() override {
    return value::list({value::map({{"name", "answers"}, {"size", 3}, {"hit_rate", 0.5}})});
  }
  outcome<value> clear_cache(const std::string& name) override {
    if (name != "answers") return failure{failure_kind::permanent, "there is no cache " + name};
    return value::map({{"name", name}, {"size", 0}});
  }

  std::vector<std::string> drained;
  std::vector<service::wait_reason> reasons;
};

/// Options of a runtime that tells a log, and nobody else.
inline runtime_options told_to(const std::shared_ptr<service::run_log>& log) {
  runtime_options options;
  options.observers = {log};
  options.log = false;
  options.random_seed = 1;
  return options;
}

inline service::run_book_options watched_by_hand(service::run_book_options options = {}) {
  options.watch_every = {};
  return options;
}

inline service::submission of(std::string workflow, std::optional<value> input = {}) {
  service::submission what;
  what.workflow = std::move(workflow);
  what.input = std::move(input);
  return what;
}

inline constexpr auto echo_file = R"(troupe: 1
name: echo
flow: { step: echo, uses: value, with: { value: "${{ input }}" } }
)";

inline constexpr auto hang_file = R"(troupe: 1
name: hang
flow: { step: wait, uses: test.script, with: { script: [{ hang: true }], repeat: true } }
)";

inline constexpr auto ask_file = R"(troupe: 1
name: ask
flow:
  - { step: before, uses: value, with: { value: 7 } }
  - pause: { prompt: "Go on?", expects: boolean }
)";

inline constexpr auto fail_file = R"(troupe: 1
name: fails
flow: { step: broken, uses: fail, with: { kind: permanent, message: "no way" } }
)";

/// A book over a runtime whose clock is moved by hand.
class RunBook : public ::testing::Test {
protected:
  service::run_book& with(service::run_book_options options, service::run_log_options kept = {}) {
    book.reset();
    home.reset();
    log = std::make_shared<service::run_log>(kept);
    home = std::make_unique<virtual_runtime>(told_to(log));
    options.cluster = &cluster;
    book = std::make_unique<service::run_book>(*home, log, watched_by_hand(std::move(options)));
    return *book;
  }

  run_id start(const std::string& workflow, std::optional<value> input = {}) {
    auto run = book->submit(of(workflow, std::move(input)));
    EXPECT_TRUE(run) << (run ? "" : run.why().message);
    home->settle();
    return run ? *run : run_id();
  }
  run_status status(const run_id& run) { return book->entry(run).value().status; }
  std::vector<std::string> codes(const run_id& run) {
    std::vector<std::string> all;
    for (const auto& each : book->why(run)) all.push_back(each.code);
    return all;
  }

  fake_cluster cluster;
  std::shared_ptr<service::run_log> log;
  std::unique_ptr<virtual_runtime> home;
  std::unique_ptr<service::run_book> book;
};

} // namespace troupe::testing
