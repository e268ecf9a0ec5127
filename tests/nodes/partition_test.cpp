// A worker on a host of its own: a network namespace, whose only cable is cut without a word.

#include "cluster_fixture.hpp"
#include "support/program_runner.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

namespace troupe {
namespace {

using ::testing::HasSubstr;

/// A namespace with one cable to this machine. Needs root and iproute2.
class far_host {
public:
  far_host() : name_("troupe-" + std::to_string(getpid())) {
    const auto number = std::to_string(getpid() % 250);
    here_ = "10.254." + number + ".1";
    there_ = "10.254." + number + ".2";
    works_ =
        ip({"netns", "add", name_})
        && ip({"link", "add", near_end(), "type", "veth", "peer", "name", "cable", "netns", name_})
        && ip({"addr", "add", here_ + "/30", "dev", near_end()})
        && ip({"link", "set", near_end(), "up"})
        && ip({"-n", name_, "addr", "add", there_ + "/30", "dev", "cable"})
        && ip({"-n", name_, "link", "set", "cable", "up"});
  }
  ~far_host() {
    ip({"link", "del", near_end()});
    ip({"netns", "del", name_});
  }
  far_host(const far_host&) = delete;
  far_host& operator=(const far_host&) = delete;

  [[nodiscard]] bool works() const { return works_; }
  [[nodiscard]] const std::string& here() const { return here_; }
  void cut() const { ip({"-n", name_, "link", "set", "cable", "down"}); }
  void mend() const { ip({"-n", name_, "link", "set", "cable", "up"}); }
  [[nodiscard]] std::vector<std::string> inside(std::vector<std::string> words) const {
    words.insert(words.begin(), {"ip", "netns", "exec", name_});
    return words;
  }

private:
  // Names of interfaces have 15 letters at most.
  [[nodiscard]] std::string near_end() const { return "trp" + std::to_string(getpid()); }
  static bool ip(std::vector<std::string> words) {
    words.insert(words.begin(), "ip");
    try {
      return testing::run_program(words).status == 0;
    } catch (const std::exception&) {
      return false;
    }
  }

  std::string name_;
  std::string here_;
  std::string there_;
  bool works_ = false;
};

TEST(partition, costs_a_silent_worker_its_work_and_lets_it_come_back) {
  const far_host host;
  if (!host.works()) GTEST_SKIP() << "network namespaces cannot be made here";
  auto options = coordinator_options();
  options.listen = {host.here(), 0};
  options.insecure = true;
  options.heartbeat = 100ms;
  options.lost_after = 1s;
  node home(options);
  testing::running_program far(host.inside(
      {TROUPE_PROGRAM, "node", "--role", "worker", "--name", "far", "--insecure", "--coordinators",
       to_string(home.listen_address()), "--heartbeat", "100ms", "--lost-after", "1s"}));
  ASSERT_TRUE(home.wait_for_connections(1, 20s));

  const auto file = parse_workflow("test.yaml", R"(
troupe: 1
flow: {step: nap, uses: sleep, with: {for: 300ms}, idempotent: true}
)");
  const auto live = file.deploy(home.runtime());
  EXPECT_EQ(live.start_value(1).result().step_history.at(0).node, "far");

  const auto run = live.start_value(2);
  EXPECT_FALSE(run.wait_for(100ms));
  host.cut();
  auto near_options = worker_options(home, "near");
  near_options.insecure = true;
  near_options.heartbeat = 100ms;
  const node near_worker(near_options);
  const auto& result = run.result();
  EXPECT_EQ(result.output, value(2)) << result.feedback();
  EXPECT_EQ(result.step_history.at(0).node, "near");
  EXPECT_LT(result.latency, 5s);
  EXPECT_EQ(home.connections(), 1u);

  host.mend();
  EXPECT_TRUE(home.wait_for_connections(2, 30s)) << "it came back";
  far.signal(SIGTERM);
  EXPECT_EQ(far.finish().status, 0);
}

} // namespace
} // namespace troupe
