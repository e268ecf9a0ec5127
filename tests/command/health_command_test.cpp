#include "command_fixture.hpp"

#include <unistd.h>

#include <chrono>
#include <csignal>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class HealthCommand : public CommandTest {
protected:
  program_result health(std::vector<std::string> words) const {
    words.insert(words.begin(), "health");
    return troupe(std::move(words));
  }
  void claim_to_be_a_worker(pid_t process, std::chrono::seconds age = 0s) const {
    write("ready.json",
          R"({"name": "w-1", "role": "worker", "pid": )" + std::to_string(process) + "}\n");
    const auto path = folder + "/ready.json";
    std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - age);
  }
  program_options with_ready_file() const {
    program_options options;
    options.environment["TROUPE_READY_FILE"] = "ready.json";
    return here(std::move(options));
  }
};

TEST_F(HealthCommand, AsksTheCoordinatorThatHasWrittenTheFile) {
  running_program node(
      command({"node", "--role", "coordinator", "--name", "home", "--http", "127.0.0.1:0",
               "--listen", "127.0.0.1:0", "--ready-file", "ready.json", "--json"}),
      here());
  ASSERT_TRUE(node.has_written("\n"));

  const auto by_file = health({"--ready-file", "ready.json"});
  EXPECT_EQ(by_file.status, 0) << by_file.err;
  EXPECT_EQ(by_file.out, "coordinator home is healthy\n");
  const auto url = *json_of(read("ready.json")).at("url").if_text();
  EXPECT_EQ(health({"--cluster", url}).out, url + " is healthy\n");
  EXPECT_EQ(run_program(command({"health"}), with_ready_file()).status, 0);

  node.signal(SIGTERM);
  EXPECT_EQ(node.finish().status, 0);
  const auto after = health({"--ready-file", "ready.json"});
  EXPECT_EQ(after.status, 1);
  EXPECT_EQ(after.err, "troupe: no node is ready: there is no ready.json\n");
}

TEST_F(HealthCommand, FindsACoordinatorThatListensEverywhereUnderItsCertificate) {
  ASSERT_EQ(troupe({"certs", "init", "certs"}).status, 0);
  ASSERT_EQ(troupe({"certs", "node", "certs", "home"}).status, 0);
  auto around = with_ready_file();
  around.environment["TROUPE_TOKEN"] = "s3cret";
  running_program node(command({"node", "--role", "coordinator", "--http", "0.0.0.0:0", "--listen",
                                "0.0.0.0:0", "--tls-ca", "certs/ca.pem", "--tls-certificate",
                                "certs/home.pem", "--tls-key", "certs/home-key.pem", "--json"}),
                       around);
  ASSERT_TRUE(node.has_written("\n"));

  const auto found = health({"--ready-file", "ready.json"});
  EXPECT_EQ(found.status, 0) << found.err;
}

TEST_F(HealthCommand, LooksForTheProcessOfAWorker) {
  claim_to_be_a_worker(getpid());
  EXPECT_EQ(health({"--ready-file", "ready.json"}).out, "worker w-1 is healthy\n");

  claim_to_be_a_worker(getpid(), 90s);
  const auto stuck = health({"--ready-file", "ready.json"});
  EXPECT_EQ(stuck.status, 1);
  EXPECT_THAT(stuck.err, MatchesRegex("troupe: w-1 has not shown life for 9[0-9] s\n"));

  claim_to_be_a_worker(0x7fffffff);
  const auto gone = health({"--ready-file", "ready.json"});
  EXPECT_EQ(gone.status, 1);
  EXPECT_EQ(gone.err, "troupe: w-1 has gone without removing ready.json\n");
}

TEST_F(HealthCommand, TellsWhatIsNoNode) {
  const auto nobody = health({"--cluster", "http://127.0.0.1:1"});
  EXPECT_EQ(nobody.status, 3);
  EXPECT_THAT(nobody.err, HasSubstr("127.0.0.1:1"));
  EXPECT_EQ(health({"--cluster", "here"}).status, 2);

  write("other.json", "[1]\n");
  EXPECT_EQ(health({"--ready-file", "other.json"}).err,
            "troupe: other.json is no ready file of a node\n");
  const auto which = health({});
  EXPECT_EQ(which.status, 2);
  EXPECT_EQ(which.err, "troupe: health: which node? Give --cluster URL or --ready-file FILE\n");
}

} // namespace
} // namespace troupe::testing
