#include "node_fixture.hpp"
#include "service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// Says by a file that it has begun, and ends a little later.
constexpr auto slow_file = R"(troupe: 1
name: slow
flow:
  step: slow
  uses: exec
  with: { argv: [sh, -c, "touch begun; sleep 0.3; printf done"] }
)";
constexpr auto endless_file = R"(troupe: 1
name: endless
flow: { step: endless, uses: exec, with: { argv: [sh, -c, "touch begun; exec sleep 1000"] } }
)";

class NodeCommand : public NodeTest {
protected:
  NodeCommand() {
    write("slow.yaml", slow_file);
    write("endless.yaml", endless_file);
  }
};

TEST_F(NodeCommand, SaysWhereItIsOnceItIsReady) {
  const auto home = coordinator({"--json"});
  const auto hand = worker("hand", {"--json", "--ready-file", "hand.json"});

  EXPECT_TRUE(hand->has_written("\n"));
  const auto facts = json_of(read("hand.json"));
  EXPECT_EQ(facts.at("role"), value("worker"));
  EXPECT_EQ(facts.at("coordinators").at(0), value(links));
  EXPECT_THAT(ask({"nodes", "--cluster", url}).out, HasSubstr("hand"));
  hand->signal(SIGTERM);
  const auto end = hand->finish();
  EXPECT_EQ(end.status, 0) << end.err;
  EXPECT_EQ(json_of(end.out), facts);
  EXPECT_THAT(end.err, AllOf(HasSubstr("troupe: hand is ready: works for " + links + "\n"),
                             HasSubstr("troupe: hand has ended\n")));
  home->signal(SIGINT);
  const auto last = home->finish();
  EXPECT_EQ(last.status, 0) << last.err;
  EXPECT_EQ(json_of(last.out).at("url"), value(url));
  EXPECT_THAT(last.err, HasSubstr("home is ready: workers at " + links + ", API at " + url + '\n'));
  EXPECT_FALSE(has("home.json") || has("hand.json")) << "they are removed at the end";
}

TEST_F(NodeCommand, FinishesWhatIsRunningBeforeItEnds) {
  const auto home = coordinator();
  const auto hand = worker("hand");
  const auto run = begin({"run", "slow.yaml", "--cluster", url});
  ASSERT_TRUE(comes_true([&] { return has("begun"); }));

  hand->signal(SIGTERM);
  home->signal(SIGTERM);

  const auto result = run->finish();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "done\n");
  const auto end = hand->finish();
  EXPECT_EQ(end.status, 0) << end.err;
  EXPECT_THAT(end.err, EndsWith("hand has ended\n"));
  const auto last = home->finish();
  EXPECT_EQ(last.status, 0) << last.err;
}

TEST_F(NodeCommand, HandsBackWhatIsNotFinishedInTime) {
  const auto home = coordinator();
  const auto hand = worker("hand", {"--drain-limit", "100ms"});
  const auto run = begin({"run", "endless.yaml", "--cluster", url});
  ASSERT_TRUE(comes_true([&] { return has("begun"); }));

  hand->signal(SIGTERM);

  const auto end = hand->finish();
  EXPECT_EQ(end.status, 0);
  EXPECT_THAT(end.err, HasSubstr("hand has ended; what was not finished goes to other workers"));
}

TEST_F(NodeCommand, EndsAtOnceByTheSecondSignal) {
  const auto home = coordinator();
  const auto hand = worker("hand");
  const auto run = begin({"run", "endless.yaml", "--cluster", url});
  ASSERT_TRUE(comes_true([&] { return has("begun"); }));

  hand->signal(SIGTERM);
  ASSERT_TRUE(hand->has_complained("hand ends: finishes what is running, at most 30s"));
  hand->signal(SIGTERM);
  EXPECT_EQ(hand->finish().status, 130);
}

TEST_F(NodeCommand, LeavesWhenItIsAskedTo) {
  const auto home = coordinator();
  const auto hand = worker("hand");
  ASSERT_TRUE(hand->has_complained("hand is ready"));

  EXPECT_EQ(ask({"drain", "hand", "--wait", "--cluster", url}).status, 0);
  const auto end = hand->finish();
  EXPECT_EQ(end.status, 0);
  EXPECT_THAT(end.err, HasSubstr("hand was asked to leave: finishes what is running"));
}

TEST_F(NodeCommand, GoesOnLookingForItsCoordinator) {
  links = "127.0.0.1:9"; // where nobody is
  const auto hand = worker("hand");
  EXPECT_TRUE(hand->has_complained("no link to the coordinator at 127.0.0.1:9: "));
  hand->signal(SIGTERM);
  const auto end = hand->finish();
  EXPECT_EQ(end.status, 0);
  EXPECT_THAT(end.err, Not(HasSubstr("is ready")));
}

TEST_F(NodeCommand, RefusesWhatMakesNoSense) {
  const auto complaint = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "node");
    const auto result = ask(std::move(words));
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.out, IsEmpty());
    return result.err;
  };
  EXPECT_THAT(complaint({}), HasSubstr("--role is missing: coordinator or worker"));
  EXPECT_THAT(complaint({"--role", "worker"}), HasSubstr("needs at least one to work for"));
  EXPECT_THAT(complaint({"--role", "workr"}), HasSubstr("did you mean worker?"));
  EXPECT_THAT(complaint({"--role", "coordinator", "--lost-after", "10ms"}),
              HasSubstr("at least twice the heartbeat of 500ms (--lost-after)"));
  EXPECT_THAT(complaint({"--role", "coordinator", "--listen", "0.0.0.0:0"}),
              HasSubstr("needs certificates"));
  EXPECT_THAT(complaint({"--role", "coordinator", "--tls-ca", "none.pem", "--tls-certificate",
                         "none.pem", "--tls-key", "none.pem"}),
              HasSubstr("none.pem"));
  EXPECT_THAT(complaint({"--role", "coordinator", "--hearbeat", "1s"}),
              HasSubstr("did you mean --heartbeat?"));
  const auto home = coordinator();
  EXPECT_THAT(complaint({"--role", "coordinator", "--listen", links, "--http", "127.0.0.1:0"}),
              HasSubstr("node: listen: "));
}

TEST_F(NodeCommand, AsksClientsForTheToken) {
  const auto home = coordinator({}, {{"TROUPE_TOKEN", "let-me-in"}});
  EXPECT_EQ(ask({"list", "--cluster", url}).status, 3);
  EXPECT_EQ(ask({"list", "--cluster", url}, {{"TROUPE_TOKEN", "let-me-in"}}).status, 0);
  home->signal(SIGTERM);
  EXPECT_THAT(home->finish().err, Not(HasSubstr("let-me-in")));

  write("api_token", "from-the-manager\n");
  const auto again = coordinator({}, {{"CREDENTIALS_DIRECTORY", folder}});
  EXPECT_EQ(ask({"list", "--cluster", url}).status, 3);
  EXPECT_EQ(ask({"list", "--cluster", url, "--token-file", "api_token"}).status, 0);
}

TEST_F(NodeCommand, SpeaksTlsWithCertificatesOfOneAuthorityOnly) {
  ASSERT_EQ(ask({"certs", "init", "ours"}).status, 0);
  ASSERT_EQ(ask({"certs", "node", "ours", "home", "hand"}).status, 0);
  ASSERT_EQ(ask({"certs", "init", "theirs"}).status, 0);
  ASSERT_EQ(ask({"certs", "node", "theirs", "stranger"}).status, 0);
  const auto files = [](const std::string& place, const std::string& name) {
    return std::vector<std::string>{"--tls-ca",          place + "/ca.pem",
                                    "--tls-certificate", place + "/" + name + ".pem",
                                    "--tls-key",         place + "/" + name + "-key.pem"};
  };
  const auto home = coordinator(files("ours", "home"));
  EXPECT_THAT(url, StartsWith("https://"));
  const auto stranger = worker("stranger", files("theirs", "stranger"));
  const auto hand = worker("hand", files("ours", "hand"));

  EXPECT_TRUE(stranger->has_complained("no link to the coordinator at " + links));
  EXPECT_TRUE(hand->has_complained("hand is ready"));
  const auto run = ask({"run", "slow.yaml", "--cluster", url, "--ca", "ours/ca.pem"});
  EXPECT_EQ(run.out, "done\n") << run.err;
  const auto nodes = ask({"nodes", "--cluster", url, "--ca", "ours/ca.pem"});
  EXPECT_THAT(nodes.out, AllOf(HasSubstr("hand"), Not(HasSubstr("stranger")))) << nodes.err;
  stranger->signal(SIGTERM);
  EXPECT_THAT(stranger->finish().err, Not(HasSubstr("is ready")));
}

/// The socket of a service manager.
class fake_manager {
public:
  explicit fake_manager(const std::string& path) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    if (path[0] == '@') where.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&where), length), 0);
    const timeval patience{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~fake_manager() { close(socket_); }
  fake_manager(const fake_manager&) = delete;
  fake_manager& operator=(const fake_manager&) = delete;

  /// The next thing it is told; empty when that does not come.
  std::string hears() const {
    std::array<char, 512> text{};
    const auto count = recv(socket_, text.data(), text.size(), 0);
    return {text.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  }
  bool hears_in_the_end(const std::string& what) const {
    for (auto told = hears(); !told.empty(); told = hears()) {
      if (told.find(what) != std::string::npos) return true;
    }
    return false;
  }

private:
  const int socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

TEST_F(NodeCommand, TellsTheServiceManagerHowItIs) {
  const fake_manager manager(folder + "/manager");
  const auto home =
      coordinator({}, {{"NOTIFY_SOCKET", folder + "/manager"}, {"WATCHDOG_USEC", "40000"}});

  EXPECT_THAT(manager.hears(), StartsWith("READY=1\n"));
  EXPECT_TRUE(manager.hears_in_the_end("WATCHDOG=1"));
  EXPECT_TRUE(manager.hears_in_the_end("WATCHDOG=1")) << "again and again";
  home->signal(SIGTERM);
  EXPECT_TRUE(manager.hears_in_the_end("STOPPING=1"));
  EXPECT_EQ(home->finish().status, 0);
}

TEST(ServiceManager, IsToldUnderAnAddressWithoutAFile) {
  const auto address = "@troupe-test-" + std::to_string(getpid());
  const fake_manager manager(address);
  setenv("NOTIFY_SOCKET", address.c_str(), 1);
  setenv("WATCHDOG_USEC", "3000000", 1);
  setenv("WATCHDOG_PID", "1", 1);
  const detail::service_manager told;
  told.tell("READY=1");
  EXPECT_EQ(manager.hears(), "READY=1");
  EXPECT_FALSE(told.watchdog()) << "it is another process that is watched";
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
}

TEST(ServiceManager, IsNotMissed) {
  unsetenv("NOTIFY_SOCKET");
  setenv("WATCHDOG_USEC", "3000000", 1);
  const detail::service_manager nobody;
  nobody.tell("READY=1");
  EXPECT_FALSE(nobody.watchdog());
  setenv("NOTIFY_SOCKET", "no/path", 1);
  detail::service_manager().tell("READY=1");
}

} // namespace
} // namespace troupe::testing
