#include "support/random_stages.hpp"
#include "support/simulated_hosts.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace troupe::testing {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""h;

/// One world: a few hosts, a few trees of stages over them, and some runs at the same time.
class simulation {
public:
  explicit simulation(std::uint64_t seed) : world_(seed, 1 + seed % 5), stages_(world_) {
    auto& services = world_.services();
    if (services.chance(0.2)) services.refused_jobs = 0.2;
    std::vector<actors::stage_ref> roots(1 + services.below(2));
    for (auto& root : roots) root = stages_.grow_root(static_cast<int>(services.below(5)));
    const auto runs = 1 + services.below(5);
    for (std::size_t number = 1; number <= runs; ++number) {
      plan_run(number, roots[services.below(roots.size())]);
    }
  }

  /// Lets everything happen. Runs that only hang by then are cancelled.
  void finish() {
    settled_ = world_.settle();
    for (const auto& cancel : cancels_) cancel();
    settled_ = settled_ && world_.settle();
  }

  void expect_one_result_each() {
    EXPECT_TRUE(settled_) << "there is no end to it";
    for (std::uint64_t number = 1; number <= started_; ++number) {
      EXPECT_EQ(asker_->results[number].size(), 1u) << "results of run " << number;
    }
    EXPECT_EQ(asker_->results.size(), started_);
  }

  void expect_nothing_left() {
    EXPECT_EQ(world_.open_calls(), 0u);
    EXPECT_FALSE(world_.has_timers());
    EXPECT_EQ(stages_.in_bulkheads(), 0u);
    EXPECT_EQ(world_.services().restarted_stages, 0u);
    EXPECT_LT(world_.services().clock - instant(), 1h);
  }

  [[nodiscard]] const std::vector<std::string>& trace() const { return world_.trace(); }

private:
  void plan_run(std::uint64_t number, const actors::stage_ref& root) {
    auto& services = world_.services();
    const auto start = later(instant(), services.up_to(100ms));
    const auto cancel = [this, number, root] {
      world_.note("cancel " + std::to_string(number));
      const auto why = std::make_shared<const failure>(failure{failure_kind::cancelled, "enough"});
      root.host->put(actors::cancel_message{{request_id{number}, why}, asker_.get()});
    };
    cancels_.push_back(cancel);
    step_request request;
    request.id = request_id{number};
    request.input = value(static_cast<std::int64_t>(number));
    request.run = std::make_shared<run_scope>(run_id::from_parts(1, 2, number),
                                              std::to_string(number), start, limits());
    request.meter = request.run->meter();
    if (services.chance(0.5)) request.deadline = later(start, services.up_to(500ms));
    if (services.chance(0.4)) world_.call_at(later(start, services.up_to(300ms)), cancel);
    ++started_;
    world_.call_at(start, [this, root, request] {
      root.host->put(actors::start_message{root.number, request, asker_});
    });
  }

  usage_limit limits() {
    usage_limit chosen;
    if (world_.services().chance(0.2)) chosen.tokens = static_cast<int>(world_.services().below(8));
    return chosen;
  }

  simulated_hosts world_;
  random_stages stages_;
  std::shared_ptr<simulated_requester> asker_ = std::make_shared<simulated_requester>();
  std::vector<std::function<void()>> cancels_;
  std::uint64_t started_ = 0;
  bool settled_ = false;
};

/// Seeds that were found to be special once stay here; the others are a block of their own for each
/// test.
class ExactlyOneResult : public ::testing::TestWithParam<std::uint64_t> {};

constexpr std::uint64_t seeds_per_test = 500;

TEST_P(ExactlyOneResult, ComesForEachRequestWhateverHappens) {
  for (auto seed = GetParam(); seed < GetParam() + seeds_per_test; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    simulation world(seed);
    world.finish();
    world.expect_one_result_each();
    world.expect_nothing_left();
    if (::testing::Test::HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExactlyOneResult,
                         ::testing::Range<std::uint64_t>(0, 10 * seeds_per_test, seeds_per_test));

TEST(SimulationTest, GivesTheSameEventsForTheSameSeed) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    simulation first(seed);
    simulation second(seed);
    first.finish();
    second.finish();
    ASSERT_EQ(first.trace(), second.trace()) << "seed " << seed;
  }
}

TEST(SimulationTest, GivesOtherEventsForAnotherSeed) {
  simulation first(3);
  simulation second(8);
  first.finish();
  second.finish();

  EXPECT_NE(first.trace(), second.trace());
}

TEST(SimulationTest, TimeoutAnswersForAHostThatIsLost) {
  simulated_hosts world(1, 2);
  auto identity = std::make_shared<actors::stage_identity>();
  identity->name = "far";
  const auto far = mock_step("far", hang())().tree();
  const auto number =
      world.at(1).engine->add([=] { return actors::make_stage(identity, actors::step_host{far}); });
  const actors::timeout_supervisor limited{{world.at(1).box, number}, {100ms}};
  const auto root = world.at(0).engine->add([=] { return actors::make_stage(identity, limited); });
  auto asker = std::make_shared<simulated_requester>();
  step_request request;
  request.id = request_id{7};
  request.run =
      std::make_shared<run_scope>(run_id::from_parts(1, 2, 3), "7", instant(), usage_limit{});
  request.meter = request.run->meter();
  world.lose(1);

  world.at(0).box->put(actors::start_message{root, request, asker});

  EXPECT_TRUE(world.settle());
  ASSERT_EQ(asker->results[7].size(), 1u);
  EXPECT_TRUE(asker->results[7][0].failed_with(failure_kind::timed_out));
  EXPECT_EQ(world.at(0).engine->open_calls(), 0u);
}

} // namespace
} // namespace troupe::testing
