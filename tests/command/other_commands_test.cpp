#include "command_fixture.hpp"

#include <cctype>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr auto good = R"(troupe: 1
name: good
flow: [ { step: a, uses: value, with: { value: 1 } }, { step: b, uses: value, with: { value: 2 } } ]
)";

constexpr const char* all_commands[] = {
    "run",    "validate", "graph", "types",  "submit", "list",   "show",      "why",
    "cancel", "resume",   "retry", "events", "nodes",  "drain",  "breakers",  "caches",
    "top",    "up",       "node",  "config", "certs",  "health", "completion"};

class OtherCommands : public CommandTest {
protected:
  OtherCommands() {
    write("good.yaml", good);
    write("bad.yaml", "troupe: 1\nname: bad\nflow: { step: s, uses: valeu }\n");
  }

  program_result run(const std::string& name, const std::vector<std::string>& words) const {
    auto argv = words;
    argv.insert(argv.begin(), name);
    auto options = here();
    return run_program(argv, std::move(options));
  }
};

TEST_F(OtherCommands, ShowHelpAndTheVersion) {
  EXPECT_THAT(troupe({"--version"}).out, StartsWith("troupe "));
  for (const auto* each : all_commands) {
    const auto result = troupe({each, "--help"});
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.out, AllOf(HasSubstr(std::string("Usage: troupe ") + each),
                                  HasSubstr("Examples:\n  troupe ")));
    EXPECT_THAT(result.err, IsEmpty());
    EXPECT_THAT(troupe({"--help"}).out, HasSubstr(each));
  }
}

TEST_F(OtherCommands, ShowTheHelpToWhoSaysNothing) {
  const auto result = troupe({});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, HasSubstr("Usage: troupe"));
}

TEST_F(OtherCommands, NameTheNearestOfWhatThereIs) {
  const auto complaint = [&](const std::vector<std::string>& words) {
    const auto result = troupe(words);
    EXPECT_EQ(result.status, 2);
    return result.err;
  };
  EXPECT_THAT(complaint({"vaildate", "x"}),
              HasSubstr("no command vaildate; did you mean validate?"));
  EXPECT_THAT(complaint({"zzz"}), HasSubstr("no command zzz\n"));
  EXPECT_THAT(complaint({"--verson"}), HasSubstr("did you mean --version?"));
  EXPECT_THAT(complaint({"graph", "good.yaml", "--format", "mermiad"}),
              HasSubstr("did you mean mermaid?"));
  EXPECT_THAT(complaint({"completion", "tcsh"}), HasSubstr("must be one of bash, zsh, fish"));
  EXPECT_THAT(complaint({"types", "http.reqest"}), HasSubstr("did you mean http.request?"));
  EXPECT_THAT(complaint({"run"}), HasSubstr("FILE is missing"));
}

TEST_F(OtherCommands, SayOkForAGoodFileAndAllErrorsOfABadOne) {
  const auto result = troupe({"validate", "good.yaml", "bad.yaml", "none.yaml"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "good.yaml: ok\n");
  EXPECT_THAT(result.err, AllOf(HasSubstr("bad.yaml:3:"), HasSubstr("none.yaml:1:1: error:")));
  EXPECT_EQ(troupe({"validate", "good.yaml"}).status, 0);
  EXPECT_EQ(troupe({"validate", "-"}, good).out, "-: ok\n");
}

TEST_F(OtherCommands, GiveVerdictsAsJson) {
  const auto list = json_of(troupe({"validate", "--json", "good.yaml", "bad.yaml"}).out);
  EXPECT_EQ(list.at(0).at("file"), value("good.yaml"));
  EXPECT_EQ(list.at(0).at("ok"), value(true));
  EXPECT_EQ(list.at(1).at("ok"), value(false));
  EXPECT_EQ(list.at(1).at("errors"), value(1));
}

TEST_F(OtherCommands, DrawAWorkflowInEveryForm) {
  EXPECT_THAT(troupe({"graph", "good.yaml"}).out, StartsWith("flowchart"));
  EXPECT_THAT(troupe({"graph", "good.yaml", "--format", "dot"}).out, StartsWith("digraph"));
  EXPECT_THAT(troupe({"graph", "good.yaml", "--format", "text"}).out, HasSubstr("a"));
  const auto svg = troupe({"graph", "good.yaml", "--format", "svg"});
  EXPECT_EQ(svg.status, 0) << svg.err;
  EXPECT_THAT(svg.out, HasSubstr("<svg"));
  EXPECT_EQ(troupe({"graph", "bad.yaml"}).status, 2);
}

TEST_F(OtherCommands, DrawIntoAFile) {
  const auto result = troupe({"graph", "good.yaml", "--format", "dot", "-o", "out.dot"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(read("out.dot"), StartsWith("digraph"));
  EXPECT_EQ(troupe({"graph", "good.yaml", "-o", "no/such/file"}).status, 2);
}

TEST_F(OtherCommands, SayWhenGraphvizIsNotThere) {
  auto options = here();
  options.environment.insert_or_assign("PATH", folder);
  const auto result =
      run_program(command({"graph", "good.yaml", "--format", "svg"}), std::move(options));
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("Graphviz"));
}

TEST_F(OtherCommands, ListStepTypesAndTheirFields) {
  const auto result = troupe({"types"});
  for (const auto* each :
       {"exec", "fail", "http.request", "llm.chat", "sleep", "test.script", "value"}) {
    EXPECT_THAT(result.out, HasSubstr(each));
  }
  const auto one = json_of(troupe({"types", "sleep", "--json"}).out);
  ASSERT_THAT(*one.if_list(), SizeIs(1));
  EXPECT_EQ(one.at(0).at("type"), value("sleep"));
  EXPECT_EQ(one.at(0).at("fields").at(0).at("name"), value("for"));
}

TEST_F(OtherCommands, CompleteTheCommandLineInBash) {
  write("completion", troupe({"completion", "bash"}).out);
  const auto complete = [&](const std::string& words) {
    return run("bash", {"-c", "source completion; COMP_WORDS=(" + words
                                  + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _troupe; echo "
                                    "\"${COMPREPLY[@]}\""})
        .out;
  };
  EXPECT_EQ(run("bash", {"-n", "completion"}).status, 0);
  EXPECT_EQ(complete("troupe va"), "validate\n");
  EXPECT_EQ(complete("troupe run --vir"), "--virtual-time\n");
  EXPECT_EQ(complete("troupe graph --format sv"), "svg\n");
  EXPECT_EQ(complete("troupe completion z"), "zsh\n");
  EXPECT_EQ(complete("troupe run goo"), "good.yaml\n");
  EXPECT_EQ(complete("troupe run --inputs goo"), "good.yaml\n");
  EXPECT_EQ(complete("troupe run --unf"), "\n");
  EXPECT_EQ(complete("troupe brea"), "breakers\n");
  EXPECT_EQ(complete("troupe list --status pau"), "paused\n");
  EXPECT_EQ(complete("troupe submit goo"), "good.yaml\n");
}

TEST_F(OtherCommands, CompleteTheCommandLineInZshAndFish) {
  write("_troupe", troupe({"completion", "zsh"}).out);
  write("troupe.fish", troupe({"completion", "fish"}).out);
  const auto zsh = run("zsh", {"-n", "_troupe"});
  EXPECT_EQ(zsh.status, 0) << zsh.err;
  const auto loaded =
      run("zsh", {"-f", "-c",
                  "autoload -U compinit; compinit -D -u; source ./_troupe; print -r -- "
                  "$_comps[troupe]"});
  EXPECT_EQ(loaded.out, "_troupe\n") << loaded.err;
  const auto fish = run("fish", {"-n", "troupe.fish"});
  EXPECT_EQ(fish.status, 0) << fish.err;
  const auto offered = run("fish", {"--no-config", "-c",
                                    "source troupe.fish; complete -C 'troupe graph --format s'; "
                                    "complete -C 'troupe val'; complete -C 'troupe run --vir'"});
  EXPECT_THAT(offered.out, AllOf(HasSubstr("svg"), HasSubstr("validate"),
                                 HasSubstr("--virtual-time"), Not(HasSubstr("--unfused"))))
      << offered.err;
}

TEST_F(OtherCommands, AreAllInTheManual) {
  const auto formatted =
      run("man", {"--warnings", "--no-hyphenation", "-P", "cat", "-l", TROUPE_MANUAL});
  EXPECT_EQ(formatted.status, 0);
  EXPECT_THAT(formatted.err, IsEmpty());
  std::string plain;
  for (std::size_t at = 0; at < formatted.out.size(); ++at) {
    if (formatted.out[at] == '\b') plain.pop_back();
    else plain += formatted.out[at];
  }
  std::size_t seen = 0;
  for (const auto* each : all_commands) {
    EXPECT_THAT(plain, HasSubstr(std::string("troupe ") + each));
    std::istringstream help(troupe({each, "--help"}).out);
    for (std::string word; help >> word;) {
      if (!word.starts_with("--") || word.size() < 4 || word.find("…") != std::string::npos)
        continue;
      EXPECT_THAT(plain, HasSubstr(word));
      ++seen;
    }
  }
  EXPECT_GT(seen, 15U);
}

} // namespace
} // namespace troupe::testing
