#include "command_fixture.hpp"

#include <sys/stat.h>

#include <csignal>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Interrupts : public CommandTest {
protected:
  Interrupts() {
    mkfifo((folder + "/started").c_str(), 0600);
    write("stubborn.sh", "trap '' TERM\necho at work > started\nsleep 60\nsleep 60\n");
  }

  /// Waits until a program of a step has written into the pipe `started`.
  void wait_for_start() const {
    std::ifstream door(folder + "/started");
    std::string line;
    std::getline(door, line);
    ASSERT_EQ(line, "at work");
  }
};

TEST_F(Interrupts, EndTheRunAsCancelledAndTellItsResult) {
  // The second step is reached when the warning about the first one's stand-in is out.
  write("hang.yaml",
        "troupe: 1\nname: h\nflow:\n  - step: first\n    uses: fail\n    with: { kind: "
        "permanent, message: no }\n    policies: [ { fallback: [ { step: second, "
        "uses: value, with: { value: 1 } } ] } ]\n  - { step: waits, uses: "
        "test.script, with: { script: [ { hang: true } ] } }\n");
  for (const int number : {SIGINT, SIGTERM}) {
    running_program program(command({"run", "hang.yaml", "--json"}), here());
    ASSERT_TRUE(program.has_complained("falling back to second"));
    program.signal(number);
    const auto result = program.finish();
    EXPECT_EQ(result.status, 130) << result.err;
    const auto all = json_of(result.out);
    EXPECT_EQ(all.at("status"), value("cancelled"));
    EXPECT_TRUE(all.at("output").is_null());
    EXPECT_THAT(result.err, AllOf(HasSubstr("cancelling"), HasSubstr("cancelled in ")));
  }
}

TEST_F(Interrupts, EndInTimeAlthoughAStepIgnoresThem) {
  write("program.yaml",
        "troupe: 1\nname: p\nflow:\n  - { step: first, uses: value, with: { value: "
        "1 } }\n  - { step: work, uses: exec, with: { argv: [sh, stubborn.sh] } }\n");
  for (const auto& mode : std::vector<std::vector<std::string>>{{}, {"--virtual-time"}}) {
    auto words = command({"run", "program.yaml", "--json"});
    words.insert(words.end(), mode.begin(), mode.end());
    running_program program(words, here());
    wait_for_start();
    const auto asked = std::chrono::steady_clock::now();
    program.signal(SIGINT);
    const auto result = program.finish();
    EXPECT_LT(std::chrono::steady_clock::now() - asked, 2s + 500ms);
    EXPECT_EQ(result.status, 130);
    EXPECT_THAT(result.err, AllOf(HasSubstr("abandoned"), HasSubstr("work")));
    const auto all = json_of(result.out);
    EXPECT_EQ(all.at("status"), value("cancelled"));
    EXPECT_EQ(all.at("step_history").at(0).at("name"), value("first"));
    EXPECT_EQ(all.at("step_history").at(0).at("success"), value(true));
  }
}

TEST_F(Interrupts, CancelARunUnderVirtualTimeWhileAProgramKeepsTheClock) {
  write("program.yaml",
        "troupe: 1\nname: p\nflow: { step: work, uses: exec, with: { argv: [sh, -c, "
        "\"echo at work > started; exec sleep 60\"] } }\n");
  running_program program(command({"run", "program.yaml", "--json", "--virtual-time"}), here());
  wait_for_start();
  program.signal(SIGINT);
  const auto result = program.finish();
  EXPECT_EQ(result.status, 130);
  EXPECT_EQ(json_of(result.out).at("status"), value("cancelled"));
}

TEST_F(Interrupts, EndAtOnceTheSecondTime) {
  write("program.yaml", "troupe: 1\nname: p\nflow: { step: work, uses: exec, with: { argv: [sh, "
                        "stubborn.sh] } }\n");
  running_program program(command({"run", "program.yaml"}), here());
  wait_for_start();
  program.signal(SIGINT);
  ASSERT_TRUE(program.has_complained("cancelling"));
  const auto asked = std::chrono::steady_clock::now();
  program.signal(SIGINT);
  const auto result = program.finish();
  EXPECT_EQ(result.status, 130);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 1s);
}

TEST_F(Interrupts, OfABatchTellWhatWasBegunAndTheTotals) {
  write("mixed.yaml",
        "troupe: 1\nname: m\nflow: { branch: \"string(input)\", cases: { \"1\": { "
        "step: work, uses: exec, with: { argv: [sh, stubborn.sh] } } }, default: { step: "
        "v, uses: value, with: { value: \"${{ input }}\" } } }\n");
  write("in.jsonl", "0\n1\n2\n");
  running_program program(command({"run", "mixed.yaml", "--inputs", "in.jsonl", "--json"}), here());
  wait_for_start();
  program.signal(SIGINT);
  const auto result = program.finish();
  EXPECT_EQ(result.status, 130);
  const auto lines = json_lines_of(result.out);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0].at("output"), value(0));
  EXPECT_EQ(lines[1].at("status"), value("cancelled"));
  EXPECT_EQ(lines[2].at("totals").at("runs"), value(2));
  EXPECT_EQ(lines[2].at("totals").at("cancelled"), value(1));
}

} // namespace
} // namespace troupe::testing
