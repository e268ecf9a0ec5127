// The cases of clusters, with a coordinator and workers that are processes of their own.

#include "node_fixture.hpp"

#include <algorithm>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

class ClusterCases : public NodeTest {
protected:
  void with_workers(int count, std::vector<std::string> more = {}) {
    home = coordinator(std::move(more));
    for (auto number = 1; number <= count; ++number) join("w" + std::to_string(number));
  }
  void join(const std::string& name, const std::vector<std::string>& more = {}) {
    workers.push_back(worker(name, more));
    EXPECT_TRUE(workers.back()->has_complained(name + " is ready"));
    EXPECT_TRUE(comes_true([&] {
      return ask({"nodes", "--cluster", url}).out.find(name) != std::string::npos;
    }));
  }
  [[nodiscard]] std::vector<std::string> run_words(const std::string& text,
                                                   std::vector<std::string> more) const {
    write("case.yaml", text);
    std::vector<std::string> words{"run", "case.yaml", "--cluster", url, "--json"};
    std::move(more.begin(), more.end(), std::back_inserter(words));
    return words;
  }
  [[nodiscard]] value run(const std::string& text, std::vector<std::string> more = {}) const {
    const auto done = ask(run_words(text, std::move(more)));
    EXPECT_FALSE(done.out.empty()) << done.err;
    return json_of(done.out);
  }
  static value step_of(const value& result, std::size_t index = 0) {
    return result.at("step_history").at(index);
  }
  static std::string text_of(const value& from) {
    return from.if_text() ? *from.if_text() : to_string(from);
  }

  std::unique_ptr<running_program> home;
  std::vector<std::unique_ptr<running_program>> workers;
};

TEST_F(ClusterCases, C302AWorkerThatDiesIsRetriedElsewhere) {
  with_workers(3);
  const auto result = run(R"(troupe: 1
flow:
  - { step: a, uses: value, with: { value: 1 } }
  - step: b
    uses: test.script
    with: { script: [ { crash: true }, { ok: done } ] }
    policies: [ { retry: { max_retries: 1, initial_delay: 1ms } } ]
  - { step: c, uses: value, with: { value: "${{ input }}!" } }
)");
  EXPECT_EQ(result.at("output"), value("done!"));
  EXPECT_EQ(step_of(result, 1).at("attempts"), value(2));
  EXPECT_EQ(result.at("scripts").at("b").at("calls"), value(2));
}

TEST_F(ClusterCases, C302WithoutARetryTheFailureSaysThatTheNodeWasLost) {
  with_workers(2);
  const auto result = run(R"(troupe: 1
flow: { step: b, uses: test.script, with: { script: [ { crash: true } ] } }
)");
  EXPECT_EQ(result.at("success"), value(false));
  EXPECT_EQ(result.at("failure").at("kind"), value("worker_lost"));
  EXPECT_THAT(text_of(step_of(result).at("feedback")), HasSubstr("was lost"));
}

TEST_F(ClusterCases, C302AFallbackAnswersForALostWorker) {
  with_workers(2);
  const auto result = run(R"(troupe: 1
steps: { canned: { uses: value, with: { value: sorry } } }
flow:
  step: b
  uses: test.script
  with: { script: [ { crash: true } ] }
  policies: [ { fallback: [ canned ] } ]
)");
  EXPECT_EQ(result.at("output"), value("sorry"));
  EXPECT_EQ(step_of(result).at("metadata").at("fallback_triggered"), value(true));
}

TEST_F(ClusterCases, WorkThatKillsThreeWorkersIsQuarantinedWithTheEvidence) {
  with_workers(4);
  const auto result = run(R"(troupe: 1
flow:
  step: b
  uses: test.script
  with: { repeat: true, idempotent: true, script: [ { crash: true } ] }
)");
  EXPECT_EQ(result.at("failure").at("kind"), value("permanent"));
  const auto feedback = text_of(step_of(result).at("feedback"));
  EXPECT_THAT(feedback, HasSubstr("quarantined: 3 different workers died"));
  EXPECT_EQ(std::count(feedback.begin(), feedback.end(), '`'), 6) << feedback;
}

TEST_F(ClusterCases, C306ACancelReachesAProgramOnAWorker) {
  with_workers(1);
  write("hold.yaml", R"(troupe: 1
flow: { step: hold, uses: exec, with: { argv: [ sh, -c, "touch begun; exec sleep 1000.25" ] } }
)");
  const auto id = ask({"submit", "hold.yaml", "--cluster", url}).out;
  ASSERT_TRUE(comes_true([&] { return has("begun"); }));
  const auto asked = std::chrono::steady_clock::now();
  EXPECT_EQ(ask({"cancel", id.substr(0, id.size() - 1), "--cluster", url}).status, 0);
  EXPECT_TRUE(comes_true([&] {
    const auto shown = ask({"show", id.substr(0, id.size() - 1), "--cluster", url});
    return shown.out.find("cancelled") != std::string::npos;
  }));
  EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(10));
  EXPECT_EQ(run_program({"pgrep", "-f", "sleep 1000.25"}).status, 1) << "its program has ended";
}

TEST_F(ClusterCases, C308SaysWhatIsMissingWithinTheWait) {
  home = coordinator({"--placement-wait", "200ms"});
  const auto nobody = run("troupe: 1\nflow: { step: a, uses: value, with: { value: 1 } }\n");
  EXPECT_EQ(nobody.at("failure").at("kind"), value("rejected"));
  EXPECT_THAT(text_of(nobody.at("failure").at("message")), HasSubstr("no worker"));
  join("plain");
  const auto wrong =
      run("troupe: 1\n"
          "flow: { step: a, uses: value, with: { value: 1 }, place: { labels: { gpu: yes } } }\n");
  EXPECT_THAT(text_of(wrong.at("failure").at("message")), HasSubstr("with label gpu=yes"));
  join("graphic", {"--labels", "gpu=yes"});
  const auto right =
      run("troupe: 1\n"
          "flow: { step: a, uses: value, with: { value: 1 }, place: { labels: { gpu: yes } } }\n");
  EXPECT_EQ(step_of(right).at("node"), value("graphic"));
}

TEST_F(ClusterCases, C309RefusesWhatTheQueueHasNoRoomFor) {
  home = coordinator({"--max-queued", "10"});
  join("slow", {"--credit", "1"});
  const auto result = run(R"(troupe: 1
flow:
  map: { step: nap, uses: sleep, with: { for: 20ms } }
  over: "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]"
  max_in_flight: 20
  join: collect
)");
  const auto items = step_of(result).at("step_history");
  std::size_t refused = 0;
  for (std::size_t index = 0; index < items.size(); ++index) {
    const auto feedback = items.at(index).at("feedback");
    if (feedback.is_null()) continue;
    ++refused;
    EXPECT_THAT(text_of(feedback), HasSubstr("overload"));
  }
  EXPECT_EQ(refused, 9u) << "one at work, ten in the queue";
}

TEST_F(ClusterCases, C313WorkersJoinAndLeaveInTheMiddle) {
  with_workers(1, {});
  write("many.yaml", R"(troupe: 1
flow:
  map: { step: nap, uses: sleep, with: { for: 20ms } }
  over: "input"
  max_in_flight: 8
)");
  std::string items = "[0";
  for (auto number = 1; number < 200; ++number) items += ',' + std::to_string(number);
  items += ']';
  const auto run = begin({"run", "many.yaml", "--cluster", url, "--json", "--input", items});
  join("w2");
  EXPECT_EQ(ask({"drain", "w1", "--cluster", url}).status, 0);
  EXPECT_EQ(workers[0]->finish().status, 0) << "a drained worker leaves by itself";
  const auto done = run->finish();
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(json_of(done.out).at("output"), json_of(items));
}

TEST_F(ClusterCases, AWorkerThatIsStoppedForAWhileLosesNothing) {
  with_workers(1);
  const auto run = begin(run_words(R"(troupe: 1
flow: { step: hold, uses: exec, with: { argv: [ sh, -c, "touch begun; sleep 0.2; printf done" ] } }
)",
                                   {}));
  ASSERT_TRUE(comes_true([&] { return has("begun"); }));
  workers[0]->signal(SIGSTOP);
  EXPECT_TRUE(comes_true([&] {
    return ask({"nodes", "--cluster", url}).out.find("suspect") != std::string::npos;
  }));
  workers[0]->signal(SIGCONT);
  const auto done = run->finish();
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(json_of(done.out).at("output"), value("done"));
}

} // namespace
} // namespace troupe::testing
