#include "step_fixture.hpp"

#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/protect.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// Programs as steps. The clock is virtual and stands while they run.
class ExecStep : public StepFixture {
protected:
  ExecStep() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  ~ExecStep() override { std::filesystem::remove_all(folder); }

  [[nodiscard]] static std::string with(const std::string& script, const std::string& more = "") {
    const auto argv = value::list({"/bin/sh", "-c", script});
    return R"({"argv": )" + write_json(argv) + (more.empty() ? "" : ", ") + more + "}";
  }
  run_result shell(const std::string& script, const std::string& more = "", value input = {}) {
    return run("exec", with(script, more), std::move(input));
  }

  std::string folder;
};

TEST_F(ExecStep, PassesItsInputAsJsonAndReadsJson) {
  const auto input = parse_json(R"({"a": [1, "ü", null], "b": 2.5})").value();

  EXPECT_EQ(run("exec", R"({"argv": ["cat"]})", input).output, input);
}

TEST_F(ExecStep, TakesOutputThatIsNoJsonAsTextWithoutItsLastNewline) {
  EXPECT_EQ(shell("echo hello; echo").output, value("hello\n"));
  EXPECT_EQ(shell("true").output, value(""));
  EXPECT_EQ(shell("printf '{1}'").output, value("{1}"));
}

TEST_F(ExecStep, ReadsItsOutputAsItIsTold) {
  EXPECT_EQ(shell("echo 42").output, value(42));
  EXPECT_EQ(shell("echo 42", R"("output": "text")").output, value("42"));
  EXPECT_EQ(shell("echo 42", R"("output": "json")").output, value(42));

  const auto bad = shell("echo hello", R"("output": "json")");
  EXPECT_EQ(bad.why->kind, failure_kind::malformed);
  EXPECT_THAT(bad.feedback(), HasSubstr("/bin/sh"));
}

TEST_F(ExecStep, KeepsOutputThatIsNoTextAsBytes) {
  EXPECT_EQ(shell(R"(printf 'a\377')").output, value::binary({'a', 0xff}));
  EXPECT_EQ(shell(R"(printf 'a\377')", R"("output": "text")").output, value("a\xEF\xBF\xBD"));
}

TEST_F(ExecStep, WritesWhatItIsToldToItsInput) {
  EXPECT_EQ(shell("cat", R"("stdin": "${{ input.line }}", "output": "text")",
                  value::map({{"line", "a \"b\""}}))
                .output,
            value("a \"b\""));
  EXPECT_EQ(shell("cat", R"("stdin": [1, 2])").output, value::list({1, 2}));
  EXPECT_EQ(shell("cat", R"("stdin": null)", "ignored").output, value(""));
}

TEST_F(ExecStep, SaysThatAnInputCannotBeWritten) {
  struct opaque {};

  const auto result = run("exec", R"({"argv": ["cat"]})", to_value(opaque{}));

  EXPECT_EQ(result.why->kind, failure_kind::malformed);
  EXPECT_TRUE(run("exec", R"({"argv": ["cat"], "stdin": "x"})", to_value(opaque{})).success());
}

TEST_F(ExecStep, PassesALongInputThrough) {
  value::list_type items;
  for (int number = 0; number < 200'000; ++number) items.emplace_back(number);
  const auto input = value::list(std::move(items));

  EXPECT_TRUE(run("exec", R"({"argv": ["cat"]})", input).output == input);
}

TEST_F(ExecStep, KnowsNoShell) {
  const auto result = run("exec", R"({"argv": ["printf", "%s", "${{ input }}"], "output": "text"})",
                          "$(id) `id`; ls");

  EXPECT_EQ(result.output, value("$(id) `id`; ls"));
}

TEST_F(ExecStep, ChangesTheEnvironmentAndTheDirectory) {
  ASSERT_EQ(setenv("TROUPE_TEST_GONE", "here", 1), 0);

  const auto result =
      shell("echo $A $B $C-$TROUPE_TEST_GONE; pwd -P",
            R"("env": {"A": "${{ input }}", "B": 8080, "C": true, "TROUPE_TEST_GONE": null},
               "cwd": ")"
                + folder + '"',
            "x y");

  EXPECT_EQ(result.output, value("x y 8080 true-\n" + std::filesystem::canonical(folder).string()));
}

TEST_F(ExecStep, TellsTheProgramAboutItsRun) {
  run_options how;
  how.correlation_id = "order-7";

  const auto result = run(make("exec", with("printf '%s\n' $TROUPE_RUN_ID $TROUPE_CORRELATION_ID "
                                            "$TROUPE_ATTEMPT $TROUPE_IDEMPOTENCY_KEY")),
                          {}, how);

  const auto id = result.run_id.to_string();
  EXPECT_THAT(*result.output.if_text(), StartsWith(id + "\norder-7\n1\n" + id + "/"));
}

TEST_F(ExecStep, FailsForGoodWithTheEndOfWhatTheProgramSaid) {
  const auto result = shell("seq 1 20 >&2; exit 3");

  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_EQ(result.feedback(),
            "/bin/sh exited with code 3: 11\n12\n13\n14\n15\n16\n17\n18\n19\n20");
}

TEST_F(ExecStep, KeepsMessagesReadable) {
  const auto result = shell(R"(printf 'bad \377 \033[31mred\n\n' >&2; exit 1)");

  EXPECT_EQ(result.feedback(), "/bin/sh exited with code 1: bad \xEF\xBF\xBD [31mred");
}

TEST_F(ExecStep, KeepsNoMoreThanTheEndOfALongLine) {
  const auto result = shell("printf 'ü%.0s' $(seq 1 5000) >&2; exit 1");

  EXPECT_LT(result.feedback().size(), 4'200u);
  EXPECT_THAT(result.feedback(), StartsWith("/bin/sh exited with code 1: ü"));
}

TEST_F(ExecStep, SaysNothingMoreWhereTheProgramWasSilent) {
  EXPECT_EQ(shell("exit 9").feedback(), "/bin/sh exited with code 9");
}

TEST_F(ExecStep, MayBeTriedAgainAfterCode75) {
  EXPECT_EQ(shell("exit 75").why->kind, failure_kind::transient);

  const auto flaky = make("exec", with("[ $TROUPE_ATTEMPT = 3 ] || exit 75; echo done"));
  const auto live = rt.deploy(flaky | retry{.max_retries = 3});
  EXPECT_EQ(live.start_value({}).result().output, value("done"));
}

TEST_F(ExecStep, SaysWhichSignalEndedTheProgram) {
  const auto result = shell("echo why >&2; kill -SEGV $$");

  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_EQ(result.feedback(), "/bin/sh was killed by signal 11 (SIGSEGV): why");
}

TEST_F(ExecStep, FailsForGoodWhenTheProgramCannotBeStarted) {
  const auto missing = run("exec", R"({"argv": ["/no/such/program"]})");
  const auto nowhere = shell("true", R"("cwd": "/no/such/place")");
  const auto no_program = run("exec", R"({"argv": ["/dev/null"]})");

  EXPECT_EQ(missing.why->kind, failure_kind::permanent);
  EXPECT_THAT(missing.feedback(), HasSubstr("/no/such/program"));
  EXPECT_EQ(nowhere.why->kind, failure_kind::permanent);
  EXPECT_THAT(nowhere.feedback(), HasSubstr("/no/such/place"));
  EXPECT_EQ(no_program.why->kind, failure_kind::permanent);
}

TEST_F(ExecStep, KillsAProgramThatPrintsTooMuch) {
  const auto result = shell("yes", R"("max_output": 2000)");

  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_THAT(result.feedback(), HasSubstr("2000 bytes"));
}

TEST_F(ExecStep, KeepsTheClockStill) {
  EXPECT_TRUE(shell("sleep 0.05").success());
  EXPECT_EQ(elapsed(), 0s);
}

TEST_F(ExecStep, LeavesNobodyBehind) {
  const auto result = shell("sleep 1000 & echo $!");

  ASSERT_TRUE(result.success());
  const auto limit = std::chrono::steady_clock::now() + 20s;
  const auto is_alive = [&] {
    std::ifstream status("/proc/" + to_string(result.output) + "/stat");
    std::string text;
    return std::getline(status, text) && text.at(text.rfind(')') + 2) != 'Z';
  };
  while (is_alive() && std::chrono::steady_clock::now() < limit) {
  }
  EXPECT_FALSE(is_alive());
}

/// What takes real time: the clock of these is the machine's.
class ExecStepStopped : public ExecStep {
protected:
  ExecStepStopped() { mkfifo(door().c_str(), 0600); }

  [[nodiscard]] std::string door() const { return folder + "/door"; }
  /// Waits until the script writes into the pipe.
  void await_script() const {
    std::ifstream in(door());
    std::string line;
    ASSERT_TRUE(std::getline(in, line));
  }
  [[nodiscard]] std::string here() const { return R"("cwd": ")" + folder + '"'; }

  runtime real{{.log = false}};
};

TEST_F(ExecStepStopped, AsksTheProgramToEndWhenItsRunIsCancelled) {
  const auto live =
      real.deploy(make("exec", with("trap 'echo tidy > last; exit' TERM; echo > door; "
                                    "while :; do sleep 0.01; done",
                                    here())));
  const auto started = live.start_value({});
  await_script();

  EXPECT_TRUE(started.cancel());

  EXPECT_EQ(started.result().status, run_status::cancelled);
  EXPECT_TRUE(std::filesystem::exists(folder + "/last"));
  EXPECT_EQ(real.metrics().abandoned_steps, 0u);
}

TEST_F(ExecStepStopped, IsAnsweredForWhenItsGraceIsLongerThanThatOfTheRuntime) {
  const auto live = real.deploy(make("exec", with("trap '' TERM; echo > door; "
                                                  "while :; do sleep 0.01; done",
                                                  here() + R"(, "grace": "1h")")));
  const auto started = live.start_value({});
  await_script();

  EXPECT_TRUE(started.cancel());

  EXPECT_EQ(started.result().status, run_status::cancelled);
  EXPECT_THAT(started.result().step_history.at(0).feedback(), HasSubstr("abandoned"));
  EXPECT_EQ(real.metrics().abandoned_steps, 1u);
}

TEST_F(ExecStepStopped, IsKilledAtOnceWithoutGrace) {
  const auto live = real.deploy(make("exec", with("trap '' TERM; echo > door; "
                                                  "while :; do sleep 1; done",
                                                  here() + R"(, "grace": "0s")")));
  const auto started = live.start_value({});
  await_script();

  EXPECT_TRUE(started.cancel());

  EXPECT_EQ(started.result().status, run_status::cancelled);
  EXPECT_EQ(real.metrics().abandoned_steps, 0u);
}

TEST_F(ExecStepStopped, EndsWhenItTimesOut) {
  const auto live = real.deploy(make("exec", with("trap 'echo tidy > door; exit' TERM; "
                                                  "while :; do sleep 0.01; done",
                                                  here()))
                                | timeout{.after = 100ms});

  EXPECT_EQ(live.start_value({}).result().why->kind, failure_kind::timed_out);
  await_script();
}

TEST_F(ExecStep, RefusesBadMembers) {
  EXPECT_THAT(complaints("exec", R"({"argv": []})"), ElementsAre("argv: must name a program"));
  EXPECT_THAT(complaints("exec", R"({"argv": ["", 5, null, "\u0000"]})"),
              ElementsAre(StartsWith("argv.0: "), "argv.1: must be text, not integer",
                          "argv.2: must be text, not null", StartsWith("argv.3: ")));
  EXPECT_THAT(complaints("exec", R"({"argv": ["a"], "grace": "-1s"})"),
              ElementsAre("grace: must not be negative"));
  EXPECT_THAT(complaints("exec", R"({"argv": ["a"], "output": "xml"})"),
              ElementsAre("output: must be json, text or auto"));
  EXPECT_THAT(complaints("exec", R"({"argv": ["a"], "max_output": 0})"),
              ElementsAre("max_output: must be at least 1"));
  EXPECT_THAT(complaints("exec", R"({"argv": ["a"], "env": {"A": [1]}})"),
              ElementsAre(StartsWith("env.A: must be text")));
  EXPECT_THAT(complaints("exec", R"({"argv": ["a"], "env": {"A=B": "c"}})"),
              ElementsAre(StartsWith("env: ")));
}

TEST_F(ExecStep, RefusesWhatMayNotDependOnTheCall) {
  EXPECT_THAT(complaints("exec", R"({"argv": ["a"], "grace": "${{ input }}"})"),
              ElementsAre(StartsWith("grace: must not depend on")));
  EXPECT_THAT(complaints("exec", R"({"argv": ["a"], "idempotent": "${{ input }}"})"),
              ElementsAre(StartsWith("idempotent: must not depend on")));
}

TEST_F(ExecStep, ChecksWhatDependsOnTheCallWhenItIsCalled) {
  EXPECT_THAT(complaints("exec", R"({"argv": "${{ input }}", "env": {"A": "${{ input }}"}})"),
              IsEmpty());
  const auto no_list = run("exec", R"({"argv": "${{ input }}"})", 5);
  const auto empty = run("exec", R"({"argv": "${{ input }}"})", value::list());
  const auto no_text = run("exec", R"({"argv": ["echo", "${{ input }}"]})", 5);

  EXPECT_EQ(no_list.why->kind, failure_kind::permanent);
  EXPECT_EQ(no_list.feedback(), "`argv` must be a list, not integer");
  EXPECT_EQ(empty.feedback(), "`argv` must name a program");
  EXPECT_EQ(no_text.feedback(), "`argv.1` must be text, not integer");
}

TEST_F(ExecStep, TakesAllOfItsProgramFromTheInput) {
  EXPECT_EQ(run("exec", R"({"argv": "${{ input }}"})", value::list({"echo", "hi"})).output,
            value("hi"));
}

TEST_F(ExecStep, IsDoneTwiceOnlyWhereItSaysSo) {
  EXPECT_FALSE(definition("exec", R"({"argv": ["a"]})").idempotent);
  EXPECT_TRUE(definition("exec", R"({"argv": ["a"], "idempotent": true})").idempotent);
}

} // namespace
} // namespace troupe::testing
