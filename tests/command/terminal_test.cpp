#include "command_fixture.hpp"

#include <poll.h>
#include <sys/stat.h>

#include <chrono>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// The program on a terminal, as a person sees it.
class Terminal : public CommandTest {
protected:
  ~Terminal() override { tmux({"kill-server"}); }

  program_result tmux(std::vector<std::string> words) const {
    words.insert(words.begin(), {"tmux", "-f", "/dev/null", "-S", folder + "/socket"});
    auto options = here();
    options.environment.emplace("TMUX", std::nullopt);
    options.environment.emplace("LC_ALL", "C.UTF-8");
    return run_program(words, std::move(options));
  }

  void type(const std::string& keys) const { tmux({"send-keys", "-l", keys}); }
  void press(const std::string& key) const { tmux({"send-keys", key}); }

  void open(const std::string& words) const {
    write("start.sh", "trap : INT\ncd " + folder + "\nclear\n" TROUPE_PROGRAM " " + words
                          + "\necho \"exit $?.\"\ncat\n");
    const auto started =
        tmux({"new-session", "-d", "-x", "80", "-y", "12", "sh " + folder + "/start.sh"});
    ASSERT_EQ(started.status, 0) << started.err;
  }

  [[nodiscard]] std::string screen() const { return tmux({"capture-pane", "-p"}).out; }

  /// The screen once it shows the text, or as it is when a long time has passed.
  [[nodiscard]] std::string screen_with(const std::string& text) const {
    const auto limit = std::chrono::steady_clock::now() + 40s;
    auto seen = screen();
    while (seen.find(text) == std::string::npos && std::chrono::steady_clock::now() < limit) {
      (void)poll(nullptr, 0, 20);
      seen = screen();
    }
    EXPECT_THAT(seen, HasSubstr(text)) << "waited for it in vain";
    return seen;
  }
};

TEST_F(Terminal, ShowsTheRunAsATreeThatIsRedrawnInPlace) {
  mkfifo((folder + "/gate").c_str(), 0600);
  write("w.yaml",
        "troupe: 1\nname: answer\nflow:\n  - { step: first, uses: value, with: { value: 1 "
        "} }\n  - { step: second, uses: exec, with: { argv: [cat, gate], output: text } "
        "}\n  - { step: third, uses: value, with: { value: finished } }\n");
  open("run w.yaml");
  const auto during = screen_with("second  ");
  EXPECT_THAT(during, AllOf(HasSubstr("answer"), HasSubstr("✓ first"), HasSubstr("· third")));
  write("gate", "go\n");
  const auto after = screen_with("exit 0.");
  EXPECT_THAT(after, AllOf(HasSubstr("✓ answer"), HasSubstr("✓ second"), HasSubstr("✓ third"),
                           HasSubstr("finished\n"), HasSubstr("completed in ")));
  EXPECT_EQ(after.find("first"), after.rfind("first")) << "drawn twice:\n" << after;
  EXPECT_EQ(tmux({"display-message", "-p", "#{cursor_flag}"}).out, "1\n");
}

TEST_F(Terminal, ShowsTheCursorAgainAfterACancel) {
  write("w.yaml", "troupe: 1\nname: h\nflow: { step: waits, uses: test.script, with: { script: [ { "
                  "hang: true } ] } }\n");
  open("run w.yaml");
  EXPECT_THAT(screen_with("waits  "), HasSubstr("waits"));
  EXPECT_EQ(tmux({"display-message", "-p", "#{cursor_flag}"}).out, "0\n");
  press("C-c");
  EXPECT_THAT(screen_with("exit 130."),
              AllOf(HasSubstr("⊘ waits"), HasSubstr("cancelled in "), HasSubstr("exit 130.")));
  EXPECT_EQ(tmux({"display-message", "-p", "#{cursor_flag}"}).out, "1\n");
}

TEST_F(Terminal, AsksAPersonAndAsksAgain) {
  write("w.yaml", "troupe: 1\nname: ask\nflow:\n  - { name: ok, pause: { prompt: \"Really?\", "
                  "choices: [\"yes\", \"no\"] } }\n  - { step: tell, uses: value, with: { value: "
                  "\"said ${{ input }}\" } }\n");
  open("run w.yaml");
  EXPECT_THAT(screen_with("\n>"), AllOf(HasSubstr("ok asks: Really?"), HasSubstr("yes, no")));
  press("Enter");
  type("maybe");
  press("Enter");
  EXPECT_THAT(screen_with("one of"), Not(HasSubstr("exit")));
  type("yes");
  press("Enter");
  EXPECT_THAT(screen_with("exit 0."), HasSubstr("said yes"));
}

TEST_F(Terminal, LeavesARunPausedThatNobodyAnswers) {
  write("w.yaml", "troupe: 1\nname: ask\nflow: { name: ok, pause: { prompt: \"Really?\" } }\n");
  open("run w.yaml");
  EXPECT_THAT(screen_with("\n>"), HasSubstr("Really?"));
  press("C-d");
  EXPECT_THAT(screen_with("exit 4."), HasSubstr("--resume"));
}

TEST_F(Terminal, ShowsABarAboveWhichResultsAppear) {
  mkfifo((folder + "/gate").c_str(), 0600);
  write("w.yaml",
        "troupe: 1\nname: m\nflow: { branch: \"string(input)\", cases: { \"2\": { step: w, "
        "uses: exec, with: { argv: [cat, gate], output: text } } }, default: { step: v, "
        "uses: value, with: { value: \"${{ input }}\" } } }\n");
  write("in.jsonl", "101\n2\n103\n");
  open("run w.yaml --inputs in.jsonl");
  const auto during = screen_with("1/3");
  EXPECT_THAT(during, AllOf(HasSubstr("101\n"), HasSubstr("[######…")));
  write("gate", "go\n");
  EXPECT_THAT(screen_with("exit 0."),
              AllOf(HasSubstr("3/3  100 %"), HasSubstr("103\n"), HasSubstr("runs      3: 3")));
}

} // namespace
} // namespace troupe::testing
