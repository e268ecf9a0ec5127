#include "command_fixture.hpp"

#include <csignal>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Fails for an input of 3, takes as many seconds as its input says, and remembers.
constexpr auto timed = R"yaml(troupe: 1
name: timed
steps:
  wait: { uses: sleep, with: { for: "${{ string(input) + 's' }}" } }
  bad: { uses: fail, with: { kind: permanent, message: three } }
flow:
  - branch: "string(input)"
    cases: { "3": { step: bad } }
    default: { step: wait, policies: [ { cache: { ttl: 1h } } ] }
)yaml";

constexpr auto counted = R"(troupe: 1
name: counted
flow: { step: s, uses: test.script, with: { repeat: true,
        script: [ { ok: "${{ input }}", cost_usd: 0.5, tokens: 3 } ] } }
)";

class BatchCommand : public CommandTest {
protected:
  BatchCommand() {
    write("timed.yaml", timed);
    write("counted.yaml", counted);
  }
};

TEST_F(BatchCommand, WritesOutputsInTheOrderOfTheInputs) {
  write("in.jsonl", "5\n1\n3\n2");
  const auto result =
      troupe({"run", "timed.yaml", "--inputs", "in.jsonl", "--virtual-time", "--concurrency", "4"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "5\n1\nnull\n2\n");
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("in.jsonl:3: the run failed: permanent: three"),
                    HasSubstr("runs      4: 3 succeeded, 1 failed"), HasSubstr("errors 25.0 %")));
}

TEST_F(BatchCommand, WritesResultsAndThenTotalsAsJsonLines) {
  write("in.jsonl", "1\n2\n4\n2\n");
  const auto result =
      troupe({"run", "timed.yaml", "--inputs", "in.jsonl", "--virtual-time", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto lines = json_lines_of(result.out);
  ASSERT_THAT(lines, SizeIs(5));
  EXPECT_EQ(lines[2].at("output"), value(4));
  const auto totals = lines[4].at("totals");
  EXPECT_EQ(totals, json_of(R"({"runs":4,"succeeded":4,"failed":0,"cancelled":0,"p50_ms":1000.0,
      "p95_ms":4000.0,"p99_ms":4000.0,"cache_hit_rate":0.25,"fallback_rate":0.0,"error_rate":0.0,
      "retries":0,"cost_usd":0.0,"tokens":0})"));
  EXPECT_FALSE(lines[4].contains("scripts"));
}

TEST_F(BatchCommand, CountsScriptsOverAllRuns) {
  write("in.jsonl", "1\n2\n");
  const auto lines =
      json_lines_of(troupe({"run", "counted.yaml", "--inputs", "in.jsonl", "--json"}).out);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_FALSE(lines[0].contains("scripts"));
  EXPECT_EQ(lines[2].at("scripts").at("s"), json_of(R"({"calls":2,"inputs":[1,2]})"));
  EXPECT_EQ(lines[2].at("totals").at("cost_usd"), value(1.0));
  EXPECT_EQ(lines[2].at("totals").at("tokens"), value(6));
}

TEST_F(BatchCommand, LetsTheClockGoOnFromRunToRun) {
  write("two.yaml", "troupe: 1\nname: s\nflow: [ { step: w, uses: sleep, with: { for: 1s } }, "
                    "{ step: c, uses: value, with: { value: 1 }, policies: [ { cache: { ttl: "
                    "2500ms } } ] } ]\n");
  write("in.jsonl", "1\n1\n1\n1\n1\n");
  const auto lines = json_lines_of(
      troupe({"run", "two.yaml", "--inputs", "in.jsonl", "--json", "--virtual-time"}).out);
  ASSERT_THAT(lines, SizeIs(6));
  std::string hits;
  for (std::size_t run = 0; run < 5; ++run) {
    hits += lines[run].at("metrics").at("cache_hit") == value(true) ? 'h' : 'm';
  }
  EXPECT_EQ(hits, "mhhmh");
}

TEST_F(BatchCommand, StartsTheNextRunAtTheInstantWhenOneEnds) {
  write("gate.yaml", "troupe: 1\nname: g\nflow: [ { step: w, uses: sleep, with: { for: \"${{ "
                     "string(input) + 's' }}\" } }, { step: c, uses: value, with: { value: 1 }, "
                     "policies: [ { rate_limit: { rate: 1/s, burst: 1, max_wait: 0s } } ] } ]\n");
  write("in.jsonl", "4\n1\n2\n5\n");
  const auto result = troupe({"run", "gate.yaml", "--inputs", "in.jsonl", "--json",
                              "--virtual-time", "--concurrency", "2"});
  // They end after 4, 1, 3 and 8 seconds, so the rate limit turns none away.
  EXPECT_EQ(result.status, 0) << result.out;
}

TEST_F(BatchCommand, ChecksEveryLineBeforeAnyRunStarts) {
  write("in.jsonl", "1\n{\"a\":\n2\n\n  \n3\n");
  const auto result = troupe({"run", "counted.yaml", "--inputs", "in.jsonl"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(HasSubstr("in.jsonl:2: error: no JSON"),
                                HasSubstr("in.jsonl:4: error: the line is blank"),
                                HasSubstr("in.jsonl:5: error: the line is blank")));
}

TEST_F(BatchCommand, HasNothingToDoForAnEmptyFile) {
  write("in.jsonl", "");
  const auto result = troupe({"run", "counted.yaml", "--inputs", "in.jsonl", "--json"});
  EXPECT_EQ(result.status, 0);
  const auto lines = json_lines_of(result.out);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].at("totals").at("runs"), value(0));
  EXPECT_EQ(lines[0].at("totals").at("p99_ms"), value(0.0));
}

TEST_F(BatchCommand, ReadsTheLinesFromStandardInput) {
  const auto result = troupe({"run", "counted.yaml", "--inputs", "-", "-q"}, "\"a\"\r\n\"b\"\r\n");
  EXPECT_EQ(result.out, "\"a\"\n\"b\"\n");
  EXPECT_THAT(result.err, IsEmpty());
}

TEST_F(BatchCommand, RunsManyAtOnceInRealTime) {
  std::string lines;
  for (int number = 0; number < 200; ++number) lines += std::to_string(number) + '\n';
  const auto result =
      troupe({"run", "counted.yaml", "--inputs", "-", "--concurrency", "16", "-q"}, lines);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, lines);
}

TEST_F(BatchCommand, TellsResultsAsSoonAsTheOrderAllows) {
  write("mixed.yaml", "troupe: 1\nname: m\nflow: { branch: \"string(input)\", cases: { \"1\": { "
                      "step: hang, uses: test.script, with: { script: [ { hang: true } ] } } }, "
                      "default: { step: v, uses: value, with: { value: \"${{ input }}\" } } }\n");
  write("in.jsonl", "0\n1\n2\n");
  running_program program(
      command({"run", "mixed.yaml", "--inputs", "in.jsonl", "--concurrency", "3", "--json"}),
      here());
  ASSERT_TRUE(program.has_written("\n"));
  program.signal(SIGINT);
  const auto result = program.finish();
  EXPECT_EQ(result.status, 130) << result.err;
  const auto lines = json_lines_of(result.out);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0].at("status"), value("completed"));
  EXPECT_EQ(lines[1].at("status"), value("cancelled"));
  EXPECT_EQ(lines[2].at("status"), value("completed"));
  EXPECT_EQ(lines[3].at("totals").at("cancelled"), value(1));
}

TEST_F(BatchCommand, KeepsTheStateOfEveryPausedRun) {
  write("ask.yaml", "troupe: 1\nname: ask\nflow: { name: ok, pause: { prompt: \"ok?\" } }\n");
  write("in.jsonl", "1\n2\n");
  const auto result = troupe({"run", "ask.yaml", "--inputs", "in.jsonl", "--json"});
  EXPECT_EQ(result.status, 4) << result.err;
  const auto lines = json_lines_of(result.out);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[2].at("totals").at("succeeded"), value(0));
  EXPECT_EQ(lines[2].at("totals").at("failed"), value(0));
  for (std::size_t run = 0; run < 2; ++run) {
    const auto path = *lines[run].at("state_file").if_text();
    const auto next = troupe({"run", "ask.yaml", "--resume", path, "--answer", "yes"});
    EXPECT_EQ(next.out, "yes\n") << next.err;
  }
}

} // namespace
} // namespace troupe::testing
