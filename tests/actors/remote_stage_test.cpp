#include "support/case_fixture.hpp"

#include <troupe/actors/remote_stage.hpp>
#include <troupe/runtime/branch.hpp>

namespace troupe::testing {
namespace {

/// Keeps what it was offered, and takes nothing.
class refusing_placer final : public stage_placer {
public:
  actors::stage_ref place(branch_offer offer) override {
    offers.push_back(std::move(offer));
    return {};
  }
  std::vector<branch_offer> offers;
};

runtime_options with(const std::shared_ptr<stage_placer>& placer) {
  runtime_options options;
  options.log = false;
  options.placer = placer;
  return options;
}

auto named(const std::string& name, bool idempotent = false) {
  return inline_step(name, [](int x) { return x + 1; }, {.idempotent = idempotent});
}

TEST(remote_stage, is_offered_every_step_of_a_sequence) {
  const auto placer = std::make_shared<refusing_placer>();
  virtual_runtime home(with(placer));
  const auto live = home.deploy(named("a") >> named("b", true));
  EXPECT_EQ(*live.run(1), 3) << "what is not taken works here";
  ASSERT_GE(placer->offers.size(), 2u);
  EXPECT_EQ(placer->offers[0].name, "a");
  EXPECT_FALSE(placer->offers[0].idempotent);
  EXPECT_EQ(placer->offers[1].name, "b");
  EXPECT_TRUE(placer->offers[1].idempotent);
  EXPECT_NE(placer->offers[0].branch.path, placer->offers[1].branch.path);
}

TEST(remote_stage, is_offered_branches_that_share_nothing_as_a_whole) {
  const auto placer = std::make_shared<refusing_placer>();
  virtual_runtime home(with(placer));
  const auto live = home.deploy(
      parallel(as_step("group", named("a") >> named("b")) | retry{}, named("c") | breaker{}));
  ASSERT_GE(placer->offers.size(), 2u);
  EXPECT_EQ(placer->offers[0].branch.tree.kind(), plan_kind::retry);
  EXPECT_EQ(placer->offers.back().branch.tree.kind(), plan_kind::step) << "its breaker stays";
  EXPECT_EQ(placer->offers.back().name, "c");
}

TEST(remote_stage, is_offered_with_the_labels_of_the_places_around_it) {
  const auto placer = std::make_shared<refusing_placer>();
  virtual_runtime home(with(placer));
  const auto live =
      home.deploy((named("a") | place{{{"gpu", "true"}}} | place{{{"zone", "b"}}}) >> named("b"));
  ASSERT_GE(placer->offers.size(), 2u);
  EXPECT_EQ(placer->offers[0].labels.size(), 2u);
  EXPECT_TRUE(placer->offers[1].labels.empty());
}

} // namespace
} // namespace troupe::testing
