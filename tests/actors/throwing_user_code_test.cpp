#include "support/case_fixture.hpp"

#include <troupe/actors/block_options.hpp>
#include <troupe/actors/chooser.hpp>
#include <troupe/runtime/choose.hpp>
#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/protect.hpp>

#include <stdexcept>

namespace troupe::testing {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

enum class thrown { exception, number };

/// What users give beside steps throws: the run may suffer, the process never does.
class ThrowingUserCode : public ::testing::TestWithParam<thrown> {
protected:
  ThrowingUserCode() : rt(options()) {}

  runtime_options options() {
    runtime_options chosen;
    chosen.random_seed = 1;
    chosen.log = false;
    chosen.observers = {seen};
    return chosen;
  }

  template <class Stage>
  run_result run_once(const Stage& what) {
    return rt.deploy(what).start_value({}).result();
  }

  /// A value of any type that is never there.
  template <class T>
  static T raise() {
    if (GetParam() == thrown::number) throw 42;
    throw std::runtime_error("user code");
  }

  void expect_warning(const std::string& text) {
    EXPECT_THAT(seen->of(event_kind::warning),
                Contains(Field(&recording_observer::record::detail, HasSubstr(text))));
  }

  /// The message of what `raise` throws.
  static std::string message() {
    return GetParam() == thrown::number ? "no std::exception" : "user code";
  }

  std::shared_ptr<recording_observer> seen = std::make_shared<recording_observer>();
  virtual_runtime rt;
};

INSTANTIATE_TEST_SUITE_P(What, ThrowingUserCode,
                         ::testing::Values(thrown::exception, thrown::number),
                         [](const auto& each) {
                           return each.param == thrown::number ? "Number" : "Exception";
                         });

TEST_P(ThrowingUserCode, RetryIfMakesTheFailureFinal) {
  scripted_step a("a", {transient("not now"), ok(1)});
  retry again;
  again.retry_if = [](const failure&) { return raise<bool>(); };

  const auto result = run_once(a() | again);

  EXPECT_THAT(result.feedback(), HasSubstr("not now"));
  EXPECT_EQ(a.call_count(), 1u);
  expect_warning("retry_if threw");
}

TEST_P(ThrowingUserCode, FailureIfCountsTheFailure) {
  scripted_step a("a", {transient("not now")});
  breaker guard;
  guard.failure_threshold = 1;
  guard.failure_if = [](const failure&) { return raise<bool>(); };
  auto live = rt.deploy(a() | guard);

  const auto result = live.start_value({}).result();

  EXPECT_THAT(result.feedback(), HasSubstr("not now"));
  EXPECT_EQ(live.breaker("a")->state(), breaker_phase::open);
  expect_warning("failure_if threw");
}

TEST_P(ThrowingUserCode, CacheKeyLetsTheStepRunUncached) {
  scripted_step a("a", {ok(1), ok(2)});
  cache store;
  store.key = [](const value&, const context&) { return raise<value>(); };
  auto live = rt.deploy(a() | store);

  EXPECT_EQ(live.start_value({}).result().output, value(1));
  EXPECT_EQ(live.start_value({}).result().output, value(2));

  EXPECT_EQ(live.cache("a")->statistics().errors, 2u);
  expect_warning("its key failed");
}

TEST_P(ThrowingUserCode, BranchKeyFailsTheBlock) {
  scripted_step a("a", {ok(1)});
  const auto block =
      branch<value, value>([](const value&) { return raise<std::string>(); }, {{"a", a()}});

  const auto result = run_once(block);

  EXPECT_TRUE(result.why && result.why->kind == failure_kind::unclassified);
  EXPECT_THAT(result.feedback(), HasSubstr(message()));
  EXPECT_EQ(a.call_count(), 0u);
}

TEST_P(ThrowingUserCode, RouterChoiceFailsTheBlock) {
  scripted_step a("a", {ok(1)});
  const auto block = router<value, value>(
      [](const value&) { return raise<std::vector<std::string>>(); }, {{"a", a()}});

  EXPECT_THAT(run_once(block).feedback(), HasSubstr(message()));
}

TEST_P(ThrowingUserCode, ListOfAMapFailsTheBlock) {
  scripted_step a("a", {ok(1)});
  auto options = map_options();
  options.over = [](const value&, const context&) { return raise<value>(); };

  EXPECT_THAT(run_once(map_value(a(), options)).feedback(), HasSubstr(message()));
}

TEST_P(ThrowingUserCode, UntilEndsTheLoop) {
  scripted_step a("a", {ok(1), ok(2)});

  const auto result = run_once(loop(a(), [](const value&) { return raise<bool>(); }));

  EXPECT_THAT(result.feedback(), HasSubstr(message()));
  EXPECT_EQ(a.call_count(), 1u);
}

TEST_P(ThrowingUserCode, NextInputOfALoopEndsTheLoop) {
  scripted_step a("a", {ok(1), ok(2)});

  const auto result = run_once(loop(
      a(), [](const value&) { return false; }, {}, [](const value&) { return raise<value>(); }));

  EXPECT_THAT(result.feedback(), HasSubstr(message()));
}

TEST_P(ThrowingUserCode, ConflictResolverFailsTheBlock) {
  scripted_step a("a", {ok(1).setting("key", 1)});
  scripted_step b("b", {ok(2).setting("key", 2)});
  block_options options;
  options.on_context_conflict = [](const std::string&, const value&, const std::vector<value>&) {
    return raise<value>();
  };

  const auto result = run_once(parallel(options, a(), b()));

  EXPECT_THAT(result.feedback(), HasSubstr("merging the context failed"));
  EXPECT_THAT(result.feedback(), HasSubstr(message()));
  EXPECT_FALSE(result.final_context.contains("key"));
}

TEST_P(ThrowingUserCode, EndOfARunIsOnlyWarnedAbout) {
  scripted_step a("a", {ok(1)});
  run_options how;
  how.on_done = [](const run_result&) { raise<int>(); };

  const auto result = rt.deploy(a()).start_value({}, how).result();

  EXPECT_EQ(result.output, value(1));
  expect_warning("on_done threw");
}

class throwing_observer final : public observer {
public:
  explicit throwing_observer(std::function<void()> thrower) : throw_(std::move(thrower)) {}
  void on_event(const run_event&) override { throw_(); }

private:
  std::function<void()> throw_;
};

TEST_P(ThrowingUserCode, ObserverChangesNoRunAndIsReportedOnce) {
  auto chosen = options();
  chosen.observers.push_back(std::make_shared<throwing_observer>([] { raise<int>(); }));
  virtual_runtime watched(chosen);
  scripted_step a("a", {ok(1), ok(2)});
  auto live = watched.deploy(a());

  EXPECT_EQ(live.start_value({}).result().output, value(1));
  EXPECT_EQ(live.start_value({}).result().output, value(2));

  EXPECT_EQ(seen->of(event_kind::warning).size(), 1u);
  expect_warning("observer threw");
}

TEST_P(ThrowingUserCode, NothingIsRestartedForIt) {
  scripted_step a("a", {ok(1)});

  run_once(loop(a(), [](const value&) { return raise<bool>(); }));

  EXPECT_EQ(rt.metrics().restarted_stages, 0u);
}

} // namespace
} // namespace troupe::testing
