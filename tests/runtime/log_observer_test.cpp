#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/observer.hpp>
#include <troupe/runtime/protect.hpp>
#include <troupe/runtime/testing.hpp>

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using std::chrono_literals::operator""ms;

/// A logger of the user's, registered under the name that troupe looks for.
class LogObserverTest : public ::testing::Test {
protected:
  LogObserverTest() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    auto logger = std::make_shared<spdlog::logger>("troupe", std::move(sink));
    logger->set_pattern("%l %v");
    logger->set_level(spdlog::level::info);
    spdlog::register_logger(std::move(logger));
    rt_ = std::make_unique<virtual_runtime>();
  }
  ~LogObserverTest() override { spdlog::drop("troupe"); }

  template <class Stage>
  run_result run_once(const Stage& what) {
    run_options how;
    how.correlation_id = "order-7";
    return rt_->deploy(what).start_value({}, how).result();
  }

  [[nodiscard]] std::string text() const { return text_.str(); }
  std::unique_ptr<virtual_runtime> rt_;

private:
  std::ostringstream text_;
};

TEST_F(LogObserverTest, FallbackIsLoggedBeforeItStarts) {
  scripted_step a("a", {permanent("broken")});
  scripted_step b("b");
  std::string seen_by_b;
  b.answering([&](const value&, const context&) {
    seen_by_b = text();
    return ok(1);
  });

  EXPECT_TRUE(run_once(a() | fallback(b())).success());

  EXPECT_THAT(seen_by_b, HasSubstr("warning [order-7] a: failed, falling back to b"));
  EXPECT_THAT(seen_by_b, HasSubstr("broken"));
}

TEST_F(LogObserverTest, WhatIsOfNoStageIsLoggedWithoutAName) {
  rt_->tell({.kind = event_kind::warning, .detail = "no link"});

  EXPECT_THAT(text(), HasSubstr("[-] no link"));
}

TEST_F(LogObserverTest, FailedRunIsLoggedOnce) {
  scripted_step a("a", {permanent("broken")});

  EXPECT_FALSE(run_once(a()).success());

  const auto lines = text();
  EXPECT_THAT(lines, HasSubstr("[order-7]"));
  EXPECT_THAT(lines, HasSubstr("run failed: permanent: broken"));
  EXPECT_EQ(lines.find("broken"), lines.rfind("broken"));
}

TEST_F(LogObserverTest, RetryIsLoggedWithItsDelay) {
  scripted_step a("a", {transient("not now"), ok(1)});

  EXPECT_TRUE(run_once(a() | retry{.initial_delay = 250ms}).success());

  EXPECT_THAT(text(), HasSubstr("info [order-7] a: attempt 1 failed, next in 250ms"));
}

TEST_F(LogObserverTest, BreakerThatChangesIsLogged) {
  scripted_step a("a", {transient("not now")});

  EXPECT_FALSE(run_once(a() | breaker{.failure_threshold = 1}).success());

  EXPECT_THAT(text(), HasSubstr("circuit breaker closed -> open"));
}

TEST_F(LogObserverTest, SuccessIsNotLogged) {
  scripted_step a("a", {ok(1)});

  EXPECT_TRUE(run_once(a()).success());

  EXPECT_THAT(text(), IsEmpty());
}

TEST_F(LogObserverTest, LevelOfTheLoggerCounts) {
  spdlog::get("troupe")->set_level(spdlog::level::warn);
  scripted_step a("a", {transient("not now"), ok(1)});

  EXPECT_TRUE(run_once(a() | retry{}).success());

  EXPECT_THAT(text(), Not(HasSubstr("attempt 1 failed")));
}

TEST_F(LogObserverTest, NothingIsLoggedWithoutIt) {
  runtime_options silent;
  silent.log = false;
  virtual_runtime rt(silent);
  scripted_step a("a", {permanent("broken")});

  EXPECT_FALSE(rt.deploy(a()).start_value({}).result().success());

  EXPECT_THAT(text(), IsEmpty());
}

} // namespace
} // namespace troupe::testing
