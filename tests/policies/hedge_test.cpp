#include "issues_of.hpp"

#include <troupe/policies/hedge.hpp>

#include <gmock/gmock.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

recent_latencies recorded(int count) {
  recent_latencies seen;
  for (int i = 1; i <= count; ++i) seen.record(i * 1ms);
  return seen;
}

TEST(Hedge, NeedsEitherADelayOrAQuantile) {
  EXPECT_THAT(issues_of(hedge{.delay = 1s}), IsEmpty());
  EXPECT_THAT(issues_of(hedge{.quantile = 0.95}), IsEmpty());
  EXPECT_THAT(issues_of(hedge{}), ElementsAre(HasSubstr("exactly one of both")));
  EXPECT_THAT(issues_of(hedge{.delay = 1s, .quantile = 0.95}),
              ElementsAre(HasSubstr("exactly one of both")));
}

TEST(Hedge, RefusesNumbersOutOfBounds) {
  EXPECT_THAT(issues_of(hedge{.delay = 0s}), ElementsAre(HasSubstr("delay")));
  EXPECT_THAT(issues_of(hedge{.quantile = 0.4}), ElementsAre(HasSubstr("quantile")));
  EXPECT_THAT(issues_of(hedge{.quantile = 1.0}), ElementsAre(HasSubstr("quantile")));
  EXPECT_THAT(issues_of(hedge{.delay = 1s, .max_hedges = 0}), ElementsAre(HasSubstr("max_hedges")));
  EXPECT_THAT(issues_of(hedge{.delay = 1s, .max_hedges = 11}),
              ElementsAre(HasSubstr("max_hedges")));
}

TEST(Hedge, DescribesWhatIsSet) {
  EXPECT_EQ(troupe_describe(hedge{.quantile = 0.9}),
            value::map({{"quantile", 0.9}, {"max_hedges", 1}}));
}

TEST(HedgeDelay, IsTheFixedDelayWhateverWasSeen) {
  EXPECT_EQ(hedge_delay(hedge{.delay = 3s}, recorded(0)), 3s);
  EXPECT_EQ(hedge_delay(hedge{.delay = 3s}, recorded(100)), 3s);
}

TEST(HedgeDelay, IsTheQuantileOnceEnoughCallsAreKnown) {
  EXPECT_EQ(hedge_delay(hedge{.quantile = 0.95}, recorded(19)), std::nullopt);
  EXPECT_EQ(hedge_delay(hedge{.quantile = 0.95}, recorded(20)), 19ms);
  EXPECT_EQ(hedge_delay(hedge{.quantile = 0.95}, recorded(100)), 95ms);
}

TEST(RecentLatencies, ForgetsAllButTheLatest256) {
  auto seen = recorded(1'000);

  EXPECT_EQ(seen.quantile(0), 745ms);
  EXPECT_EQ(seen.quantile(1), 1'000ms);
  for (int i = 0; i < 256; ++i) seen.record(1ms);
  EXPECT_EQ(seen.quantile(1), 1ms);
}

} // namespace
} // namespace troupe
