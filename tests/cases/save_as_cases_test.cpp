#include "support/case_fixture.hpp"
#include "support/case_values.hpp"

#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/protect.hpp>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

using SaveAsCases = CaseFixture;
TROUPE_CASES(SaveAsCases);

TEST_P(SaveAsCases, PutsTheOutputIntoTheContext) {
  value found;
  const auto look = inline_step("look", [&](const value& input, step_context& ctx) {
    found = ctx.get("draft");
    return input;
  });

  const auto result = run_once((mock_step("a", ok("text"))() | save_as{.key = "draft"}) >> look);

  EXPECT_EQ(found, value("text"));
  EXPECT_EQ(result.output, value("text"));
  EXPECT_EQ(result.final_context.get("draft"), value("text"));
  EXPECT_EQ(names_of(result.step_history), (std::vector<std::string>{"a", "look"}));
}

TEST_P(SaveAsCases, AFailureLeavesTheContextAlone) {
  const auto result = run_once(mock_step("a", permanent("f"))() | save_as{.key = "draft"}, {},
                               with_entries({{"draft", "old"}}));

  EXPECT_EQ(result.why->message, "f");
  EXPECT_EQ(result.final_context.get("draft"), value("old"));
}

TEST_P(SaveAsCases, OutsideAFallbackItKeepsWhateverAnswered) {
  const auto result = run_once(mock_step("a", permanent("f"))()
                               | fallback(mock_step("b", ok("from b"))()) | save_as{.key = "k"});

  EXPECT_EQ(result.final_context.get("k"), value("from b"));
}

TEST_P(SaveAsCases, AHitIsKeptTooWhicheverIsOutside) {
  auto inner = rt.deploy(mock_step("a", ok("x"))() | save_as{.key = "k"} | cache{});
  auto outer = rt.deploy(mock_step("a", ok("x"))() | cache{} | save_as{.key = "k"});

  for (int call = 0; call < 2; ++call) {
    EXPECT_EQ(inner.start_value({}).result().final_context.get("k"), value("x"));
    EXPECT_EQ(outer.start_value({}).result().final_context.get("k"), value("x"));
  }
  EXPECT_EQ(inner.cache("a")->statistics().hits, 1u);
}

TEST_P(SaveAsCases, BranchesThatKeepUnderOneKeyAreMerged) {
  const auto result = run_once(parallel(mock_step("a", ok(1))() | save_as{.key = "k"},
                                        mock_step("b", ok(2))() | save_as{.key = "k"}));

  EXPECT_EQ(result.final_context.get("k"), value(2));
}

TEST_P(SaveAsCases, KeepsTheHistoryOfWhatACancelStopped) {
  auto live = rt.deploy(as_step("both", mock_step("a", ok())() >> mock_step("b", hang())())
                        | save_as{.key = "k"});
  auto run = live.start_value({});
  rt.advance(10ms);

  run.cancel();

  EXPECT_EQ(names_of(run.result().step_history.at(0).step_history),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(run.result().final_context.contains("k"));
}

TEST_P(SaveAsCases, NeedsAKey) {
  try {
    (void)rt.deploy(mock_step("a", ok())() | save_as{});
    FAIL() << "deployed";
  } catch (const plan_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("key"));
  }
}

TEST_P(SaveAsCases, PlacesAreForClustersAndChangeNothingHere) {
  const auto gpu = mock_step("a", ok("x"))() | place{.labels = {{"gpu", "true"}}} | retry{};

  auto live = rt.deploy(gpu);

  const auto result = live.start_value({}).result();

  EXPECT_EQ(result.output, value("x"));
  EXPECT_EQ(live.metrics().layers.size(), 2u) << "it takes no part";
  EXPECT_EQ(names_of(result.step_history), (std::vector<std::string>{"a"}));
}

} // namespace
} // namespace troupe::testing
