#include <troupe/protocol/failure.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr failure_kind all_kinds[] = {failure_kind::transient,   failure_kind::rate_limited,
                                      failure_kind::timed_out,   failure_kind::permanent,
                                      failure_kind::rejected,    failure_kind::cancelled,
                                      failure_kind::worker_lost, failure_kind::malformed,
                                      failure_kind::usage_limit, failure_kind::unclassified};

TEST(Failure, HasANameForEveryKindThatLeadsBackToIt) {
  for (const auto kind : all_kinds) EXPECT_EQ(failure_kind_from(to_string(kind)), kind);
}

TEST(Failure, KnowsNoKindOfAnotherName) {
  EXPECT_EQ(failure_kind_from("canceled"), std::nullopt);
  EXPECT_EQ(failure_kind_from(""), std::nullopt);
  EXPECT_EQ(to_string(static_cast<failure_kind>(99)), "");
}

TEST(Failure, IsRetryableOnlyWhenAnotherAttemptMayHeal) {
  int retryable = 0;
  for (const auto kind : all_kinds) retryable += is_retryable({.kind = kind});

  EXPECT_EQ(retryable, 5);
  EXPECT_TRUE(is_retryable({.kind = failure_kind::worker_lost}));
  EXPECT_FALSE(is_retryable({.kind = failure_kind::cancelled}));
  EXPECT_FALSE(is_retryable({.kind = failure_kind::rejected}));
}

TEST(Failure, ComparesCausesByContent) {
  const auto caused_by = [](const char* message) {
    return failure{.message = "outer",
                   .cause = std::make_shared<failure>(failure{.message = message})};
  };

  EXPECT_EQ(caused_by("inner"), caused_by("inner"));
  EXPECT_FALSE(caused_by("inner") == caused_by("other"));
  EXPECT_FALSE(caused_by("inner") == failure{.message = "outer"});
}

TEST(Failure, PrintsItsKindAndMessage) {
  EXPECT_EQ(to_string(failure{.kind = failure_kind::timed_out, .message = "after 2s"}),
            "timed_out: after 2s");
}

TEST(StepError, CarriesTheWholeFailure) {
  const step_error error(failure_kind::rate_limited, "slow down", 3s);

  EXPECT_STREQ(error.what(), "slow down");
  EXPECT_EQ(error.why().kind, failure_kind::rate_limited);
  EXPECT_EQ(error.why().retry_after, 3s);
}

} // namespace
} // namespace troupe
