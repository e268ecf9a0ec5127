#include "support/case_fixture.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <set>
#include <sstream>

namespace troupe::testing {
namespace {

using ContextCases = CaseFixture;
TROUPE_CASES(ContextCases);

/// Catches what runtimes made in its lifetime log.
class log_capture {
public:
  log_capture() {
    auto logger = std::make_shared<spdlog::logger>(
        "troupe", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
    logger->set_level(spdlog::level::trace);
    logger->set_pattern("[%l] %v");
    spdlog::drop("troupe");
    spdlog::register_logger(std::move(logger));
  }
  ~log_capture() { spdlog::drop("troupe"); }

  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::istringstream text(text_.str());
    for (std::string line; std::getline(text, line);) all.push_back(line);
    return all;
  }

private:
  std::ostringstream text_;
};

TEST_P(ContextCases, C220CorrelationIdsAreUniqueByDefault) {
  auto a = mock_step("a", ok());
  auto live = rt.deploy(a());
  std::set<std::string> given;

  for (int turn = 0; turn < 10'000; ++turn) {
    const auto result = live.start_value({}).result();
    ASSERT_FALSE(result.correlation_id.empty());
    given.insert(result.correlation_id);
  }

  EXPECT_EQ(given.size(), 10'000u);
  std::set<std::string> told;
  for (const auto& event : seen->all()) told.insert(event.correlation_id);
  EXPECT_EQ(told, given);
  EXPECT_EQ(seen->of(event_kind::step_finished).size(), 10'000u);
}

/// Something of everything that is told and logged: retries, a breaker, fallbacks, an abandoned
/// step, a failed run.
auto eventful(const scripted_step& p, const scripted_step& f, std::vector<context>& snapshots) {
  auto look = inline_step("look", [&snapshots](const value& input, step_context& ctx) {
    snapshots.push_back(ctx.snapshot());
    ctx.warn("looked around");
    return input;
  });
  return look
         >> (p() | breaker{.failure_threshold = 2} | retry{.max_retries = 2, .initial_delay = 1ms}
             | fallback(f() | timeout{.after = 10ms}) | cache{});
}

TEST_P(ContextCases, C220AGivenCorrelationIdIsEverywhere) {
  const log_capture log;
  runtime_options options;
  options.fuse_stages = GetParam() != hosting::unfused;
  options.observers = {seen};
  virtual_runtime logging(options);
  auto p = mock_step("p", transient("down"));
  auto f = mock_step("f", stuck(1h));
  std::vector<context> snapshots;
  auto live = logging.deploy(eventful(p, f, snapshots));

  const auto result = live.start_value("x", {.correlation_id = "order-17"}).result();
  logging.advance(2h);

  EXPECT_FALSE(result.success());
  EXPECT_EQ(result.correlation_id, "order-17");
  EXPECT_EQ(result.final_context.correlation_id(), "order-17");
  ASSERT_EQ(snapshots.size(), 1u);
  EXPECT_EQ(snapshots[0].correlation_id(), "order-17");
  EXPECT_EQ(snapshots[0].child().correlation_id(), "order-17");
  for (const auto& event : seen->all()) {
    EXPECT_EQ(event.correlation_id, "order-17") << to_string(event.kind);
  }
  for (const auto kind :
       {event_kind::run_started, event_kind::run_finished, event_kind::step_started,
        event_kind::step_finished, event_kind::retry_scheduled, event_kind::fallback_started,
        event_kind::fallback_failed, event_kind::cache_miss, event_kind::breaker_changed,
        event_kind::call_rejected, event_kind::step_abandoned, event_kind::warning}) {
    EXPECT_FALSE(seen->of(kind).empty()) << to_string(kind);
  }
  const auto lines = log.lines();
  EXPECT_GE(lines.size(), 6u);
  for (const auto& line : lines) EXPECT_THAT(line, ::testing::HasSubstr("order-17"));
}

TEST_P(ContextCases, C220TheCorrelationIdOfAGivenContextIsKept) {
  auto a = mock_step("a", ok());
  const auto result = run_once(a(), {}, {.context = context("given")});
  EXPECT_EQ(result.correlation_id, "given");
}

TEST_P(ContextCases, C221AChildHasItsOwnCopies) {
  context parent("corr", value::map({{"k", 1}}));
  parent.set_tag("team", "red");
  parent.set_metadata("trace", "t1");

  auto child = parent.child();
  EXPECT_EQ(child.correlation_id(), "corr");
  EXPECT_EQ(child.causation_id(), "corr");
  EXPECT_FALSE(child.id().empty());
  EXPECT_EQ(child.get("k"), value(1));
  EXPECT_EQ(child.tag("team"), value("red"));
  EXPECT_EQ(child.metadata("trace"), value("t1"));
  const auto grandchild = child.child();
  EXPECT_EQ(grandchild.correlation_id(), "corr");
  EXPECT_EQ(grandchild.causation_id(), child.id());
  EXPECT_NE(grandchild.id(), child.id());

  child.set("k", 2);
  child.set("new", true);
  child.set_tag("team", "blue");
  child.set_metadata("trace", "t2");

  EXPECT_EQ(parent.get("k"), value(1));
  EXPECT_FALSE(parent.contains("new"));
  EXPECT_EQ(parent.tag("team"), value("red"));
  EXPECT_EQ(parent.metadata("trace"), value("t1"));
  EXPECT_EQ(parent.causation_id(), "");
}

TEST_P(ContextCases, C221AChildOfARunningStepsContextIsCausedByIt) {
  context child;
  std::string own_id;
  auto a = inline_step("a", [&](const value& input, step_context& ctx) {
    own_id = ctx.snapshot().id();
    child = ctx.snapshot().child();
    return input;
  });

  const auto result = run_once(a);

  EXPECT_FALSE(own_id.empty());
  EXPECT_EQ(child.causation_id(), own_id);
  EXPECT_EQ(child.correlation_id(), result.correlation_id);
}

TEST_P(ContextCases, C222CheckpointsKeepTheirOrder) {
  const auto marking = [](const std::string& name) {
    return async_step<value, value>(name, [name](const value& input, completion<value> done) {
      done.context().after(10ms, [name, input, done] {
        done.context().checkpoint(name);
        done(input);
      });
    });
  };

  const auto result = run_once(marking("a") >> marking("b") >> marking("c"));

  ASSERT_EQ(result.checkpoints.size(), 3u);
  const std::vector<const char*> names{"a", "b", "c"};
  for (std::size_t index = 0; index < 3; ++index) {
    EXPECT_EQ(result.checkpoints[index].name, names[index]);
    EXPECT_EQ(result.checkpoints[index].at, (static_cast<int>(index) + 1) * 10ms);
  }
}

TEST_P(ContextCases, C223EmitsTheStandardCheckpoints) {
  auto p = mock_step("p", permanent("boom"));
  auto f = mock_step("f", ok("b"));

  const auto result = run_once(p() | fallback(f()) | cache{});

  std::vector<std::string> names;
  for (const auto& each : result.checkpoints) names.push_back(each.name);
  EXPECT_EQ(names, (std::vector<std::string>{"cache.miss", "primary.start", "primary.failed",
                                             "fallback.start", "fallback.success"}));
}

TEST_P(ContextCases, C224CountsTheMetricsOfARequest) {
  auto p = mock_step("p", transient("down"));
  auto f = mock_step("f", ok("b").taking(7ms));
  auto live = rt.deploy(p() | breaker{} | retry{.max_retries = 2, .initial_delay = 1ms}
                        | fallback(f()) | cache{});

  const auto first = live.start_value("x").result();
  EXPECT_FALSE(first.metrics.cache_hit);
  EXPECT_EQ(first.metrics.retry_count, 2u);
  EXPECT_TRUE(first.metrics.fallback_used);
  EXPECT_EQ(first.metrics.circuit_breaker_state, "closed");
  EXPECT_EQ(first.metrics.latency, 10ms);

  const auto second = live.start_value("x").result();
  EXPECT_TRUE(second.metrics.cache_hit);
  EXPECT_EQ(second.metrics.retry_count, 0u);
  EXPECT_EQ(second.metrics.circuit_breaker_state, "closed");
  EXPECT_EQ(second.metrics.latency, 0ms);
  EXPECT_EQ(second.final_context.size(), 0u);
}

TEST_P(ContextCases, C225StateFlowsAlongASequence) {
  scripted_step a("a", {ok().setting("k", 1)});
  scripted_step b("b");
  scripted_step c("c");
  b.answering([](const value&, const context& ctx) { return ok(ctx.get("k")).setting("m", 2); });
  c.answering([](const value& input, const context& ctx) {
    return ok(value::list({input, ctx.get("k"), ctx.get("m")}));
  });

  const auto result = run_once(a() >> b() >> c());

  EXPECT_EQ(result.output, value(value::list({1, 1, 2})));
  EXPECT_EQ(result.final_context.get("k"), value(1));
  EXPECT_EQ(result.final_context.get("m"), value(2));
  EXPECT_EQ(result.final_context.size(), 2u);
}

TEST_P(ContextCases, C248OneFaultIsLogged) {
  const log_capture log;
  hooks faulty;
  faulty.before_step = [](const run_event&) { throw std::runtime_error("bad hook"); };
  faulty.after_run = [](const run_event&) { throw 1; };
  runtime_options options;
  options.fuse_stages = GetParam() != hosting::unfused;
  options.observers = {make_observer(faulty), seen};
  virtual_runtime logging(options);
  auto a = mock_step("a", ok("x").costing(0.1, 2));
  auto live = logging.deploy(a() >> a());

  for (int turn = 0; turn < 2; ++turn) {
    const auto result = live.start_value({}).result();
    EXPECT_TRUE(result.success());
    EXPECT_EQ(result.output, value("x"));
    EXPECT_EQ(names_of(result.step_history), (std::vector<std::string>{"a", "a"}));
    EXPECT_EQ(result.total_cost_usd, 0.2);
  }

  const auto lines = log.lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], ::testing::StartsWith("[error]"));
  EXPECT_THAT(lines[0], ::testing::HasSubstr("observer"));
  EXPECT_EQ(seen->of(event_kind::run_finished).size(), 2u);
}

} // namespace
} // namespace troupe::testing
