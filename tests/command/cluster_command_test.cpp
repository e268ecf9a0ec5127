#include "cluster_result.hpp"
#include "command_fixture.hpp"
#include "service/service_fixture.hpp"

#include <troupe/service/api_server.hpp>

#include <csignal>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// The program beside a coordinator in this process.
class ClusterCommands : public CommandTest {
protected:
  ClusterCommands() {
    log = std::make_shared<service::run_log>();
    home = std::make_unique<runtime>(told_to(log));
    service::run_book_options options;
    options.cluster = &nodes;
    book = std::make_unique<service::run_book>(*home, log, watched_by_hand(options));
    serve();
    write("echo.yaml", echo_file);
    write("hang.yaml", hang_file);
    write("ask.yaml", ask_file);
    write("fails.yaml", fail_file);
    write("bad.yaml", "troupe: 1\nname: bad\nflow: { step: s, uses: valeu }\n");
  }

  void serve(const std::string& token = "") {
    server.reset();
    service::api_options options;
    options.token = token;
    server = std::make_unique<service::api_server>(options, *book, nodes);
  }
  [[nodiscard]] std::string url() const { return "http://" + to_string(server->address()); }

  program_options around(const std::string& token = "", const std::string& input = "") const {
    program_options options;
    options.input = input;
    options.environment["TROUPE_CLUSTER"] = url();
    options.environment["TROUPE_TOKEN"] =
        token.empty() ? std::nullopt : std::optional<std::string>(token);
    return here(std::move(options));
  }
  program_result ask(std::vector<std::string> words, const std::string& token = "") const {
    return run_program(command(std::move(words)), around(token));
  }
  std::string submit(const std::string& file) const {
    auto id = ask({"submit", file}).out;
    if (!id.empty()) id.pop_back();
    return id;
  }

  fake_cluster nodes;
  std::shared_ptr<service::run_log> log;
  std::unique_ptr<runtime> home;
  std::unique_ptr<service::run_book> book;
  std::unique_ptr<service::api_server> server;
};

TEST_F(ClusterCommands, RunAWorkflowElsewhereAsIfItWereHere) {
  const std::vector<std::string> words{"run", "echo.yaml", "--input", R"({"q": 1})"};
  const auto local = troupe(words);
  auto there = words;
  there.insert(there.end(), {"--cluster", url()});
  const auto remote = troupe(there);

  EXPECT_EQ(remote.status, 0) << remote.err;
  EXPECT_EQ(remote.out, local.out);
  EXPECT_THAT(remote.err, MatchesRegex("completed in .* · 1 attempt\n"));
  EXPECT_EQ(book->counts().completed, 1U);

  there.push_back("--json");
  const auto result = json_of(troupe(there).out);
  EXPECT_EQ(result.at("output").at("q"), value(1));
  EXPECT_EQ(result.at("step_history").at(0).at("name"), value("echo"));
}

TEST_F(ClusterCommands, ReportARunThatFailsElsewhere) {
  const auto result = troupe({"run", "fails.yaml", "--cluster", url()});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(StartsWith("✗ broken failed at step 1 of 1: permanent\n  no way\n"),
                                HasSubstr("again: "), HasSubstr("failed in ")));
}

TEST_F(ClusterCommands, CancelTheRunOnCtrlC) {
  running_program program(command({"run", "hang.yaml", "--cluster", url(), "--json"}), around());
  while (book->counts().running == 0) ASSERT_EQ(ask({"list"}).status, 0);
  program.signal(SIGINT);

  const auto result = program.finish();
  EXPECT_EQ(result.status, 130) << result.err;
  EXPECT_EQ(json_of(result.out).at("status"), value("cancelled"));
  EXPECT_THAT(result.err, HasSubstr("troupe: cancelling\n"));
  EXPECT_EQ(book->counts().cancelled, 1U);
}

TEST_F(ClusterCommands, RunManyElsewhere) {
  write("inputs.jsonl", "1\n\"two\"\n{\"n\": 3}\n");
  const auto result = troupe(
      {"run", "echo.yaml", "--inputs", "inputs.jsonl", "--concurrency", "2", "--cluster", url()});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "1\n\"two\"\n{\"n\":3}\n");
  EXPECT_THAT(result.err, StartsWith("runs      3: 3 succeeded, 0 failed\n"));

  const auto failing =
      troupe({"run", "fails.yaml", "--inputs", "inputs.jsonl", "--json", "--cluster", url()});
  EXPECT_EQ(failing.status, 1);
  const auto lines = json_lines_of(failing.out);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[3].at("totals").at("failed"), value(3));
  EXPECT_THAT(failing.err, HasSubstr("inputs.jsonl:1: the run failed: permanent: no way\n"));
}

TEST_F(ClusterCommands, StartScriptsOverWithEachCommand) {
  write("once.yaml", "troupe: 1\nname: once\nflow: { step: s, uses: test.script, with: { script: "
                     "[ { ok: first } ] } }\n");
  for (int n = 0; n < 2; ++n) {
    const auto result = json_of(troupe({"run", "once.yaml", "--json", "--cluster", url()}).out);
    EXPECT_EQ(result.at("status"), value("completed"));
    EXPECT_EQ(result.at("scripts").at("s").at("calls"), value(1));
  }
}

TEST_F(ClusterCommands, SubmitAFileANameAndWait) {
  const auto id = ask({"submit", "echo.yaml", "--input", "7", "--correlation-id", "c-1"});
  EXPECT_EQ(id.status, 0) << id.err;
  EXPECT_THAT(id.out, MatchesRegex("[0-9a-f-]{36}\n"));
  const auto entry = json_of(ask({"submit", "echo", "--json"}).out);
  EXPECT_EQ(entry.at("name"), value("echo"));

  const auto waited = ask({"submit", "echo", "--input", "\"hi\"", "--wait"});
  EXPECT_EQ(waited.status, 0) << waited.err;
  EXPECT_EQ(waited.out, "hi\n");
  EXPECT_EQ(ask({"submit", "fails.yaml", "--wait"}).status, 1);
  const auto paused = ask({"submit", "ask.yaml", "--wait"});
  EXPECT_EQ(paused.status, 4);
  EXPECT_THAT(paused.err, AllOf(HasSubstr("paused: pause asks: Go on?\n"),
                                HasSubstr("troupe: go on with: troupe resume ")));
}

TEST_F(ClusterCommands, LeaveTheRunAloneWhenOnlyTheWaitingIsInterrupted) {
  running_program program(command({"submit", "hang.yaml", "--wait"}), around());
  while (book->counts().running == 0) ASSERT_EQ(ask({"list"}).status, 0);
  program.signal(SIGINT);

  const auto result = program.finish();
  EXPECT_EQ(result.status, 130);
  EXPECT_THAT(result.err, HasSubstr("goes on; see troupe show "));
  EXPECT_EQ(book->counts().running, 1U);
}

TEST_F(ClusterCommands, ShowEveryErrorOfAFile) {
  const auto result = ask({"submit", "bad.yaml"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, AllOf(StartsWith("bad.yaml:3:"), HasSubstr("did you mean")));
  EXPECT_THAT(ask({"submit", "none.yaml"}).err, HasSubstr("there is no file none.yaml"));
  EXPECT_EQ(ask({"submit", "nobody"}).status, 2);
}

TEST_F(ClusterCommands, ListRuns) {
  EXPECT_EQ(ask({"list"}).out, "no runs\n");
  const auto failed = submit("fails.yaml");
  (void)ask({"show", failed, "--follow"});
  const auto hanging = submit("hang.yaml");

  const auto table = ask({"list"}).out;
  EXPECT_THAT(table, StartsWith("RUN "));
  EXPECT_LT(table.find(hanging), table.find(failed)) << "the newest first";
  EXPECT_THAT(table, HasSubstr("permanent: no way"));
  const auto page = json_of(ask({"list", "--status", "failed", "--json"}).out);
  EXPECT_THAT(*page.at("runs").if_list(), SizeIs(1));
  const auto first = ask({"list", "--limit", "1"});
  EXPECT_THAT(first.err, HasSubstr("there are more: --cursor " + hanging));
  EXPECT_THAT(ask({"list", "--limit", "1", "--cursor", hanging}).out, HasSubstr(failed));
  EXPECT_THAT(ask({"list", "--status", "faild"}).err, HasSubstr("did you mean failed?"));
  EXPECT_EQ(ask({"list", "--limit", "0"}).status, 2);
}

TEST_F(ClusterCommands, ShowARunByTheBeginningOfItsId) {
  const auto id = submit("echo.yaml");
  (void)ask({"show", id, "--follow"});

  const auto shown = ask({"show", id.substr(0, 30)});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out,
              AllOf(HasSubstr("run          " + id), HasSubstr("status       completed in"),
                    HasSubstr("output       null")));
  EXPECT_EQ(json_of(ask({"show", id, "--json"}).out).at("run_id"), value(id));
  const auto unknown = ask({"show", "ffff"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("there is no run ffff"));
}

TEST_F(ClusterCommands, FollowARunToItsEnd) {
  const auto id = submit("fails.yaml");
  const auto followed = ask({"show", id, "--follow"});
  EXPECT_EQ(followed.status, 1);
  EXPECT_THAT(followed.err, AllOf(HasSubstr("run_started"), HasSubstr("step_finished"),
                                  HasSubstr("permanent: no way")));
  const auto events = json_lines_of(ask({"events", id, "--json"}).out);
  EXPECT_EQ(events.front().at("kind"), value("run_started"));
  EXPECT_EQ(events.back().at("kind"), value("run_finished"));
  EXPECT_EQ(ask({"events", id, "--follow"}).status, 1);
}

TEST_F(ClusterCommands, SayWhatARunWaitsFor) {
  nodes.reasons = {{"no_worker", "no worker with label gpu=true", "0/9", "train", "", 1500}};
  const auto id = submit("hang.yaml");

  const auto why = ask({"why", id});
  EXPECT_EQ(why.status, 0);
  EXPECT_THAT(why.out,
              HasSubstr("no_worker: no worker with label gpu=true (train), since 1.5 s\n"));
  EXPECT_EQ(ask({"cancel", id}).out, id + ": asked to stop\n");
  (void)ask({"show", id, "--follow"});
  EXPECT_EQ(ask({"why", id}).out, "it waits for nothing: it is cancelled\n");
  const auto late = ask({"cancel", id});
  EXPECT_EQ(late.status, 1);
  EXPECT_THAT(late.err, HasSubstr("has ended: it is cancelled"));
}

TEST_F(ClusterCommands, AnswerAndRetry) {
  const auto id = submit("ask.yaml");
  EXPECT_EQ(ask({"show", id, "--follow"}).status, 4);
  EXPECT_THAT(ask({"show", id}).out, HasSubstr("asks         Go on?"));
  EXPECT_THAT(ask({"resume", id}).err, HasSubstr("--answer JSON is missing"));
  const auto misfit = ask({"resume", id, "--answer", "maybe"});
  EXPECT_EQ(misfit.status, 2);
  EXPECT_THAT(misfit.err, HasSubstr("must be of type boolean"));
  EXPECT_EQ(ask({"resume", id, "--answer", "true"}).status, 0);
  EXPECT_EQ(ask({"show", id, "--follow"}).status, 0);
  EXPECT_THAT(ask({"retry", id}).out, MatchesRegex("[0-9a-f-]{36}\n"));
}

TEST_F(ClusterCommands, OperateTheCluster) {
  EXPECT_THAT(ask({"nodes"}).out, AllOf(StartsWith("NODE "), HasSubstr("gpu=true")));
  EXPECT_EQ(ask({"drain", "here"}).out, "here: drains\n");
  EXPECT_EQ(ask({"drain", "gone"}).status, 2);
  EXPECT_THAT(ask({"breakers"}).out, HasSubstr("gpt4"));
  EXPECT_EQ(ask({"breakers", "reset", "gpt4"}).out, "gpt4: half_open\n");
  EXPECT_THAT(ask({"breakers", "rest", "gpt4"}).err, HasSubstr("did you mean reset?"));
  EXPECT_THAT(ask({"breakers", "reset"}).err, HasSubstr("NAME is missing"));
  EXPECT_THAT(ask({"caches"}).out, HasSubstr("answers"));
  EXPECT_EQ(ask({"caches", "clear", "answers"}).out, "answers: cleared\n");
  EXPECT_TRUE(json_of(ask({"nodes", "--json"}).out).contains("nodes"));
}

TEST_F(ClusterCommands, ShowTheClusterAtAGlance) {
  submit("hang.yaml");
  const auto once = ask({"top"});
  EXPECT_EQ(once.status, 0) << once.err;
  EXPECT_THAT(once.out, AllOf(StartsWith("troupe "), HasSubstr("1 running"), HasSubstr("NODE "),
                              HasSubstr("gpt4"), HasSubstr("hang")));
  EXPECT_TRUE(json_of(ask({"top", "--json"}).out).contains("runs"));
}

TEST_F(ClusterCommands, TellAClusterThatCannotBeReachedFromOneThatRefuses) {
  serve("s3cret");
  EXPECT_EQ(ask({"nodes"}, "s3cret").status, 0);
  const auto stranger = ask({"nodes"});
  EXPECT_EQ(stranger.status, 3);
  EXPECT_THAT(stranger.err, AllOf(HasSubstr("a token is required"), HasSubstr("TROUPE_TOKEN")));
  write("token", "s3cret\n");
  EXPECT_EQ(ask({"nodes", "--token-file", "token"}, "wrong").status, 0);

  auto nobody = around();
  server->shut_down();
  const auto gone = run_program(command({"submit", "echo.yaml"}), nobody);
  EXPECT_EQ(gone.status, 3);
  EXPECT_THAT(gone.err, StartsWith("troupe: cannot reach the cluster at http://127.0.0.1:"));
  EXPECT_EQ(run_program(command({"run", "echo.yaml", "--cluster", url()}), nobody).status, 3);
}

TEST_F(ClusterCommands, AskForWhatIsMissing) {
  auto nowhere = around();
  nowhere.environment["TROUPE_CLUSTER"] = std::nullopt;
  EXPECT_THAT(run_program(command({"nodes"}), nowhere).err, HasSubstr("set TROUPE_CLUSTER"));
  EXPECT_THAT(ask({"nodes", "--cluster", "ftp://x"}).err, HasSubstr("no address of a cluster"));
  EXPECT_EQ(ask({"nodes", "--ca", "none.pem"}).status, 2);
  EXPECT_THAT(ask({"show"}).err, HasSubstr("RUN is missing"));
  EXPECT_THAT(ask({"lst"}).err, HasSubstr("did you mean list?"));
  EXPECT_THAT(ask({"run", "echo.yaml", "--virtual-time", "--cluster", url()}).err,
              HasSubstr("--virtual-time: cannot be combined with --cluster"));
  EXPECT_THAT(ask({"run", "echo.yaml", "--ca", "x"}).err, HasSubstr("are for --cluster URL"));
}

TEST_F(ClusterCommands, ShowNothingThatATerminalWouldObey) {
  write("evil.yaml", "troupe: 1\nname: \"a\\e[31mb\"\nflow: { step: s, uses: fail, with: { kind: "
                     "permanent, message: \"x\\e]0;title\\a\" } }\n");
  const auto id = submit("evil.yaml");
  for (const auto& words : {std::vector<std::string>{"show", id, "--follow"},
                            {"list"},
                            {"events", id},
                            {"top"},
                            {"why", id}}) {
    const auto result = ask(words);
    EXPECT_THAT(result.out + result.err, Not(HasSubstr("\x1b"))) << words[0];
  }
}

TEST(ClusterResult, ReadsWhatARunHasWritten) {
  run_result written;
  written.run_id = run_id::make();
  written.name = "answer";
  written.status = run_status::failed;
  written.why = std::make_shared<const failure>(failure{failure_kind::timed_out, "too late"});
  written.latency = std::chrono::milliseconds(12);
  written.total_tokens = 7;
  written.metrics.retry_count = 3;
  written.metrics.circuit_breaker_state = "open";
  step_result step;
  step.name = "gpt4";
  step.why = written.why;
  written.step_history = {step};

  const auto read = detail::run_result_from(to_value(written));

  EXPECT_EQ(read.run_id, written.run_id);
  EXPECT_EQ(read.status, run_status::failed);
  EXPECT_EQ(*read.why, *written.why);
  EXPECT_EQ(read.latency, std::chrono::milliseconds(12));
  EXPECT_EQ(read.total_tokens, 7);
  EXPECT_EQ(read.metrics.retry_count, 3U);
  EXPECT_EQ(read.metrics.circuit_breaker_state, "open");
  ASSERT_THAT(read.step_history, SizeIs(1));
  EXPECT_EQ(read.step_history[0].name, "gpt4");
}

TEST(ClusterResult, ReplaysAnEventWithAllItHolds) {
  const auto content =
      value::map({{"kind", "retry_scheduled"},
                  {"step", "s"},
                  {"path", "0/1"},
                  {"turns", "/3/0"},
                  {"attempt", 2},
                  {"delay_ms", 1500},
                  {"at_ms", 20},
                  {"failure", value::map({{"kind", "transient"}, {"message", "down"}})}});
  bool seen = false;
  detail::replay_event(content, instant(), [&](const run_event& event) {
    seen = true;
    EXPECT_EQ(event.kind, event_kind::retry_scheduled);
    EXPECT_EQ(event.path, "0/1");
    EXPECT_EQ(event.attempt, 2U);
    EXPECT_EQ(event.delay, std::chrono::milliseconds(1500));
    EXPECT_EQ(event.at, instant() + std::chrono::milliseconds(20));
    EXPECT_EQ(event.why->message, "down");
    ASSERT_NE(event.turns, nullptr);
    EXPECT_EQ(event.turns->index, 0U);
    EXPECT_EQ(event.turns->outer->index, 3U);
  });
  EXPECT_TRUE(seen);
  detail::replay_event(value::map({{"kind", "missed"}}), instant(),
                       [](const run_event&) { FAIL(); });
}

} // namespace
} // namespace troupe::testing
