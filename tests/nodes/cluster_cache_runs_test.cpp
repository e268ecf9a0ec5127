#include "cluster_cache.hpp"
#include "serial_queue.hpp"

#include <troupe/runtime/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;
using testing::hang;
using testing::ok;
using testing::permanent;
using testing::scripted_step;

/// A runtime with an exchange whose turn is a queue, as a coordinator has them.
class coordinator_of_test final : public shared_port {
public:
  explicit coordinator_of_test(std::string name)
      : exchange_(*this, memories_, name), name_(std::move(name)),
        turns_([this](exchange_turn::job& what) { what(exchange_, clock()); }, [] {}) {
    runtime_options options{.log = false, .workers = 2};
    options.cancel_grace = 200ms;
    options.sharing = std::make_shared<sharing>(*this);
    live = std::make_unique<runtime>(std::move(options));
  }
  ~coordinator_of_test() { live->shut_down(); }

  static void link(coordinator_of_test& one, coordinator_of_test& two) {
    one.set_members(&two);
    two.set_members(&one);
  }
  /// With the other one or, without, alone.
  void set_members(coordinator_of_test* other) {
    turns_.do_in_turn(
        [&] {
          other_ = other;
          std::vector<std::string> all{name_};
          if (other) all.push_back(other->name_);
          exchange_.set_members(name_, all, clock());
        },
        as_job);
  }
  [[nodiscard]] std::size_t open() {
    std::size_t count = 0;
    turns_.do_in_turn([&] { count = exchange_.asking() + exchange_.computed(); }, as_job);
    return count;
  }

  void tell_other(const std::string&, frame body) override {
    other_->turns_.post(
        [from = name_, body = std::move(body)](cache_exchange& exchange, instant now) {
          const auto content = read_frame(body);
          ASSERT_TRUE(content);
          EXPECT_FALSE(exchange.take(from, *content, now));
        });
  }

  std::unique_ptr<runtime> live;

private:
  struct sharing final : cluster_sharing {
    explicit sharing(coordinator_of_test& of) : home(of) {}
    std::shared_ptr<cache_backend> backend_for(const cache& wanted) override {
      auto& turns = home.turns_;
      return std::make_shared<cluster_cache_backend>(
          wanted, home.memories_,
          exchange_turn{[&](exchange_turn::job what) { turns.post(std::move(what)); },
                        [&](exchange_turn::job what) { turns.post_now(std::move(what)); }});
    }
    coordinator_of_test& home;
  };
  static instant clock() { return std::chrono::steady_clock::now(); }
  static exchange_turn::job as_job(std::function<void()> what) {
    return [what = std::move(what)](cache_exchange&, instant) { what(); };
  }

  std::shared_ptr<cache_memories> memories_ = std::make_shared<cache_memories>();
  cache_exchange exchange_;
  std::string name_;
  coordinator_of_test* other_ = nullptr;
  serial_queue<exchange_turn::job> turns_;
};

class ClusterCacheRuns : public ::testing::Test {
protected:
  ClusterCacheRuns() { coordinator_of_test::link(a, b); }
  ~ClusterCacheRuns() override {
    a.live->shut_down();
    b.live->shut_down();
    // What was said last may still be under way.
    const auto patience = std::chrono::steady_clock::now() + 20s;
    while (a.open() + b.open() > 0 && std::chrono::steady_clock::now() < patience) {
    }
    EXPECT_EQ(a.open() + b.open(), 0u);
  }
  // Starts a run, and waits until it is in its step.
  static any_run begin(const any_deployment& on, const scripted_step& what) {
    auto run = on.start_value("in");
    while (what.call_count() == 0) std::this_thread::yield();
    return run;
  }
  static any_deployment deploy(coordinator_of_test& on, const scripted_step& what) {
    return on.live->deploy(what() | cache{.name = "c", .scope = state_scope::cluster});
  }

  coordinator_of_test a{"a"};
  coordinator_of_test b{"b"};
  scripted_step step{"s"};
};

TEST_F(ClusterCacheRuns, OneStepAnswersAllRunsOfBothCoordinators) {
  step.answering([](const value& input, const context&) { return ok(input).taking(1ms); });
  const auto on_a = deploy(a, step);
  const auto on_b = deploy(b, step);
  std::vector<std::pair<int, any_run>> runs;
  for (int each = 0; each < 400; ++each) {
    const auto key = each % 20;
    runs.emplace_back(key, (each % 3 == 0 ? on_a : on_b).start_value(key));
  }
  for (const auto& [key, run] : runs) EXPECT_EQ(run.result().output, value(key));

  EXPECT_EQ(step.call_count(), 20u);
  const auto hits = on_a.cache("c")->statistics().hits + on_b.cache("c")->statistics().hits;
  EXPECT_EQ(hits, 380u);
}

TEST_F(ClusterCacheRuns, AnotherRunsTheStepWhenItFails) {
  step.answering([](const value&, const context&) { return permanent("no"); });
  const auto on_a = deploy(a, step);
  const auto on_b = deploy(b, step);
  std::vector<any_run> runs;
  for (int each = 0; each < 100; ++each)
    runs.push_back((each % 2 == 0 ? on_a : on_b).start_value("in"));
  for (const auto& each : runs) EXPECT_EQ(each.result().status, run_status::failed);
}

TEST_F(ClusterCacheRuns, ACancelledRunLetsTheOtherCoordinatorGoOn) {
  scripted_step stuck("s", {hang(), ok("v")});
  const auto on_a = deploy(a, stuck);
  const auto on_b = deploy(b, stuck);
  const auto first = begin(on_a, stuck);
  const auto second = on_b.start_value("in");
  EXPECT_TRUE(first.cancel());
  EXPECT_EQ(first.result().status, run_status::cancelled);
  EXPECT_EQ(second.result().output, value("v"));
  EXPECT_EQ(stuck.call_count(), 2u);
}

TEST_F(ClusterCacheRuns, ATimeoutEndsTheWaitForAnotherCoordinator) {
  scripted_step stuck("s", {hang()});
  const auto on_a = deploy(a, stuck);
  const auto on_b = b.live->deploy(stuck() | cache{.name = "c", .scope = state_scope::cluster}
                                   | timeout{.after = 20ms});
  const auto first = begin(on_a, stuck);
  EXPECT_EQ(on_b.start_value("in").result().status, run_status::failed);
  EXPECT_EQ(stuck.call_count(), 1u);
  EXPECT_TRUE(first.cancel());
}

TEST_F(ClusterCacheRuns, ALostCoordinatorHoldsNobodyUp) {
  scripted_step stuck("s", {hang(), ok("v")});
  const auto on_a = deploy(a, stuck);
  const auto on_b = deploy(b, stuck);
  const auto first = begin(on_a, stuck);
  const auto second = on_b.start_value("in");
  a.set_members(nullptr);
  b.set_members(nullptr);
  EXPECT_EQ(second.result().output, value("v"));
  EXPECT_TRUE(first.cancel());
}

TEST_F(ClusterCacheRuns, ClearsBothCoordinators) {
  step.answering([](const value&, const context&) { return ok("v"); });
  const auto on_a = deploy(a, step);
  const auto on_b = deploy(b, step);
  (void)on_a.start_value("in").result();
  EXPECT_EQ(on_b.start_value("in").result().output, value("v"));
  EXPECT_EQ(step.call_count(), 1u);

  on_b.cache("c")->clear();
  (void)on_a.start_value("in").result();
  EXPECT_EQ(step.call_count(), 2u);
  EXPECT_TRUE(on_b.cache("c")->invalidate("in", context()));
  (void)on_b.start_value("in").result();
  EXPECT_EQ(step.call_count(), 3u);
}

} // namespace
} // namespace troupe::nodes
