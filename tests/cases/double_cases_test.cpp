#include "support/case_fixture.hpp"

#include <set>
#include <stdexcept>
#include <thread>

namespace troupe::testing {
namespace {

using DoubleCases = CaseFixture;
TROUPE_CASES(DoubleCases);

TEST_P(DoubleCases, C290AStubReturnsItsOutputsInOrder) {
  auto stub = stub_step("stub", {"a", "b"});
  auto live = rt.deploy(stub());

  EXPECT_EQ(live.start_value(1).result().output, value("a"));
  EXPECT_EQ(live.start_value(2).result().output, value("b"));
  const auto used_up = live.start_value(3).result();

  EXPECT_FALSE(used_up.success());
  EXPECT_THAT(used_up.feedback(), ::testing::HasSubstr("No more outputs"));
  EXPECT_THAT(used_up.feedback(), ::testing::HasSubstr("used up"));
  EXPECT_EQ(stub.call_count(), 3u);
  EXPECT_EQ(stub.inputs(), (std::vector<value>{1, 2, 3}));
}

TEST_P(DoubleCases, C291AMockReturnsAFixedValue) {
  auto mock = mock_step("mock", ok("fixed"));
  auto live = rt.deploy(mock());

  for (int call = 0; call < 3; ++call) {
    EXPECT_EQ(live.start_value(call).result().output, value("fixed"));
  }
  EXPECT_EQ(mock.call_count(), 3u);

  mock.reset();
  EXPECT_EQ(mock.call_count(), 0u);
  EXPECT_TRUE(mock.inputs().empty());
  EXPECT_EQ(live.start_value(9).result().output, value("fixed"));
  EXPECT_EQ(mock.inputs(), std::vector<value>{9});
}

TEST_P(DoubleCases, C291AMockThrowsEachTime) {
  auto mock = mock_step("mock", throws(std::runtime_error("Service down")));
  auto live = rt.deploy(mock());

  for (int call = 0; call < 3; ++call) {
    const auto result = live.start_value({}).result();
    EXPECT_EQ(result.feedback(), "Service down");
    EXPECT_EQ(result.why->kind, failure_kind::unclassified);
  }
  EXPECT_EQ(mock.call_count(), 3u);
}

TEST_P(DoubleCases, C291AMockAnswersWithAFunctionOfInputAndContext) {
  scripted_step mock("mock");
  mock.answering([](const value& input, const context& ctx) {
    if (input.is_null()) return transient("nothing given");
    return ok(value::list({input, ctx.get("tenant")}));
  });
  auto live = rt.deploy(mock());
  const run_options with_tenant{.context = context("c", value::map({{"tenant", "acme"}}))};

  const auto answered = live.start_value("q", with_tenant).result();
  const auto failed = live.start_value({}).result();

  EXPECT_EQ(answered.output, value(value::list({"q", "acme"})));
  EXPECT_EQ(failed.feedback(), "nothing given");
  EXPECT_EQ(mock.call_count(), 2u);
}

/// Starts that many runs from one thread, and waits for them.
void drive_load(const any_deployment& live, int first, int count) {
  std::vector<any_run> runs;
  for (int number = first; number < first + count; ++number) {
    runs.push_back(live.start_value(number));
  }
  for (const auto& each : runs) {
    if (!each.result().success()) ADD_FAILURE() << each.result().feedback();
  }
}

void c292(bool fused) {
  auto mock = mock_step("mock", ok("x"));
  runtime_options options;
  options.log = false;
  options.workers = 2;
  options.fuse_stages = fused;
  runtime one(options);
  runtime other(options);
  auto here = one.deploy(mock());
  auto there = other.deploy(mock());
  {
    const std::jthread first([&] { drive_load(here, 0, 500); });
    const std::jthread second([&] { drive_load(there, 500, 500); });
  }
  EXPECT_EQ(mock.call_count(), 1000u);
  EXPECT_EQ(mock.running(), 0u);
  const auto inputs = mock.inputs();
  ASSERT_EQ(inputs.size(), 1000u);
  std::set<std::int64_t> numbers;
  for (const auto& input : inputs) numbers.insert(*input.if_integer());
  EXPECT_EQ(numbers.size(), 1000u);
  EXPECT_EQ(*numbers.begin(), 0);
  EXPECT_EQ(*numbers.rbegin(), 999);
}

TEST(DoubleLoadCases, C292CountsUnderLoadFused) {
  c292(true);
}

TEST(DoubleLoadCases, C292CountsUnderLoadUnfused) {
  c292(false);
}

} // namespace
} // namespace troupe::testing
