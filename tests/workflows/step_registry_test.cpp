#include "step_fixture.hpp"

#include <algorithm>

namespace troupe::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

using StepRegistry = StepFixture;

TEST_F(StepRegistry, HoldsTheTypesThatShip) {
  EXPECT_THAT(registry.types(), ElementsAre("exec", "fail", "http.request", "llm.chat", "sleep",
                                            "test.script", "value"));
}

TEST_F(StepRegistry, SaysOfEveryTypeAndMemberWhatItIsFor) {
  for (const auto& name : registry.types()) {
    const auto& about = *registry.find(name);
    EXPECT_FALSE(about.summary.empty()) << name;
    EXPECT_FALSE(about.takes_other_fields) << name;
    for (const auto& field : about.fields)
      EXPECT_FALSE(field.summary.empty()) << name << '.' << field.name;
  }
}

TEST_F(StepRegistry, KnowsNoOtherTypes) {
  EXPECT_EQ(registry.find("valu"), nullptr);
  EXPECT_EQ(registry.find(""), nullptr);
}

TEST_F(StepRegistry, TakesFunctionsOfTheInput) {
  registry.add("double", [](int number) { return number * 2; });

  EXPECT_THAT(registry.types(), Contains("double"));
  EXPECT_EQ(run("double", "{}", 21).output, value(42));
}

TEST_F(StepRegistry, ReplacesATypeOfTheSameName) {
  registry.add("value", [](const value&) { return value("another"); });

  EXPECT_EQ(run("value", R"({"value": 1})").output, value("another"));
}

TEST_F(StepRegistry, KeepsPipelinesByName) {
  registry.add_pipeline("twice", make("value", R"({"value": 1})"));

  ASSERT_EQ(registry.pipelines().size(), 1u);
  EXPECT_EQ(registry.pipelines().begin()->first, "twice");
  EXPECT_THAT(registry.types(), Not(Contains("twice")));
}

} // namespace
} // namespace troupe::testing
