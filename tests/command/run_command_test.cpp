#include "command_fixture.hpp"

#include <csignal>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr auto echo = R"(troupe: 1
name: echo
flow: { step: say, uses: value, with: { value: "${{ input }}" } }
)";

constexpr auto flaky = R"(troupe: 1
name: flaky
steps:
  ask:
    uses: test.script
    with: { script: [ { transient: no, cost_usd: 0.25, tokens: 5 }, { ok: yes, set: { k: 1 } } ] }
    policies: [ { retry: { max_retries: 2, initial_delay: 10s } } ]
flow: [ { step: first, uses: value, with: { value: 1 } }, { step: ask } ]
)";

class RunCommand : public CommandTest {
protected:
  RunCommand() {
    write("echo.yaml", echo);
    write("flaky.yaml", flaky);
    write("broken.yaml", "troupe: 1\nname: broken\nflow: { step: bad, uses: fail, with: "
                         "{ kind: permanent, message: \"it is\\nbroken\" } }\n");
  }
};

TEST_F(RunCommand, WritesATextAsItIsAndNothingElseToItsOutput) {
  const auto result = troupe({"run", "echo.yaml", "--input", R"("hello")"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "hello\n");
  EXPECT_THAT(result.err, StartsWith("completed in "));
}

TEST_F(RunCommand, WritesAnyOtherOutputAsOneLineOfJson) {
  const auto result = troupe({"run", "echo.yaml", "--input", R"({"b": [1, 2.5, null], "a": "x"})"});
  EXPECT_EQ(result.out, "{\"a\":\"x\",\"b\":[1,2.5,null]}\n");
}

TEST_F(RunCommand, TakesTheInputFromAFileOrFromStandardInput) {
  write("input.json", "[1,2]");
  EXPECT_EQ(troupe({"run", "echo.yaml", "--input", "@input.json"}).out, "[1,2]\n");
  EXPECT_EQ(troupe({"run", "echo.yaml", "--input", "-"}, "{\"x\": 1}\n").out, "{\"x\":1}\n");
  EXPECT_EQ(troupe({"run", "echo.yaml", "--input=[3]"}).out, "[3]\n");
  EXPECT_EQ(troupe({"run", "echo.yaml", "--input", "-5"}).out, "-5\n");
}

TEST_F(RunCommand, TakesTheWorkflowFromStandardInput) {
  EXPECT_EQ(troupe({"run", "-", "--input", "7"}, echo).out, "7\n");
}

TEST_F(RunCommand, TakesTheInputOfTheFileOrNullWithoutOne) {
  EXPECT_EQ(troupe({"run", "echo.yaml"}).out, "null\n");
  write("own.yaml", std::string(echo) + "input: { from: file }\n");
  EXPECT_EQ(troupe({"run", "own.yaml"}).out, "{\"from\":\"file\"}\n");
}

TEST_F(RunCommand, ShowsHowToQuoteATextThatIsNoJson) {
  const auto result = troupe({"run", "echo.yaml", "--input", "hello"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err,
              AllOf(StartsWith("troupe: --input: is no JSON"), HasSubstr(R"(--input '"hello"')")));
}

TEST_F(RunCommand, WritesTheWholeResultAsOneJsonObject) {
  const auto result = troupe({"run", "flaky.yaml", "--json", "--virtual-time"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto all = json_of(result.out);
  EXPECT_EQ(all.at("name"), value("flaky"));
  EXPECT_EQ(all.at("status"), value("completed"));
  EXPECT_EQ(all.at("success"), value(true));
  EXPECT_EQ(all.at("output"), value("yes"));
  EXPECT_TRUE(all.at("failure").is_null());
  EXPECT_DOUBLE_EQ(all.at("total_cost_usd").to_double(), 0.25);
  EXPECT_EQ(all.at("total_tokens"), value(5));
  EXPECT_DOUBLE_EQ(all.at("latency_ms").to_double(), 10'000);
  EXPECT_EQ(all.at("final_context").at("k"), value(1));
  EXPECT_EQ(all.at("step_history").size(), 2U);
  EXPECT_EQ(all.at("step_history").at(1).at("attempts"), value(2));
  EXPECT_EQ(all.at("metrics").at("retry_count"), value(1));
  EXPECT_EQ(all.at("scripts").at("ask").at("calls"), value(2));
}

TEST_F(RunCommand, LeavesOutScriptsOfAFileWithoutAny) {
  const auto result = troupe({"run", "echo.yaml", "--json"});
  EXPECT_FALSE(json_of(result.out).contains("scripts"));
}

TEST_F(RunCommand, GivesTheSameRunForTheSameSeed) {
  const auto once = [&](const std::string& seed) {
    return troupe({"run", "flaky.yaml", "--json", "--virtual-time", "--seed", seed}).out;
  };
  EXPECT_EQ(once("7"), once("7"));
  EXPECT_EQ(once("0"), once("0"));
  EXPECT_NE(once("0"), once("7"));
}

TEST_F(RunCommand, MergesTheContextPerKey) {
  write("context.yaml", "troupe: 1\nname: c\ncontext: { a: 1, b: { x: 1 }, c: 1 }\n"
                        "flow: { step: s, uses: value, with: { value: \"${{ context }}\" } }\n");
  const auto result = troupe({"run", "context.yaml", "--context", R"({"b": {"y": 2}, "d": 4})",
                              "--set", "c=[1]", "--set", "e=plain text", "--set", "f=a=b"});
  EXPECT_EQ(result.out, "{\"a\":1,\"b\":{\"y\":2},\"c\":[1],\"d\":4,\"e\":\"plain "
                        "text\",\"f\":\"a=b\"}\n")
      << result.err;
}

TEST_F(RunCommand, PassesTheCorrelationIdOn) {
  const auto result = troupe({"run", "echo.yaml", "--json", "--correlation-id", "order-17"});
  EXPECT_EQ(json_of(result.out).at("correlation_id"), value("order-17"));
}

TEST_F(RunCommand, ExplainsAFailureAndWhatToDoNext) {
  const auto result = troupe({"run", "broken.yaml", "--input", R"({"q": "it's"})"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("✗ bad failed at step 1 of 1: permanent"),
                    HasSubstr("it is\n  broken"), HasSubstr("after 1 attempt"), HasSubstr("next: "),
                    HasSubstr(R"(run broken.yaml --input '{"q": "it'\''s"}')"),
                    HasSubstr("failed in ")));
}

TEST_F(RunCommand, RepeatsInTheCommandWhatCameThroughStandardInput) {
  const auto result = troupe({"run", "broken.yaml", "--input", "-"}, R"({"q": 1})");
  EXPECT_THAT(result.err, HasSubstr(R"(run broken.yaml --input '{"q":1}')"));
}

TEST_F(RunCommand, WritesTheResultOfAFailedRunToo) {
  const auto result = troupe({"run", "broken.yaml", "--json"});
  EXPECT_EQ(result.status, 1);
  const auto all = json_of(result.out);
  EXPECT_EQ(all.at("success"), value(false));
  EXPECT_EQ(all.at("failure").at("kind"), value("permanent"));
}

TEST_F(RunCommand, SaysNothingBesidesTheOutputWhenQuiet) {
  const auto result = troupe({"run", "echo.yaml", "--quiet", "--input", "1"});
  EXPECT_EQ(result.out, "1\n");
  EXPECT_THAT(result.err, IsEmpty());
}

TEST_F(RunCommand, ShowsWarningsAsPlainLines) {
  write("degraded.yaml",
        "troupe: 1\nname: d\nflow:\n  step: p\n  uses: fail\n"
        "  with: { kind: permanent, message: \"down \\e[31m\" }\n"
        "  policies: [ { fallback: [ { step: q, uses: value, with: { value: 2 } } ] } ]\n");
  const auto result = troupe({"run", "degraded.yaml"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("troupe: warning: p: failed, falling back to q: down"),
                                HasSubstr("fallback used"), Not(HasSubstr("\x1b"))));
}

TEST_F(RunCommand, SpeaksOfEveryErrorOfABadFile) {
  write("bad.yaml", "troupe: 1\nname: bad\nflow: { step: s, uses: valeu }\nstepz: {}\n");
  const auto result = troupe({"run", "bad.yaml"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(HasSubstr("bad.yaml:3:"), HasSubstr("bad.yaml:4:")));
}

TEST_F(RunCommand, EndsARunInWhichNothingCanEverHappen) {
  write("hang.yaml", "troupe: 1\nname: h\nflow: { step: waits, uses: test.script, with: { script: "
                     "[ { hang: true } ] } }\n");
  const auto result = troupe({"run", "hang.yaml", "--virtual-time"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("waits"));
}

TEST_F(RunCommand, RunsTheSameWithoutFusedStages) {
  const auto result = troupe({"run", "flaky.yaml", "--json", "--virtual-time", "--unfused"});
  EXPECT_EQ(json_of(result.out).at("output"), value("yes"));
}

TEST_F(RunCommand, EndsLikeAnyProgramWhoseOutputNobodyReads) {
  write("big.json", '"' + std::string(4'000'000, 'x') + '"');
  running_program program(command({"run", "echo.yaml", "--input", "@big.json"}), here());
  program.close_output();
  const auto result = program.finish();
  EXPECT_EQ(result.status, 128 + SIGPIPE);
  EXPECT_THAT(result.err, IsEmpty());
}

class RunCommandRefuses
    : public RunCommand,
      public ::testing::WithParamInterface<std::pair<std::vector<std::string>, std::string>> {};

TEST_P(RunCommandRefuses, WhatMakesNoSense) {
  auto [words, complaint] = GetParam();
  words.insert(words.begin(), {"run", "echo.yaml"});
  const auto result = troupe(words);
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(StartsWith("troupe: "), HasSubstr(complaint), EndsWith("\n")));
}

using refusal = std::pair<std::vector<std::string>, std::string>;
INSTANTIATE_TEST_SUITE_P(
    Options, RunCommandRefuses,
    ::testing::Values(
        refusal{{"--seed", "-1"}, "--seed: must be a whole number"},
        refusal{{"--seed", "1.5"}, "--seed: must be a whole number"},
        refusal{{"--seed", "99999999999999999999999"}, "--seed: must be a whole number"},
        refusal{{"--seed", ""}, "--seed: must be a whole number"},
        refusal{{"--concurrency", "2"}, "--concurrency: is for --inputs"},
        refusal{{"--inputs", "x.jsonl", "--concurrency", "0"}, "--concurrency: must be"},
        refusal{{"--inputs", "none.jsonl"}, "cannot read none.jsonl"},
        refusal{{"--inputs", "x", "--input", "1"}, "--inputs: cannot be combined with --input"},
        refusal{{"--context", "[1]"}, "--context: must be a JSON object, not list"},
        refusal{{"--context", "{"}, "--context: is no JSON"},
        refusal{{"--set", "novalue"}, "--set: must be KEY=VALUE"},
        refusal{{"--set", "=1"}, "--set: must be KEY=VALUE"},
        refusal{{"--answer", "1"}, "--answer: is for --resume"},
        refusal{{"--input", "@none.json"}, "--input: cannot read none.json"},
        refusal{{"--input"}, "run: --input"},
        refusal{{"--jsn"}, "there is no option --jsn; did you mean --json?"},
        refusal{{"--cluster", "x"}, "http:// or https:// is missing"},
        refusal{{"another.yaml"}, "another.yaml"},
        refusal{{"--resume", "none.json"}, "--resume: cannot read none.json"},
        refusal{{"--input", "-", "--context", "-"}, "standard input can be read once"}));

} // namespace
} // namespace troupe::testing
