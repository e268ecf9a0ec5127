#include "support/simulated_cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {
namespace {

using nodes::frame;
using nodes::message_kind;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t seeds_per_test = 20;
#else
constexpr std::uint64_t seeds_per_test = 1000;
#endif
constexpr std::uint64_t shards = 10;

// Set to see one seed alone.
std::optional<std::uint64_t> wanted_seed() {
  const auto* text = std::getenv("TROUPE_SEED");
  if (!text) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

// Every fifth network is broken inside of its links, and in every tenth world nothing goes wrong.
cluster_script script_of(std::uint64_t seed) {
  return {.seed = seed, .broken_network = seed % 5 == 4, .without_trouble = seed % 10 == 0};
}

std::vector<std::string> wrong_with(simulated_cluster& cluster) {
  cluster.run();
  auto found = violations(cluster.history(), cluster.rules());
  for (auto& each : cluster.leftovers()) found.push_back(std::move(each));
  return found;
}

std::string tail_of(const std::vector<std::string>& trace) {
  constexpr std::size_t most = 100;
  std::string text;
  const auto first = trace.size() > most ? trace.size() - most : 0;
  for (auto line = first; line < trace.size(); ++line) text += trace[line] + '\n';
  return text;
}

void expect_no_violation(std::uint64_t seed) {
  auto script = script_of(seed);
  simulated_cluster cluster(script);
  const auto found = wrong_with(cluster);
  if (found.empty()) return;
  script.traces = true;
  simulated_cluster again(script);
  again.run();
  std::string text;
  for (const auto& each : found) text += each + '\n';
  ADD_FAILURE() << "seed " << seed << " (set TROUPE_SEED=" << seed << " to see it alone):\n"
                << text << "its last moments:\n"
                << tail_of(again.trace());
}

class ClusterSimulation : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(ClusterSimulation, KeepsToTheRulesWhateverHappens) {
  if (const auto wanted = wanted_seed()) {
    if (GetParam() == *wanted / seeds_per_test % shards) expect_no_violation(*wanted);
    return;
  }
  const auto first = GetParam() * seeds_per_test;
  for (auto seed = first; seed < first + seeds_per_test && !HasFailure(); ++seed) {
    expect_no_violation(seed);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClusterSimulation, ::testing::Range<std::uint64_t>(0, shards));

TEST(ClusterSimulationTest, GivesTheSameHistoryForTheSameSeed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto script = script_of(seed);
    script.traces = true;
    simulated_cluster first(script);
    simulated_cluster second(script);
    first.run();
    second.run();
    ASSERT_EQ(first.trace(), second.trace()) << "seed " << seed;
  }
}

TEST(ClusterSimulationTest, LetsEveryKindOfThingHappen) {
  std::set<std::string> missing{
      "worker_lost",        "cancelled",          "timed out",
      "rejected",           "stands still",       "nothing comes",
      "nothing was heard",  "was reset",          "closed the connection",
      "broke the protocol", "permanent: not now", "left before it had finished",
      "quarantined"};
  for (auto kind = fact_kind::run_started; kind <= fact_kind::calm;
       kind = static_cast<fact_kind>(static_cast<int>(kind) + 1)) {
    missing.emplace(to_string(kind));
  }
  for (std::uint64_t seed = 0; seed < 1'000 && !missing.empty(); ++seed) {
    auto script = script_of(seed);
    script.traces = true;
    simulated_cluster cluster(script);
    cluster.run();
    for (const auto& each : cluster.history()) missing.erase(std::string(to_string(each.what)));
    for (const auto& line : cluster.trace()) {
      std::erase_if(missing, [&](const std::string& part) { return line.find(part) != line.npos; });
    }
  }
  EXPECT_THAT(missing, ::testing::IsEmpty());
}

// Reads a frame, lets `change` edit its items, and writes it again.
template <class Change>
void rewrite(frame& body, Change&& change) {
  auto content = nodes::read_frame(body);
  if (!content) return;
  nodes::frame_writer writer(content->kind);
  for (std::size_t index = 0; index < content->size(); ++index) {
    (void)writer.add(change(content->kind, content->item(index)));
  }
  body = writer.take();
}

message_kind kind_of(const frame& body) {
  const auto content = nodes::read_frame(body);
  return content ? content->kind : message_kind::heartbeat;
}

/// Says of the first worlds in which something is planted whether the checker finds that.
template <class Plant>
void expect_found(const std::string& what, Plant&& plant, bool without_trouble = true) {
  std::string others;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    simulated_cluster cluster({.seed = seed, .without_trouble = without_trouble});
    plant(cluster.world());
    for (const auto& each : wrong_with(cluster)) {
      if (each.find(what) != each.npos) return;
      others += "seed " + std::to_string(seed) + ": " + each + '\n';
    }
  }
  ADD_FAILURE() << "it was not found that " << what << "; but:\n" << others.substr(0, 2000);
}

TEST(PlantedBug, OfACoordinatorThatAnswersTwiceIsFound) {
  expect_found("two results", [](simulated_world& world) { world.answers_twice = true; });
}

TEST(PlantedBug, OfADispatcherWithoutFencingIsFound) {
  // Takes a result for the one that it waits for, whatever it answers.
  expect_found("none that was worked out", [](simulated_world& world) {
    world.network.tamper = [](std::size_t, std::size_t, std::vector<frame>& frames) {
      for (auto& each : frames) {
        if (kind_of(each) != message_kind::results) continue;
        rewrite(each, [](message_kind, const value& item) {
          auto parts = *item.if_list();
          parts[0] = *parts[0].if_integer() + 1;
          return value::list(std::move(parts));
        });
      }
    };
  });
}

// Lets a worker have once more what it has answered.
void repeat_ended_work(simulated_world& world) {
  struct memory {
    std::map<std::pair<std::size_t, std::size_t>, frame> work;
    std::map<std::pair<std::size_t, std::size_t>, bool> ended;
  };
  world.network.tamper = [seen = std::make_shared<memory>()](std::size_t from, std::size_t to,
                                                             std::vector<frame>& frames) {
    for (const auto& each : frames) {
      const auto kind = kind_of(each);
      if (kind == message_kind::work) seen->work[{from, to}] = each;
      if (kind == message_kind::results) seen->ended[{to, from}] = true;
    }
    const auto found = seen->work.find({from, to});
    if (found == seen->work.end() || !seen->ended[{from, to}]) return;
    frames.push_back(found->second);
    seen->work.erase(found);
  };
}

TEST(PlantedBug, OfAStepThatIsStartedAfterItsAnswerIsFound) {
  expect_found("started after its request was answered", repeat_ended_work);
}

TEST(PlantedBug, OfAStepThatIsDoneTwiceIsFound) {
  expect_found("must not be done twice", repeat_ended_work);
}

TEST(PlantedBug, OfALostResultIsFound) {
  const auto lose = [](simulated_world& world) {
    world.network.tamper = [&world](std::size_t, std::size_t, std::vector<frame>& frames) {
      std::erase_if(frames, [&](const frame& each) {
        return kind_of(each) == message_kind::results && world.time.chance(0.3);
      });
    };
  };
  expect_found("wait for nothing", lose);
  expect_found("never answered", lose);
  expect_found("never ended", lose);
  expect_found("there is no end to it", lose);
  expect_found("requests open", lose);
}

TEST(PlantedBug, OfACoordinatorThatIgnoresCreditIsFound) {
  expect_found("more work than it takes", [](simulated_world& world) {
    world.network.tamper = [](std::size_t, std::size_t, std::vector<frame>& frames) {
      for (auto& each : frames) {
        if (kind_of(each) != message_kind::hello) continue;
        rewrite(each, [](message_kind, const value& item) { return item.with("credit", 50); });
      }
    };
  });
}

TEST(PlantedBug, OfWorkThatDoesNotStopIsFound) {
  expect_found("went on for too long", [](simulated_world& world) { world.stops_late = true; });
}

// Takes what is said of shared breakers out of frames: all, or one kind of news.
auto lose_news(std::optional<std::int64_t> kind) {
  return [kind](simulated_world& world) {
    world.network.tamper = [kind](std::size_t, std::size_t, std::vector<frame>& frames) {
      std::erase_if(frames, [&](const frame& each) {
        const auto content = nodes::read_frame(each);
        return content && content->kind == message_kind::shared
               && (!kind || content->item(content->size() - 1).at(std::size_t{0}) == value(*kind));
      });
    };
  };
}

TEST(PlantedBug, OfABreakerThatOthersDoNotHearOfIsFound) {
  expect_found("does not open everywhere", lose_news(std::nullopt));
}

TEST(PlantedBug, OfAProbeThatIsNeverLeasedIsFound) {
  constexpr std::int64_t lease = 3;
  expect_found("does not close though", lose_news(lease));
}

TEST(PlantedBug, OfUsageThatIsCountedTwiceIsFound) {
  expect_found("more was counted", [](simulated_world& world) {
    world.network.tamper = [](std::size_t, std::size_t, std::vector<frame>& frames) {
      const auto count = frames.size();
      for (std::size_t index = 0; index < count; ++index) {
        if (kind_of(frames[index]) == message_kind::progress) frames.push_back(frames[index]);
      }
    };
  });
}

} // namespace
} // namespace troupe::testing
