#include <troupe/policies/cache.hpp>
#include <troupe/runtime/testing.hpp>

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;

/// Has to be waited for, for as long as a test wants; notes what it is told. Thread-safe.
class slow_backend final : public waiting_cache_backend {
public:
  std::shared_ptr<const cache_entry> get_near(const digest& key, instant now) override {
    return shows_near ? memory_.get(key, now) : nullptr;
  }
  void start_get(const digest& key, instant now, std::function<void(found)> done) override {
    {
      const std::scoped_lock lock(mutex_);
      log_.emplace_back("asked");
      told_.notify_all();
      if (!answers) return waiting_.push_back(std::move(done));
    }
    found answer;
    answer.entry = memory_.get(key, now);
    done(std::move(answer));
  }
  std::optional<failure> start_put(const digest& key, const cache_entry& entry,
                                   std::optional<duration> keep, std::function<void()>) override {
    memory_.put(key, entry, keep, entry.stored);
    return std::nullopt;
  }
  void settled(const digest&, bool awaited) override {
    const std::scoped_lock lock(mutex_);
    log_.emplace_back(awaited ? "awaited" : "settled");
    told_.notify_all();
    if (!awaited) waiting_.clear();
  }
  void pass_on() override {}

  std::shared_ptr<const cache_entry> get(const digest& key, instant now) override {
    return memory_.get(key, now);
  }
  void put(const digest&, cache_entry, std::optional<duration>, instant) override {}
  bool erase(const digest& key) override { return memory_.erase(key); }
  void clear() override { memory_.clear(); }
  [[nodiscard]] std::size_t size() const override { return memory_.size(); }
  [[nodiscard]] std::size_t bytes() const override { return memory_.bytes(); }
  [[nodiscard]] std::uint64_t evictions() const override { return memory_.evictions(); }

  std::vector<std::string> log() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(log_, {});
  }

  /// Waits until there is one.
  std::string next() {
    std::unique_lock lock(mutex_);
    told_.wait_for(lock, 20s, [this] { return !log_.empty(); });
    if (log_.empty()) return "nothing";
    auto first = std::move(log_.front());
    log_.erase(log_.begin());
    return first;
  }

  bool answers = true;
  bool shows_near = false;

private:
  in_memory_cache memory_;
  std::mutex mutex_;
  std::condition_variable told_;
  std::vector<std::string> log_;
  std::vector<std::function<void(found)>> waiting_;
};

/// What a backend that has to be waited for learns of the calls of a pipeline.
class WaitingCache : public ::testing::Test {
protected:
  using list = std::vector<std::string>;
  cache options() { return {.name = "c", .scope = state_scope::cluster, .backend = backend}; }

  // Two runs, the second of which is answered from the cache.
  void hit(const any_deployment& live) {
    (void)live.start_value("in").result();
    rt.settle();
    (void)backend->log();
    EXPECT_TRUE(live.start_value("in").result().step_history.at(0).metadata().cache_hit);
    rt.settle();
  }

  std::shared_ptr<slow_backend> backend = std::make_shared<slow_backend>();
  virtual_runtime rt{{.log = false}};
};

TEST_F(WaitingCache, AComputationSettles) {
  const auto live = rt.deploy(mock_step("s", ok("v"))() | options());
  EXPECT_EQ(live.start_value("in").result().output, value("v"));
  rt.settle();
  EXPECT_EQ(backend->log(), (list{"asked", "settled"}));
}

TEST_F(WaitingCache, AHitSettles) {
  const auto live = rt.deploy(mock_step("s", ok("v"))() | options());
  hit(live);
  EXPECT_EQ(backend->log(), (list{"asked", "settled"}));
}

TEST_F(WaitingCache, AHitNearbyAsksNobody) {
  backend->shows_near = true;
  const auto live = rt.deploy(mock_step("s", ok("v"))() | options());
  hit(live);
  EXPECT_EQ(backend->log(), list{});
  EXPECT_EQ(live.cache("c")->statistics().hits, 1u);
}

TEST_F(WaitingCache, AFailureSettles) {
  const auto live = rt.deploy(mock_step("s", permanent("no"))() | options());
  EXPECT_EQ(live.start_value("in").result().status, run_status::failed);
  rt.settle();
  EXPECT_EQ(backend->log(), (list{"asked", "settled"}));
}

// Virtual time stands still while a backend is asked.
TEST_F(WaitingCache, ALookThatIsCancelledSettles) {
  backend->answers = false;
  runtime real{{.log = false, .workers = 1}};
  const auto live = real.deploy(mock_step("s", ok("v"))() | options());
  const auto run = live.start_value("in");
  EXPECT_EQ(backend->next(), "asked");
  EXPECT_TRUE(run.cancel());
  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_EQ(backend->next(), "settled");
}

TEST_F(WaitingCache, AComputationThatIsCancelledSettles) {
  const auto live = rt.deploy(mock_step("s", hang())() | options());
  const auto run = live.start_value("in");
  rt.settle();
  EXPECT_EQ(backend->log(), list{"asked"});
  EXPECT_TRUE(run.cancel());
  EXPECT_EQ(run.result().status, run_status::cancelled);
  rt.settle();
  EXPECT_EQ(backend->log(), list{"settled"});
}

TEST_F(WaitingCache, SettlesOnceWhenAWaiterTakesOver) {
  scripted_step a("s", {hang(), ok("v").taking(20ms)});
  const auto live = rt.deploy(a() | options());
  const auto leader = live.start_value("in");
  rt.settle();
  const auto waiter = live.start_value("in");
  rt.settle();
  (void)backend->log();
  EXPECT_TRUE(leader.cancel());
  rt.settle();
  EXPECT_EQ(backend->log(), list{});
  EXPECT_EQ(waiter.result().output, value("v"));
  rt.settle();
  EXPECT_EQ(backend->log(), list{"settled"});
}

TEST_F(WaitingCache, ARuntimeIsToldWhereClusterCachesKeepTheirEntries) {
  struct cluster final : cluster_sharing {
    std::shared_ptr<cache_backend> backend_for(const cache& wanted) override {
      asked.push_back(wanted.name);
      return where;
    }
    list asked{};
    std::shared_ptr<cache_backend> where{};
  };
  const auto sharing = std::make_shared<cluster>();
  sharing->where = backend;
  runtime_options chosen{.log = false};
  chosen.sharing = sharing;
  virtual_runtime other{chosen};
  const auto deploy = [&](const cache& wanted) {
    return other.deploy(mock_step("s", ok("v"))() | wanted);
  };
  const auto live = deploy({.name = "c", .scope = state_scope::cluster});
  (void)deploy({.name = "c", .scope = state_scope::cluster});
  (void)deploy({.name = "d"});
  (void)deploy(
      {.name = "e", .scope = state_scope::cluster, .backend = std::make_shared<in_memory_cache>()});
  (void)deploy({});
  EXPECT_EQ(sharing->asked, list{"c"});

  (void)live.start_value("in").result();
  EXPECT_EQ(backend->size(), 1u);
}

} // namespace
} // namespace troupe::testing
