#include "progress_view.hpp"
#include "run_watch.hpp"

#include <troupe/runtime/testing.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <gmock/gmock.h>

#include <memory>
#include <string>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using detail::draw_tree;
using detail::progress_model;
using detail::run_watch;
using detail::stage_outline;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// The tree of a run of a workflow, drawn whenever one likes.
class watched_run {
public:
  explicit watched_run(const std::string& flow, value input = {}, bool fused = true)
      : file_(parse_workflow("test.yaml", "troupe: 1\nname: flow\n" + flow)) {
    const plan::resolver find = [&](const std::string& name) -> const plan* {
      const auto found = file_.pipelines.find(name);
      return found == file_.pipelines.end() ? nullptr : &found->second;
    };
    watch_ = std::make_shared<run_watch>(stage_outline(file_.name, file_.tree, find));
    if (const auto* items = input.if_list()) {
      watch_->look([&](progress_model& model) { model.input_has(items->size()); });
    }
    home_ = std::make_unique<virtual_runtime>(runtime_options{
        .observers = {watch_}, .log = false, .random_seed = 1, .fuse_stages = fused});
    live_.emplace(file_.deploy(*home_));
    run_.emplace(live_->start_value(std::move(input)));
    home_->settle();
  }

  watched_run& after(duration length) {
    home_->advance(length);
    return *this;
  }
  watched_run& at_the_end() {
    (void)run_->result();
    return *this;
  }
  watched_run& cancelled() {
    run_->cancel();
    return at_the_end();
  }
  watched_run& answered(const value& answer) {
    const any_deployment& live = *live_;
    run_.emplace(*live.resume(*run_->result().snapshot, answer));
    return at_the_end();
  }
  [[nodiscard]] std::vector<std::string> lines(detail::view_options options = {100, 0, false,
                                                                               false}) const {
    return watch_->look(
        [&](const progress_model& model) { return draw_tree(model, home_->now(), options); });
  }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const auto& line : lines()) all += line + '\n';
    return all;
  }

private:
  workflow file_;
  std::shared_ptr<run_watch> watch_;
  std::unique_ptr<virtual_runtime> home_;
  std::optional<deployment<value, value>> live_;
  std::optional<any_run> run_;
};

constexpr auto two_steps = R"(flow:
  - { step: a, uses: test.script, with: { script: [ { ok: 1, after: 2s } ] } }
  - { step: b, uses: test.script, with: { script: [ { ok: 1, after: 1s } ] } }
)";

TEST(Progress, ShowsWhatWaitsRunsAndIsDone) {
  watched_run run(two_steps);
  run.after(1s);
  EXPECT_THAT(run.lines(), ElementsAre("⠋ flow  1.0 s", "  ⠋ a  1.0 s", "  · b"));
  run.after(1500ms);
  EXPECT_THAT(run.lines(), ElementsAre("⠴ flow  2.5 s", "  ✓ a  2.0 s", "  ⠴ b  500 ms"));
  run.at_the_end();
  EXPECT_THAT(run.lines(), ElementsAre("✓ flow  3.0 s", "  ✓ a  2.0 s", "  ✓ b  1.0 s"));
}

TEST(Progress, ShowsAttemptsAndCountsDownToTheNext) {
  watched_run run(R"(flow:
  step: ask
  uses: test.script
  with: { script: [ { transient: busy, after: 1s }, { ok: 1, after: 1s } ] }
  policies: [ { retry: { max_retries: 3, initial_delay: 10s } } ]
)");
  EXPECT_THAT(run.lines()[1], HasSubstr("ask  attempt 1 of 4"));
  run.after(3s);
  EXPECT_EQ(run.lines()[1], "  ↻ ask  attempt 1 of 4 · next try in 8.0 s · busy · 3.0 s");
  run.after(8500ms);
  EXPECT_THAT(run.lines()[1], HasSubstr("ask  attempt 2 of 4 · 11.5 s"));
  EXPECT_EQ(run.at_the_end().lines()[1], "  ✓ ask  attempt 2 of 4 · 12.0 s");
}

TEST(Progress, StartsASequenceOverThatIsTriedAgain) {
  watched_run run(R"(flow:
  name: both
  sequence:
    - { step: a, uses: test.script, with: { repeat: true, script: [ { ok: 1, after: 1s } ] } }
    - { step: b, uses: test.script, with: { script: [ { transient: no }, { ok: 2 } ] } }
  policies: [ { retry: { max_retries: 1, initial_delay: 1s } } ]
)");
  run.after(1500ms);
  EXPECT_THAT(run.lines(), ElementsAre("⠴ flow  1.5 s",
                                       "  ↻ both  attempt 1 of 2 · next try in 500 ms · no · 1.5 s",
                                       "    · a", "    · b"));
  run.after(1s);
  EXPECT_THAT(run.lines()[1], HasSubstr("both  attempt 2 of 2"));
  run.at_the_end();
  EXPECT_THAT(run.lines()[1], HasSubstr("✓ both"));
}

TEST(Progress, ShowsAFallbackOnceItIsNeeded) {
  const auto* flow = R"(flow:
  step: gpt4
  uses: test.script
  with: { script: [ { permanent: down, after: 1s } ] }
  policies:
    - fallback: [ { step: gpt35, uses: test.script, with: { script: [ { ok: 1, after: 1s } ] } },
                  { step: canned, uses: value, with: { value: 1 } } ]
)";
  watched_run run(flow);
  EXPECT_THAT(run.lines(), SizeIs(2));
  run.after(1500ms);
  EXPECT_THAT(run.lines(), ElementsAre("⠴ flow  1.5 s", "  ⠴ gpt4  falling back to gpt35 · 1.5 s",
                                       "    ⠴ or gpt35  500 ms"));
  run.at_the_end();
  EXPECT_THAT(run.lines(),
              ElementsAre("✓ flow  2.0 s", "  ↪ gpt4  answered by gpt35 · down · 2.0 s",
                          "    ✓ or gpt35  1.0 s"));
}

TEST(Progress, ShowsWhatTheCacheAnswers) {
  watched_run run(R"(caches: { shared: { ttl: 1h } }
steps:
  s: { uses: value, with: { value: 1 }, policies: [ { cache: shared } ] }
flow: [ { step: s }, { step: s } ]
)",
                  1);
  run.at_the_end();
  EXPECT_THAT(run.lines(),
              ElementsAre(HasSubstr("✓ flow"), HasSubstr("✓ s"), HasSubstr("⚡s  from the cache")));
}

TEST(Progress, ShowsABreakerThatIsNotClosed) {
  watched_run run(R"(breakers: { b: { failure_threshold: 1, wait: 60s } }
flow:
  step: s
  uses: fail
  with: { kind: transient, message: no }
  policies: [ { retry: { max_retries: 5, initial_delay: 1s } }, { breaker: b } ]
)");
  run.at_the_end();
  EXPECT_THAT(run.lines()[1], HasSubstr("✗ s"));
  EXPECT_THAT(run.lines()[1], HasSubstr("breaker open"));
}

TEST(Progress, CountsTheItemsOfAMap) {
  watched_run run(R"(flow:
  - map: { step: s, uses: test.script,
           with: { repeat: true, script: [ { ok: 1, after: 1s }, { ok: 1, after: 3s } ] } }
    max_in_flight: 2
)",
                  value::list({1, 2, 3, 4, 5}));
  run.after(1500ms);
  EXPECT_THAT(run.lines(), ElementsAre("⠴ flow  1.5 s", "  ⠴ map  1/5 done, 2 running · 1.5 s"));
  run.at_the_end();
  EXPECT_THAT(run.lines()[1], HasSubstr("✓ map  5/5 done"));
}

TEST(Progress, CountsTheStagesInsideAMap) {
  watched_run run(R"(flow:
  - map:
      - { step: a, uses: test.script, with: { repeat: true, script: [ { ok: 1, after: 1s } ] } }
      - { step: b, uses: test.script, with: { repeat: true, script: [ { ok: 1, after: 1s } ] } }
    over: "[1, 2, 3]"
)");
  run.after(1500ms);
  EXPECT_THAT(run.lines(), ElementsAre("⠴ flow  1.5 s", "  ⠴ map  0 done, 3 running · 1.5 s",
                                       "    ✓ a  3 done", "    ⠴ b  0 done, 3 running"));
}

TEST(Progress, ShowsTheTurnOfALoop) {
  watched_run run(R"(flow:
  loop:
    - { step: a, uses: sleep, with: { for: 1s } }
    - { step: b, uses: sleep, with: { for: 1s } }
  until: "iteration == 3"
)");
  run.after(2500ms);
  EXPECT_THAT(run.lines(), ElementsAre("⠴ flow  2.5 s", "  ⠴ loop  turn 2 · 2.5 s",
                                       "    ⠴ a  500 ms", "    · b"));
  run.at_the_end();
  EXPECT_THAT(run.lines()[1], HasSubstr("✓ loop  turn 3 · 6.0 s"));
}

TEST(Progress, ShowsTheBranchesOfABlock) {
  watched_run run(R"(flow:
  - parallel:
      left: { step: l, uses: sleep, with: { for: 1s } }
      right: [ { step: r1, uses: sleep, with: { for: 1s } },
               { step: r2, uses: sleep, with: { for: 1s } } ]
  - branch: "'x'"
    cases: { x: { step: x, uses: value, with: { value: 1 } },
             y: { step: y, uses: value, with: { value: 2 } } }
)");
  run.after(1500ms);
  EXPECT_THAT(run.lines(), ElementsAre("⠴ flow  1.5 s", "  ⠴ parallel  1.5 s", "    ✓ left  1.0 s",
                                       "    ⠴ right  1.5 s", "      ✓ r1  1.0 s",
                                       "      ⠴ r2  500 ms", "  · branch", "    · x", "    · y"));
  run.at_the_end();
  EXPECT_THAT(run.lines()[6], HasSubstr("✓ branch"));
  EXPECT_THAT(run.lines()[7], HasSubstr("✓ x"));
  EXPECT_THAT(run.lines()[8], HasSubstr("· y"));
}

TEST(Progress, ShowsWhereARunHasFailedAndWhatWasCancelledForIt) {
  watched_run run(R"(flow:
  - parallel:
      bad: { step: f, uses: test.script, with: { script: [ { permanent: broken, after: 1s } ] } }
      slow: { step: h, uses: test.script, with: { script: [ { hang: true } ] } }
  - { step: later, uses: value, with: { value: 1 } }
)");
  run.at_the_end();
  EXPECT_THAT(run.lines(),
              ElementsAre("✗ flow  1.0 s", HasSubstr("✗ parallel"), "    ✗ bad  broken · 1.0 s",
                          HasSubstr("⊘ slow"), "  · later"));
}

TEST(Progress, ShowsACancelledRun) {
  watched_run run("flow: { step: h, uses: test.script, with: { script: [ { hang: true } ] } }\n");
  run.after(1s).cancelled();
  EXPECT_THAT(run.lines(), ElementsAre("⊘ flow  1.0 s", "  ⊘ h  1.0 s"));
}

TEST(Progress, ShowsATimeoutWhereItHappened) {
  watched_run run("flow: { step: h, uses: test.script, with: { script: [ { hang: true } ] }, "
                  "policies: [ { timeout: 2s } ] }\n");
  run.at_the_end();
  EXPECT_THAT(run.lines()[1], HasSubstr("✗ h  timed out"));
}

TEST(Progress, ShowsAPauseAndGoesOnFromIt) {
  watched_run run(R"(flow:
  - { step: a, uses: sleep, with: { for: 1s } }
  - { name: ok, pause: { prompt: "Really?" } }
  - { step: b, uses: sleep, with: { for: 1s } }
)");
  run.at_the_end();
  EXPECT_THAT(run.lines(), ElementsAre(HasSubstr("⏸ flow"), "  ✓ a  1.0 s",
                                       HasSubstr("⏸ ok  Really?"), "  · b"));
  run.answered("yes");
  EXPECT_THAT(run.lines(), ElementsAre(HasSubstr("✓ flow"), "  ✓ a  1.0 s", HasSubstr("✓ ok"),
                                       HasSubstr("✓ b")));
}

TEST(Progress, ShowsWhatIsUndone) {
  watched_run run(R"(flow:
  - step: book
    uses: value
    with: { value: 1 }
    compensate: { step: unbook, uses: sleep, with: { for: 1s } }
  - { step: bad, uses: fail, with: { kind: permanent, message: no } }
)");
  EXPECT_THAT(run.lines()[2], HasSubstr("⠋ undo unbook"));
  run.at_the_end();
  EXPECT_THAT(run.lines(), ElementsAre(HasSubstr("✗ flow"), HasSubstr("✓ book"),
                                       HasSubstr("✓ undo unbook"), HasSubstr("✗ bad  no")));
}

TEST(Progress, IsTheSameWhenEveryStageIsAnActorOfItsOwn) {
  watched_run run(two_steps, {}, false);
  run.after(2500ms);
  EXPECT_THAT(run.lines(), ElementsAre("⠴ flow  2.5 s", "  ✓ a  2.0 s", "  ⠴ b  500 ms"));
}

TEST(Progress, KeepsWhatMattersWhenTheScreenIsTooLow) {
  std::string flow = "flow:\n";
  for (int step = 0; step < 30; ++step) {
    flow += "  - { step: s" + std::to_string(step) + ", uses: sleep, with: { for: 1s } }\n";
  }
  watched_run run(flow);
  run.after(20'500ms);
  const auto lines = run.lines({100, 8, false, false});
  ASSERT_THAT(lines, SizeIs(8));
  EXPECT_THAT(lines.front(), HasSubstr("flow"));
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("s20")));
  EXPECT_THAT(lines.back(), HasSubstr("… 24 more"));
}

TEST(Progress, ShowsTheRunAloneOnAScreenOfOneRow) {
  watched_run run(two_steps);
  EXPECT_THAT(run.lines({100, 1, false, false}), ElementsAre(HasSubstr("flow")));
}

TEST(Progress, FollowsAMapOfManyItems) {
  value::list_type items(5'000);
  watched_run run("flow: { map: { step: s, uses: value, with: { value: 1 } } }\n", value(items));
  run.at_the_end();
  EXPECT_THAT(run.lines()[1], HasSubstr("✓ map  5000/5000 done"));
}

TEST(Progress, CutsLinesToTheWidthOfTheScreen) {
  watched_run run(
      "flow: { step: a_step_with_quite_a_long_name, uses: sleep, with: { for: 1s } }\n");
  for (const auto& line : run.lines({20, 0, false, false})) {
    EXPECT_LE(detail::columns_of(line), 20U);
  }
  EXPECT_EQ(run.lines({20, 0, false, false})[1], "  ⠋ a_step_with_qui…");
}

TEST(Progress, ColorsOnlyWhenAskedTo) {
  watched_run run(two_steps);
  run.at_the_end();
  EXPECT_THAT(run.text(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(run.lines({100, 0, true, false})[0], HasSubstr("\x1b[32m✓"));
}

TEST(Progress, ShowsNoStageThatNobodyHasReachedAsRunning) {
  watched_run run(two_steps);
  EXPECT_THAT(run.lines()[2], "  · b");
  EXPECT_THAT(run.lines({100, 0, false, true}).back(), HasSubstr("cancelling"));
}

detail::batch_progress half_done() {
  detail::batch_progress progress;
  progress.all = 400;
  progress.ended = 212;
  progress.hits = 136;
  progress.failed = 2;
  progress.breakers["gpt4"] = "open";
  return progress;
}

TEST(ProgressBar, SaysHowFarManyRunsHaveCome) {
  const auto lines = detail::draw_bar(half_done(), instant(6840ms), {120, 1, false, false});
  EXPECT_THAT(lines, ElementsAre("[############………………………………] 212/400  53 %  31/s  eta 7 s  hits "
                                 "64 %  failed 2  breaker gpt4 open"));
}

TEST(ProgressBar, FitsIntoANarrowScreen) {
  const auto lines = detail::draw_bar(half_done(), instant(6840ms), {40, 1, false, false});
  EXPECT_EQ(detail::columns_of(lines[0]), 40U);
}

TEST(ProgressBar, HasNothingToSayAboutARateBeforeTheFirstRunHasEnded) {
  detail::batch_progress progress;
  progress.all = 3;
  const auto lines = detail::draw_bar(progress, instant(1s), {40, 1, false, false});
  EXPECT_EQ(lines[0], "[…………………………] 0/3  0 %");
}

} // namespace
} // namespace troupe::testing
