#include "support/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace troupe::testing {
namespace {

using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t coordinator = 1;
constexpr std::uint64_t worker = 2;

/// Writes a history: run 1 of the coordinator asks for request 1, unless told otherwise.
class HistoryTest : public ::testing::Test {
public:
  HistoryTest() {
    rules_.stops_within = 1s;
    add({.what = fact_kind::run_started, .run = 1, .process = coordinator});
  }

  HistoryTest& add(fact what) {
    what.at = now_;
    all_.push_back(std::move(what));
    return *this;
  }
  HistoryTest& wait(duration length) {
    now_ += length;
    return *this;
  }
  HistoryTest& ask(std::uint64_t request = 1) {
    return add(
        {.what = fact_kind::requested, .run = 1, .request = request, .process = coordinator});
  }
  HistoryTest& start(std::uint64_t execution, std::uint64_t request = 1) {
    return add({.what = fact_kind::started,
                .request = request,
                .execution = execution,
                .process = worker,
                .step = "work"});
  }
  HistoryTest& start_once(std::uint64_t execution) {
    start(execution);
    all_.back().once = true;
    return *this;
  }
  HistoryTest& spend(std::uint64_t amount) {
    return add({.what = fact_kind::spent, .request = 1, .execution = 1, .amount = amount});
  }
  HistoryTest& end(std::uint64_t execution, std::uint64_t request = 1, std::string output = "x") {
    return add({.what = fact_kind::ended,
                .request = request,
                .execution = execution,
                .process = worker,
                .text = std::move(output)});
  }
  HistoryTest& answer(std::uint64_t request = 1, std::string output = "x") {
    return add({.what = fact_kind::answered, .request = request, .text = std::move(output)});
  }
  HistoryTest& cancelled(std::uint64_t request = 1) {
    return add({.what = fact_kind::answered, .request = request, .failed = true, .text = "no"});
  }
  HistoryTest& give_up() {
    return add({.what = fact_kind::gave_up, .process = coordinator, .other = worker});
  }
  HistoryTest& end_run() { return add({.what = fact_kind::run_ended, .run = 1}); }

  std::vector<std::string> found() const { return violations(all_, rules_); }

  history_rules rules_;

private:
  instant now_{};
  std::vector<fact> all_;
};

TEST_F(HistoryTest, HasNothingToSayOfWorkThatIsDoneAndAnswered) {
  ask().start(1).spend(3).wait(1s).end(1).answer().end_run();
  add({.what = fact_kind::counted, .run = 1, .amount = 3});
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(HistoryTest, HasNothingToSayOfLostWorkThatIsDoneElsewhere) {
  ask().start(1).give_up().start(2).end(2).answer().end_run().wait(1s).end(1);
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(HistoryTest, FindsARequestThatWasNotAnswered) {
  ask().start(1).end(1).end_run();
  EXPECT_THAT(found(), ElementsAre("request 1 was never answered"));
}

TEST_F(HistoryTest, FindsARunThatDidNotEnd) {
  EXPECT_THAT(found(), ElementsAre("run 1 never ended"));
}

TEST_F(HistoryTest, FindsASecondResult) {
  ask().start(1).end(1).answer().answer().end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("a request has two results")));
}

TEST_F(HistoryTest, FindsARunThatEndsTwice) {
  end_run().end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("a run ended twice")));
}

TEST_F(HistoryTest, FindsAResultThatChanges) {
  ask().start(1).end(1).answer().cancelled().end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("a result has changed")));
}

TEST_F(HistoryTest, FindsAResultThatNobodyHasWorkedOut) {
  ask().start(1).end(1).answer(1, "y").end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("a result is none that was worked out")));
}

TEST_F(HistoryTest, FindsAStepThatIsDoneTwice) {
  ask().start_once(1).end(1).start_once(2).end(2).answer().end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("must not be done twice")));
}

TEST_F(HistoryTest, FindsAStartAfterTheCancelWasConfirmed) {
  ask().cancelled().start(1).end(1).end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("started after its request was answered")));
}

TEST_F(HistoryTest, FindsAStartThatNobodyAskedFor) {
  start(1).end(1).end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("nobody has asked for")));
}

TEST_F(HistoryTest, FindsWorkThatGoesOnForTooLong) {
  ask().start(1).cancelled().end_run().wait(2s).end(1);
  EXPECT_THAT(found(), ElementsAre(HasSubstr("went on for too long")));
}

TEST_F(HistoryTest, FindsWorkThatOutlivesWhoAskedForTooLong) {
  ask().start(1).add({.what = fact_kind::died, .process = coordinator}).wait(2s).end(1);
  EXPECT_THAT(found(), ElementsAre(HasSubstr("went on for too long")));
}

TEST_F(HistoryTest, FindsWorkThatNeverEnds) {
  ask().start(1).cancelled().end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("an execution never ended")));
}

TEST_F(HistoryTest, FindsAWorkerWithMoreThanItTakes) {
  rules_.credit = {{worker, 1}};
  ask(1).ask(2).start(1, 1).start(2, 2).end(1, 1).end(2, 2).answer(1).answer(2).end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("more work than it takes")));
}

TEST_F(HistoryTest, FindsAQueueThatIsTooLong) {
  rules_.max_queued = 3;
  end_run().add({.what = fact_kind::queued, .process = coordinator, .amount = 4});
  EXPECT_THAT(found(), ElementsAre(HasSubstr("too many requests wait")));
}

TEST_F(HistoryTest, FindsRequestsThatAreNotExplained) {
  ask().add({.what = fact_kind::explained, .run = 1, .amount = 0}).cancelled().end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("1 requests are open")));
}

TEST_F(HistoryTest, FindsRequestsThatWaitForNothing) {
  ask().add({.what = fact_kind::calm}).cancelled().end_run();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("wait for nothing")));
}

TEST_F(HistoryTest, FindsUsageThatIsCountedTwice) {
  ask().start(1).spend(3).end(1).answer().end_run();
  add({.what = fact_kind::counted, .run = 1, .amount = 6});
  EXPECT_THAT(found(), ElementsAre(HasSubstr("more was counted")));
}

TEST_F(HistoryTest, FindsUsageThatIsForgotten) {
  ask().start(1).spend(3).end(1).answer().end_run();
  add({.what = fact_kind::counted, .run = 1, .amount = 2});
  EXPECT_THAT(found(), ElementsAre(HasSubstr("less was counted")));
}

} // namespace
} // namespace troupe::testing
