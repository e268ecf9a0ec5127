#include "command_fixture.hpp"

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr auto release = R"(troupe: 1
name: release
flow:
  - { step: build, uses: test.script, with: { script: [ { ok: built, cost_usd: 0.1 } ] } }
  - { name: approve, pause: { prompt: "Release ${{ input }}?", choices: ["yes", "no"] } }
  - { step: tell, uses: value, with: { value: "answer ${{ input }}" } }
)";

class PauseCommand : public CommandTest {
protected:
  PauseCommand() { write("release.yaml", release); }

  [[nodiscard]] std::string paused_file() const {
    troupe({"run", "release.yaml", "--state", "state.json"});
    return "state.json";
  }
};

TEST_F(PauseCommand, WritesTheStateAndSaysHowToGoOn) {
  const auto result = troupe({"run", "release.yaml"});
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(HasSubstr("approve asks: Release built?"),
                                HasSubstr("troupe run release.yaml --resume release-"),
                                HasSubstr("--answer JSON"), HasSubstr("paused in ")));
  EXPECT_THAT(files(), Contains(AllOf(StartsWith("release-"), EndsWith(".paused.json"))));
}

TEST_F(PauseCommand, GoesOnFromTheState) {
  const auto file = paused_file();
  const auto before = read(file);
  const auto result =
      troupe({"run", "release.yaml", "--resume", file, "--answer", R"("yes")", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto all = json_of(result.out);
  EXPECT_EQ(all.at("output"), value("answer yes"));
  EXPECT_EQ(all.at("run_id"), json_of(before).at("run_id"));
  EXPECT_DOUBLE_EQ(all.at("total_cost_usd").to_double(), 0.1);
  EXPECT_EQ(all.at("scripts").at("build").at("calls"), value(0));
  EXPECT_EQ(read(file), before);
}

TEST_F(PauseCommand, GoesOnFromASavedResult) {
  const auto paused = troupe({"run", "release.yaml", "--json"});
  EXPECT_EQ(paused.status, 4);
  const auto all = json_of(paused.out);
  EXPECT_EQ(all.at("status"), value("paused"));
  EXPECT_EQ(all.at("success"), value(false));
  EXPECT_EQ(all.at("pause").at("prompt"), value("Release built?"));
  EXPECT_THAT(files(), Contains(*all.at("state_file").if_text()));
  write("result.json", paused.out);
  EXPECT_EQ(troupe({"run", "release.yaml", "--resume", "result.json", "--answer", "no"}).out,
            "answer no\n");
  EXPECT_EQ(troupe({"run", "release.yaml", "--resume", "result.json", "--input", R"("no")"}).out,
            "answer no\n");
}

TEST_F(PauseCommand, RefusesAnAnswerThatDoesNotFit) {
  const auto file = paused_file();
  const auto before = read(file);
  const auto result = troupe({"run", "release.yaml", "--resume", file, "--answer", "maybe"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("Release built?"));
  EXPECT_EQ(read(file), before);
}

TEST_F(PauseCommand, SaysThatAnAnswerIsMissing) {
  const auto result = troupe({"run", "release.yaml", "--resume", paused_file()});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("is missing"), HasSubstr("--answer")));
}

TEST_F(PauseCommand, RefusesTheStateOfAnotherWorkflow) {
  const auto file = paused_file();
  write("other.yaml", "troupe: 1\nname: other\nflow: { pause: { prompt: \"?\" } }\n");
  const auto result = troupe({"run", "other.yaml", "--resume", file, "--answer", "yes"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("another version"));
}

TEST_F(PauseCommand, RefusesARunThatIsNotPaused) {
  const auto file = paused_file();
  const auto done = troupe({"run", "release.yaml", "--resume", file, "--answer", "yes", "--json"});
  write("done.json", done.out);
  const auto result = troupe({"run", "release.yaml", "--resume", "done.json", "--answer", "yes"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("is not paused: its status is completed"));
}

TEST_F(PauseCommand, RefusesAnythingElseAsAState) {
  for (const auto* text : {"", "{", "[]", "{}", R"({"version": 1})", R"({"status": "paused"})"}) {
    write("bad.json", text);
    const auto result = troupe({"run", "release.yaml", "--resume", "bad.json", "--answer", "1"});
    EXPECT_EQ(result.status, 2) << text;
    EXPECT_THAT(result.err, StartsWith("troupe: --resume: bad.json")) << text;
  }
}

TEST_F(PauseCommand, TellsWhenTheStateCannotBeWritten) {
  const auto result = troupe({"run", "release.yaml", "--state", "no/such/folder/state.json"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("is not saved: cannot write no/such/folder/state.json"));
}

TEST_F(PauseCommand, LeavesNothingButTheStateBehind) {
  (void)paused_file();
  EXPECT_THAT(files(), SizeIs(2));
}

} // namespace
} // namespace troupe::testing
