#include "run_watch.hpp"

#include <troupe/runtime/testing.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

namespace troupe::testing {
namespace {

using detail::warning_lines;
using ::testing::ElementsAre;
using ::testing::SizeIs;

/// What is said about a run, or about single events.
class WarningLines : public ::testing::Test {
protected:
  void run(const std::string& flow) {
    const auto file = parse_workflow("test.yaml", "troupe: 1\nname: flow\n" + flow);
    virtual_runtime home(runtime_options{.observers = {warnings_}, .log = false, .random_seed = 1});
    (void)file.deploy(home).start_value({}).result();
  }

  void tell(event_kind kind, std::string_view step, std::string_view detail = {}) {
    warnings_->on_event({.kind = kind, .step = step, .detail = detail});
  }

  std::vector<std::string> said;

private:
  std::shared_ptr<warning_lines> warnings_ = std::make_shared<warning_lines>(
      [this](std::string line) { said.push_back(std::move(line)); }, true);
};

TEST_F(WarningLines, SayEveryChangeOfABreaker) {
  run(R"(breakers: { vendor: { failure_threshold: 1, success_threshold: 1, wait: 1s } }
flow:
  step: ask
  uses: test.script
  with: { script: [ { transient: a }, { transient: b }, { transient: c }, { ok: 1 } ] }
  policies:
    - { retry: { max_retries: 3, initial_delay: 10s } }
    - { breaker: vendor }
)");

  const std::string probing = "ask: circuit breaker open -> half_open";
  const std::string failed = "ask: circuit breaker half_open -> open";
  EXPECT_THAT(said, ElementsAre("ask: circuit breaker closed -> open", probing, failed, probing,
                                failed, probing, "ask: circuit breaker half_open -> closed"));
}

TEST_F(WarningLines, SayOtherTextsOnce) {
  tell(event_kind::step_abandoned, "slow");
  tell(event_kind::warning, {}, "the store is away");
  tell(event_kind::step_abandoned, "slow");
  tell(event_kind::warning, {}, "the store is away");
  tell(event_kind::step_abandoned, "slower");

  EXPECT_THAT(said, ElementsAre("slow: ignores its cancel and was abandoned", "the store is away",
                                "slower: ignores its cancel and was abandoned"));
}

TEST_F(WarningLines, LeaveOutFurtherWarningsButNoChangeOfABreaker) {
  for (int number = 0; number < 300; ++number) {
    tell(event_kind::warning, {}, std::to_string(number));
  }
  ASSERT_THAT(said, SizeIs(200));
  EXPECT_EQ(said.back(), "further warnings are left out");

  tell(event_kind::breaker_changed, "vendor", "closed -> open");
  EXPECT_EQ(said.back(), "vendor: circuit breaker closed -> open");
}

} // namespace
} // namespace troupe::testing
