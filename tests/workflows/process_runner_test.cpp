#include "process_runner.hpp"

#include <troupe/workflows/process_spawn.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// Whether a process is no more, or at most waits to be reaped.
bool is_gone(const std::string& id) {
  std::ifstream status("/proc/" + id + "/stat");
  std::string text;
  if (!std::getline(status, text)) return true;
  return text.at(text.rfind(')') + 2) == 'Z';
}

bool becomes_gone(const std::string& id) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (!is_gone(id) && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  return is_gone(id);
}

/// Real programs, run in a folder of their own.
class ProcessRunner : public ::testing::Test {
protected:
  ProcessRunner() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-XXXXXX").string();
    folder = mkdtemp(name.data());
    mkfifo(path("door").c_str(), 0600);
  }
  ~ProcessRunner() override { std::filesystem::remove_all(folder); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder + '/' + name; }

  /// What a script has written into the pipe `door`; waits for it.
  [[nodiscard]] std::string told() const {
    std::ifstream door(path("door"));
    std::string line;
    std::getline(door, line);
    return line;
  }

  [[nodiscard]] process_call script(const std::string& text) const {
    process_call call{{"/bin/sh", "-c", text}};
    call.directory = folder;
    return call;
  }

  std::future<outcome<process_reply>> start(process_call call) {
    auto answer = std::make_shared<std::promise<outcome<process_reply>>>();
    auto result = answer->get_future();
    stop = runner->start(std::move(call), [answer](outcome<process_reply> reply) {
      answer->set_value(std::move(reply));
    });
    return result;
  }

  outcome<process_reply> run(process_call call) { return start(std::move(call)).get(); }

  std::string folder;
  std::unique_ptr<process_runner> runner = std::make_unique<process_runner>();
  process_runner::stopper stop; // of what was started last
};

TEST_F(ProcessRunner, GivesOutputErrorsAndExitCode) {
  const auto reply = run(script("echo out; echo err >&2; exit 7"));

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->output, "out\n");
  EXPECT_EQ(reply->errors, "err\n");
  EXPECT_EQ(reply->exit_code, 7);
  EXPECT_EQ(reply->signal, 0);
}

TEST_F(ProcessRunner, PassesArgumentsOnWithoutAShell) {
  const auto reply = run({{"printf", "%s|", "$HOME; ls", "", "a b"}});

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->output, "$HOME; ls||a b|");
}

TEST_F(ProcessRunner, WritesALongInputWhileItReadsALongOutput) {
  process_call call{{"cat"}};
  for (int line = 0; line < 400'000; ++line) call.input += std::to_string(line) + '\n';
  const auto input = call.input;

  const auto reply = run(call);

  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->output == input) << reply->output.size() << " of " << input.size();
}

TEST_F(ProcessRunner, SurvivesAProgramThatReadsNothing) {
  auto call = script("exec <&-; echo ignored");
  call.input = std::string(4'000'000, 'x');

  const auto reply = run(call);

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->output, "ignored\n");
}

TEST_F(ProcessRunner, EndsTheInputSoThatReadersEnd) {
  EXPECT_EQ(run({{"cat"}}).value().output, "");
}

TEST_F(ProcessRunner, ChangesTheEnvironment) {
  ASSERT_EQ(setenv("TROUPE_TEST_KEPT", "kept", 1), 0);
  ASSERT_EQ(setenv("TROUPE_TEST_REMOVED", "still there", 1), 0);
  auto call = script("echo $TROUPE_TEST_KEPT-$TROUPE_TEST_REMOVED-$TROUPE_TEST_ADDED");
  call.environment = {{"TROUPE_TEST_ADDED", "a=b c"}, {"TROUPE_TEST_REMOVED", {}}};

  EXPECT_EQ(run(call).value().output, "kept--a=b c\n");
}

TEST_F(ProcessRunner, RunsInTheDirectory) {
  EXPECT_EQ(run(script("pwd -P")).value().output,
            std::filesystem::canonical(folder).string() + "\n");
}

TEST_F(ProcessRunner, LooksForProgramsInThePathOfTheProgram) {
  std::ofstream(path("greet")) << "#!/bin/sh\necho hello $1\n";
  std::filesystem::permissions(path("greet"), std::filesystem::perms::owner_all);
  process_call call{{"greet", "you"}};
  call.environment = {{"PATH", "/nowhere:" + folder}};

  EXPECT_EQ(run(call).value().output, "hello you\n");
}

TEST_F(ProcessRunner, SaysThatAProgramIsMissing) {
  const auto reply = run({{"no-such-program-anywhere"}});

  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.why().kind, failure_kind::permanent);
  EXPECT_THAT(reply.why().message, HasSubstr("no-such-program-anywhere"));
  EXPECT_THAT(reply.why().message, HasSubstr("No such file"));
}

TEST_F(ProcessRunner, SaysThatAFileIsNoProgram) {
  std::ofstream(path("plain")) << "text";

  const auto reply = run({{path("plain")}});

  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.why().kind, failure_kind::permanent);
  EXPECT_THAT(reply.why().message, HasSubstr("Permission denied"));
}

TEST_F(ProcessRunner, SaysThatADirectoryIsMissing) {
  process_call call{{"/bin/true"}};
  call.directory = path("nowhere");

  const auto reply = run(call);

  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.why().kind, failure_kind::permanent);
  EXPECT_THAT(reply.why().message, HasSubstr(path("nowhere")));
}

TEST_F(ProcessRunner, RefusesWhatWouldBeCutShort) {
  using namespace std::string_literals;
  process_call bad_variable{{"/bin/true"}};
  bad_variable.environment = {{"A=B", "c"}};

  EXPECT_EQ(run({{"/bin/echo", "a\0b"s}}).why().kind, failure_kind::permanent);
  EXPECT_EQ(run(bad_variable).why().kind, failure_kind::permanent);
  EXPECT_EQ(run({}).why().kind, failure_kind::permanent);
}

TEST_F(ProcessRunner, SaysWhichSignalEndedAProgram) {
  const auto reply = run(script("echo before; kill -KILL $$"));

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->signal, SIGKILL);
  EXPECT_EQ(reply->output, "before\n");
}

TEST_F(ProcessRunner, GivesProgramsTheirSignalsAsTheyWere) {
  const auto before = signal(SIGPIPE, SIG_IGN);
  const auto reply = run(script("kill -PIPE $$; echo alive"));
  signal(SIGPIPE, before);

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->signal, SIGPIPE);
}

TEST_F(ProcessRunner, KeepsOurFilesToUs) {
  const int open_file = open("/dev/null", O_RDONLY);
  ASSERT_GE(open_file, 3);

  const auto reply = run(script("ls /proc/$$/fd"));
  ::close(open_file);

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->output, "0\n1\n2\n");
}

TEST_F(ProcessRunner, KillsAProgramThatWritesTooMuch) {
  auto call = script("echo $$ > pid; while :; do echo more; done");
  call.max_output = 1'000;

  const auto reply = run(call);

  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.why().kind, failure_kind::permanent);
  EXPECT_THAT(reply.why().message, HasSubstr("1000 bytes"));
  std::string id;
  std::ifstream(path("pid")) >> id;
  EXPECT_TRUE(is_gone(id));
}

TEST_F(ProcessRunner, TakesAnOutputOfExactlyTheMost) {
  auto call = script("printf 12345");
  call.max_output = 5;

  EXPECT_EQ(run(call).value().output, "12345");
}

TEST_F(ProcessRunner, KeepsTheEndOfTheErrors) {
  const auto reply = run(script("seq 1 100000 >&2; exit 1"));

  ASSERT_TRUE(reply);
  EXPECT_THAT(reply->errors, EndsWith("99999\n100000\n"));
  EXPECT_THAT(reply->errors, SizeIs(4'096));
}

TEST_F(ProcessRunner, AsksAProgramToStop) {
  auto reply = start(script("trap 'echo stopped > last; exit 3' TERM; echo ready > door; "
                            "while :; do sleep 0.01; done"));
  ASSERT_EQ(told(), "ready");

  stop();

  EXPECT_EQ(reply.get().why().kind, failure_kind::cancelled);
  EXPECT_TRUE(std::filesystem::exists(path("last")));
}

TEST_F(ProcessRunner, KillsTheWholeGroupAfterTheGrace) {
  auto call = script("trap '' TERM; sh -c 'echo $$ > inner; while :; do sleep 1; done' & "
                     "while [ ! -s inner ]; do sleep 0.01; done; echo $$ > door; wait");
  call.grace = 50ms;
  auto reply = start(call);
  const auto id = told();

  stop();

  EXPECT_EQ(reply.get().why().kind, failure_kind::cancelled);
  EXPECT_TRUE(is_gone(id));
  std::string inner;
  std::ifstream(path("inner")) >> inner;
  EXPECT_TRUE(becomes_gone(inner));
}

TEST_F(ProcessRunner, GivesWhatAShellHasStartedItsGraceToo) {
  auto reply = start(script("(trap 'echo tidy > last; exit' TERM; echo ready > door; "
                            "while :; do sleep 0.01; done) & wait"));
  ASSERT_EQ(told(), "ready");

  stop();

  EXPECT_EQ(reply.get().why().kind, failure_kind::cancelled);
  EXPECT_TRUE(std::filesystem::exists(path("last")));
}

TEST_F(ProcessRunner, WakesAStoppedProgramToStopIt) {
  auto call = script("echo ready > door; kill -STOP $$; while :; do sleep 1; done");
  call.grace = 1h;
  auto reply = start(call);
  ASSERT_EQ(told(), "ready");

  stop();

  EXPECT_EQ(reply.get().why().kind, failure_kind::cancelled);
}

TEST_F(ProcessRunner, StopsWhatHasHardlyStarted) {
  auto reply = start({{"sleep", "1000"}});
  stop();

  EXPECT_EQ(reply.get().why().kind, failure_kind::cancelled);
}

TEST_F(ProcessRunner, KillsWhoIsLeftInTheGroupWhenTheProgramEnds) {
  const auto reply = run(script("sleep 1000 & echo $!"));

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->exit_code, 0);
  EXPECT_TRUE(becomes_gone(reply->output.substr(0, reply->output.find('\n'))));
}

TEST_F(ProcessRunner, DoesNotWaitForWhoHasLeftTheGroup) {
  const auto reply = run(script("setsid sh -c 'echo out > left; read line < door' & "
                                "while [ ! -s left ]; do sleep 0.01; done; echo done"));

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->output, "done\n");
  std::ofstream(path("door")) << "end\n";
}

TEST_F(ProcessRunner, RunsManyAtATime) {
  std::vector<std::future<outcome<process_reply>>> replies;
  for (int number = 0; number < 40; ++number) {
    process_call call{{"cat"}};
    call.input = std::to_string(number);
    replies.push_back(start(std::move(call)));
  }

  for (int number = 0; number < 40; ++number)
    EXPECT_EQ(replies[static_cast<std::size_t>(number)].get().value().output,
              std::to_string(number));
}

TEST_F(ProcessRunner, LeavesNoZombies) {
  EXPECT_TRUE(run(script("exit 0")));
  EXPECT_FALSE(run({{"/no/such/program"}}));

  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(ProcessRunner, AsksItsProgramsToStopWhenItEnds) {
  auto reply = start(script("trap 'echo tidy > last; exit' TERM; echo ready > door; "
                            "while :; do sleep 0.01; done"));
  ASSERT_EQ(told(), "ready");

  runner.reset();

  EXPECT_EQ(reply.get().why().kind, failure_kind::cancelled);
  EXPECT_TRUE(std::filesystem::exists(path("last")));
}

TEST_F(ProcessRunner, EndsItsProgramsWithItself) {
  auto reply = start(script("trap '' TERM; echo $$ > door; while :; do sleep 1; done"));
  const auto id = told();

  runner.reset();

  EXPECT_EQ(reply.get().why().kind, failure_kind::cancelled);
  EXPECT_TRUE(is_gone(id));
}

TEST_F(ProcessRunner, MayBeGivenUpFromItsOwnThread) {
  std::promise<void> started;
  std::promise<void> ended;
  runner->start({{"/bin/true"}}, [&](outcome<process_reply>) {
    started.get_future().wait();
    runner.reset();
    ended.set_value();
  });
  started.set_value();

  ended.get_future().wait();
  EXPECT_EQ(runner, nullptr);
}

TEST_F(ProcessRunner, StartsTheNextProgramFromAnAnswer) {
  std::promise<std::string> seen;
  runner->start({{"echo", "one"}}, [&](outcome<process_reply> first) {
    runner->start({{"echo", first.value().output + "two"}},
                  [&](outcome<process_reply> second) { seen.set_value(second.value().output); });
  });

  EXPECT_EQ(seen.get_future().get(), "one\ntwo\n");
}

TEST_F(ProcessRunner, TakesItsProgramsAlongWhenItsProcessIsKilled) {
  const auto child = fork();
  if (child == 0) {
    process_runner own;
    own.start(script("echo $$ > door; exec sleep 1000"), [](const auto&) {});
    while (true) pause();
  }
  const auto id = told();
  ASSERT_THAT(id, Not(IsEmpty()));

  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);

  EXPECT_TRUE(becomes_gone(id));
}

} // namespace
} // namespace troupe
