#include "node_fixture.hpp"

#include <sys/stat.h>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

class UpCommand : public NodeTest {
protected:
  UpCommand() {
    write("naps.yaml", R"(troupe: 1
name: naps
input: [1, 2, 3, 4, 5, 6, 7, 8]
flow: { map: { step: nap, uses: sleep, with: { for: 300ms } } }
)");
    write("begun.yaml", R"(troupe: 1
name: begun
flow: { step: begun, uses: exec, with: { argv: [sh, -c, "touch begun; sleep 1000"] } }
)");
    write("steady.yaml", R"(troupe: 1
name: steady
flow:
  step: steady
  uses: exec
  with: { argv: [sh, -c, "touch begun; sleep 2.5; printf done"] }
)");
  }

  /// A cluster that is up; its files are in the folder of the test, so that its processes can be
  /// told from others.
  std::unique_ptr<running_program> up(std::vector<std::string> more = {},
                                      const std::string& program = TROUPE_PROGRAM) {
    std::vector<std::string> words{program, "up", "--data", data()};
    std::move(more.begin(), more.end(), std::back_inserter(words));
    auto made = std::make_unique<running_program>(words, alone());
    EXPECT_TRUE(made->has_complained("the cluster is up")) << made->finish().err;
    url = *json_of(read("data/coordinator.ready.json")).at("url").if_text();
    return made;
  }
  [[nodiscard]] std::string data() const { return folder + "/data"; }
  [[nodiscard]] pid_t process_of(const std::string& name) const {
    return static_cast<pid_t>(std::atoi(read("data/" + name + ".pid").c_str()));
  }
  [[nodiscard]] program_result run(const std::string& file) const {
    return ask({"run", file, "--cluster", url});
  }
};

TEST_F(UpCommand, ServesARunFromItsStartToItsEnd) {
  const auto cluster = up({"--workers", "2", "--labels", "gpu=true"});

  const auto result = run("naps.yaml");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "[1,2,3,4,5,6,7,8]\n");
  EXPECT_THAT(result.err, MatchesRegex("completed in .* · 8 attempts\n"));
  const auto nodes = json_of(ask({"nodes", "--json", "--cluster", url}).out).at("nodes");
  ASSERT_EQ(nodes.size(), 3U);
  EXPECT_EQ(nodes.at(1).at("labels").at("gpu"), value("true"));
  cluster->signal(SIGTERM);
  const auto end = cluster->finish();
  EXPECT_EQ(end.status, 0) << end.err;
  EXPECT_EQ(end.out, "export TROUPE_CLUSTER=" + url + "\n");
  EXPECT_THAT(end.err, AllOf(HasSubstr("coordinator | troupe: coordinator is ready: "),
                             HasSubstr("worker-1    | troupe: worker-1 has ended\n"),
                             HasSubstr("troupe: the cluster has ended\n")));
  EXPECT_TRUE(std::filesystem::is_empty(data()));
  EXPECT_EQ(processes(), 0U);
}

TEST_F(UpCommand, LeavesNoProcessWhenItIsKilled) {
  const auto cluster = up({"--workers", "3"});
  auto run = begin({"run", "begun.yaml", "--cluster", url});
  ASSERT_TRUE(comes_true([&] { return has("begun"); }));
  EXPECT_GE(processes(), 7U) << "up, its nodes, who asks, and what the step has started";

  cluster->signal(SIGKILL);
  EXPECT_EQ(cluster->finish().status, 137);
  run.reset();
  EXPECT_TRUE(comes_true([&] { return processes() == 0; }));
}

TEST_F(UpCommand, StartsAWorkerAgainThatWasKilled) {
  const auto cluster = up({"--workers", "1"});
  const auto before = process_of("worker-1");
  ASSERT_GT(before, 0);
  kill(before, SIGKILL);
  ASSERT_TRUE(cluster->has_complained("worker-1 was ended by signal 9 (Killed); it is started "
                                      "again in 200ms"));

  EXPECT_EQ(run("naps.yaml").status, 0);
  EXPECT_NE(process_of("worker-1"), before);
  cluster->signal(SIGINT);
  EXPECT_EQ(cluster->finish().status, 0);
}

TEST_F(UpCommand, StartsItsCoordinatorAgainWhereItWas) {
  const auto cluster = up({"--workers", "1"});
  const auto before = process_of("coordinator");
  kill(before, SIGKILL);
  ASSERT_TRUE(cluster->has_complained("and its runs are lost; it is started again"));

  ASSERT_TRUE(comes_true([&] {
    const auto nodes = ask({"nodes", "--json", "--cluster", url});
    return nodes.status == 0 && json_of(nodes.out).at("nodes").size() == 2;
  }));
  EXPECT_EQ(run("naps.yaml").status, 0);
}

TEST_F(UpCommand, LosesNoWorkByAWorkerThatStandsStillForAWhile) {
  const auto cluster = up({"--workers", "1"});
  const auto run = begin({"run", "steady.yaml", "--json", "--cluster", url});
  ASSERT_TRUE(comes_true([&] { return has("begun"); }));
  const auto worker = process_of("worker-1");
  kill(worker, SIGSTOP);
  EXPECT_EQ(run_program({"sleep", "2"}).status, 0);
  kill(worker, SIGCONT);

  const auto result = run->finish();
  EXPECT_EQ(result.status, 0) << result.err;
  const auto content = json_of(result.out);
  EXPECT_EQ(content.at("output"), value("done"));
  EXPECT_EQ(content.at("step_history").at(0).at("attempts"), value(1));
  cluster->signal(SIGTERM);
  EXPECT_THAT(cluster->finish().err, Not(HasSubstr("lost worker `worker-1`: nothing was heard")));
}

TEST_F(UpCommand, LetsAWorkerGoThatWasAskedTo) {
  const auto cluster = up({"--workers", "2"});
  EXPECT_EQ(ask({"drain", "worker-2", "--wait", "--cluster", url}).status, 0);
  EXPECT_TRUE(cluster->has_complained("troupe: worker-2 has left\n"));
  EXPECT_EQ(run("naps.yaml").status, 0);
  EXPECT_FALSE(has("data/worker-2.pid"));
}

TEST_F(UpCommand, EndsAtOnceByTheSecondSignal) {
  const auto cluster = up({"--workers", "1"});
  auto run = begin({"run", "begun.yaml", "--cluster", url});
  ASSERT_TRUE(comes_true([&] { return has("begun"); }));
  cluster->signal(SIGINT);
  ASSERT_TRUE(cluster->has_complained("ending the cluster; once more ends it at once"));
  cluster->signal(SIGINT);
  EXPECT_EQ(cluster->finish().status, 130);
  run.reset();
  EXPECT_TRUE(comes_true([&] { return processes() == 0; }));
}

TEST_F(UpCommand, KillsWhatDoesNotEnd) {
  const auto cluster = up({"--workers", "1", "--drain-limit", "100ms"});
  kill(process_of("worker-1"), SIGSTOP);
  cluster->signal(SIGTERM);
  EXPECT_TRUE(cluster->has_complained("worker-1 does not end, and is killed"));
  EXPECT_EQ(cluster->finish().status, 0);
}

TEST_F(UpCommand, HasAFolderForItselfAlone) {
  const auto cluster = up({"--workers", "1"});
  struct stat about {};
  ASSERT_EQ(stat(data().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0700U);
  EXPECT_EQ(json_of(read("data/worker-1.ready.json")).at("pid"), value(process_of("worker-1")));
  const auto other = ask({"up", "--data", data()});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("is that of another cluster, which is still up"));
}

TEST_F(UpCommand, SaysWhyItCannotStart) {
  const auto home = coordinator();
  const auto port = url.substr(url.rfind(':') + 1);
  const auto taken = ask({"up", "--port", port});
  EXPECT_EQ(taken.status, 2);
  EXPECT_THAT(taken.out, IsEmpty());
  EXPECT_THAT(taken.err, AllOf(HasSubstr("coordinator | troupe: node: http: "),
                               HasSubstr("troupe: coordinator cannot be started\n")));
  EXPECT_EQ(ask({"up", "--workers", "many"}).status, 2);
  EXPECT_THAT(ask({"up", "--credit", "0"}).err, HasSubstr("--credit must be at least 1, not 0"));
}

TEST_F(UpCommand, TellsScriptsWhatThereIs) {
  const auto cluster = up({"--workers", "1", "--json"});
  cluster->signal(SIGTERM);
  const auto end = cluster->finish();
  const auto facts = json_of(end.out);
  EXPECT_EQ(facts.at("url"), value(url));
  EXPECT_EQ(facts.at("nodes").at(1).at("name"), value("worker-1"));
}

TEST_F(UpCommand, OffersTheStepsOfItsProgram) {
  write("shout.yaml", "troupe: 1\nname: s\ninput: hey\nflow: { step: s, uses: shout }\n");
  const auto cluster = up({"--workers", "1"}, OWN_STEPS_PROGRAM);
  const auto result =
      run_program({OWN_STEPS_PROGRAM, "run", "shout.yaml", "--cluster", url}, alone());
  EXPECT_EQ(result.out, "hey!\n") << result.err;
}

} // namespace
} // namespace troupe::testing
