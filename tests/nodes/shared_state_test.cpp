#include "shared_state.hpp"

#include <troupe/policies/random.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Coordinators with one breaker and one rate limit each, and the links between them.
class SharedState : public ::testing::Test {
protected:
  struct member final : shared_port {
    member(SharedState& of, std::string called)
        : world(of), name(std::move(called)),
          state(
              *this, name,
              [this](const std::string& which, breaker_phase from, breaker_phase to) {
                changes.push_back(which + ' ' + actors::transition_text(from, to));
              },
              [this](const std::string& text) { warnings.push_back(text); }) {}

    void tell_other(const std::string& to, frame body) override {
      world.on_the_way.push_back({name, to, std::move(body)});
    }
    void declare(const breaker& options) {
      circuit = std::make_shared<actors::shared_breaker>(options);
      state.add(circuit, world.now);
    }
    bool call(breaker_verdict verdict) {
      return circuit->with([&](breaker_state& at) {
        const auto permit = at.admit(world.now);
        if (permit) at.record(*permit, verdict, 1ms, world.now);
        return permit.has_value();
      });
    }
    // A probe that goes on until it is ended.
    bool begin() {
      open = circuit->with([&](breaker_state& at) { return at.admit(world.now); });
      return open.has_value();
    }
    void end(breaker_verdict verdict) {
      circuit->with([&](breaker_state& at) { at.record(*open, verdict, 1ms, world.now); });
    }
    [[nodiscard]] breaker_phase phase() const {
      return circuit->with([](const breaker_state& at) { return at.phase(); });
    }

    SharedState& world;
    std::string name;
    std::vector<std::string> changes{};
    std::vector<std::string> warnings{};
    std::shared_ptr<actors::shared_breaker> circuit{};
    std::optional<breaker_permit> open{};
    shared_state state;
  };
  struct letter {
    std::string from;
    std::string to;
    frame body;
  };

  member& join(const std::string& name, bool declares = true) {
    auto& made = *members.emplace(name, std::make_unique<member>(*this, name)).first->second;
    if (declares) made.declare(options);
    connect();
    return made;
  }
  void lose(const std::string& name) {
    members.erase(name);
    connect();
  }
  void connect() {
    for (auto& [name, each] : members) {
      std::vector<std::string> others;
      for (const auto& [other, state] : members)
        if (other != name) others.push_back(other);
      each->state.set_others(others, now);
    }
  }
  void deliver() {
    while (!on_the_way.empty()) {
      const auto next = std::move(on_the_way.front());
      on_the_way.pop_front();
      const auto found = members.find(next.to);
      if (found == members.end()) continue;
      const auto content = read_frame(next.body);
      ASSERT_TRUE(content);
      EXPECT_TRUE(found->second->state.take(next.from, *content, now));
    }
  }
  // Everybody says what there is to say, and hears it.
  void talk() {
    for (auto& [name, each] : members) each->state.look(now);
    deliver();
  }
  member& home() { return *members.at(members.begin()->second->state.home_of("api")); }
  member& guest() {
    return *std::find_if(members.begin(), members.end(), [&](const auto& each) {
              return each.second.get() != &home();
            })->second;
  }
  void open_all() {
    for (int each = 0; each < 3; ++each) guest().call(breaker_verdict::failure);
    talk();
    now += 10s;
  }

  void open_three() {
    for (const auto* name : {"a", "b", "c"}) join(name);
    talk();
    open_all();
  }
  // One of three that may probe an open breaker.
  member& lease() {
    open_three();
    auto& probing = guest();
    probing.call(breaker_verdict::success);
    talk();
    return probing;
  }

  instant now{1h};
  breaker options{.name = "api",
                  .scope = state_scope::cluster,
                  .failure_threshold = 3,
                  .success_threshold = 1,
                  .wait = 10s};
  std::deque<letter> on_the_way;
  std::map<std::string, std::unique_ptr<member>> members;
};

constexpr auto success = breaker_verdict::success;
constexpr auto failed = breaker_verdict::failure;

TEST_F(SharedState, ABreakerThatOpensSomewhereOpensEverywhere) {
  for (const auto* name : {"a", "b", "c"}) join(name);
  talk();
  for (int each = 0; each < 3; ++each) guest().call(failed);

  talk();

  for (auto& [name, each] : members) EXPECT_EQ(each->phase(), breaker_phase::open) << name;
  EXPECT_THAT(home().changes, ElementsAre("api closed -> open"));
}

TEST_F(SharedState, FailuresOfAllCountTogether) {
  for (const auto* name : {"a", "b", "c"}) join(name);
  talk();
  for (auto& [name, each] : members) each->call(failed);

  talk();
  talk();

  for (auto& [name, each] : members) EXPECT_EQ(each->phase(), breaker_phase::open) << name;
}

TEST_F(SharedState, AllAgreeOnTheHome) {
  for (const auto* name : {"a", "b", "c"}) join(name);
  talk();

  std::set<std::string> homes;
  for (auto& [name, each] : members) homes.insert(each->state.home_of("api"));

  EXPECT_EQ(homes.size(), 1U);
}

TEST_F(SharedState, SaysNothingWhileNothingHappens) {
  join("a");
  join("b");
  talk();
  talk();
  for (auto& [name, each] : members) each->state.look(now);

  EXPECT_TRUE(on_the_way.empty());
}

TEST_F(SharedState, AGuestProbesWithLeaveFromTheHome) {
  join("a");
  join("b");
  talk();
  open_all();

  EXPECT_FALSE(guest().call(success));
  talk();
  EXPECT_TRUE(guest().begin());
  EXPECT_FALSE(home().call(success));
  guest().end(success);
  talk();
  talk();

  EXPECT_EQ(home().phase(), breaker_phase::closed);
  EXPECT_EQ(guest().phase(), breaker_phase::closed);
}

TEST_F(SharedState, AHomeThatHasNotHeardOfAGuestGivesItLeaveToo) {
  join("a");
  join("b");
  const std::vector<std::string> both{"a", "b"};
  auto& giver = *members.at(home_among(both, "api"));
  for (auto& [name, each] : members) each->state.look(now);
  std::erase_if(on_the_way, [&](const letter& each) { return each.to == giver.name; });
  deliver();
  for (int each = 0; each < 3; ++each) giver.call(failed);
  talk();
  now += 10s;

  EXPECT_FALSE(guest().call(success));
  talk();

  EXPECT_TRUE(guest().call(success));
}

TEST_F(SharedState, OneProbeAtATimeInAllOfTheCluster) {
  open_three();
  for (auto& [name, each] : members) each->begin();
  talk();
  int probing = home().open ? 1 : 0;
  for (auto& [name, each] : members) {
    if (each.get() != &home() && each->begin()) ++probing;
  }

  EXPECT_EQ(probing, 1);
}

TEST_F(SharedState, ALeaseThatNobodyUsesGoesBack) {
  join("a");
  join("b");
  talk();
  open_all();
  guest().call(success);
  talk();

  now += 2s;
  talk();

  EXPECT_TRUE(home().call(success));
}

TEST_F(SharedState, TheLeaseOfACoordinatorThatIsGoneIsFree) {
  auto& probing = lease();
  EXPECT_TRUE(probing.begin());
  const auto before = home().name;

  lose(probing.name);
  talk();

  EXPECT_EQ(home().name, before);
  EXPECT_TRUE(home().call(success));
}

TEST_F(SharedState, ALostHomeMoves) {
  open_three();

  lose(home().name);
  talk();

  EXPECT_EQ(home().phase(), breaker_phase::open);
  EXPECT_TRUE(home().call(success));
  talk();
  EXPECT_EQ(guest().phase(), breaker_phase::closed);
}

TEST_F(SharedState, AProbeOutlivesTheHomeThatGaveIt) {
  auto& probing = lease();
  ASSERT_TRUE(probing.begin());

  lose(home().name);
  probing.end(success);
  talk();
  talk();

  for (auto& [name, each] : members) EXPECT_EQ(each->phase(), breaker_phase::closed) << name;
}

TEST_F(SharedState, WhoJoinsLearnsWhereBreakersStand) {
  join("a");
  join("b");
  talk();
  open_all();

  auto& late = join("late");
  talk();

  EXPECT_EQ(late.phase(), breaker_phase::open);
}

TEST_F(SharedState, WhatIsDeclaredLaterStandsWhereItStandsElsewhere) {
  auto& late = join("late", false);
  join("a");
  join("b");
  talk();
  for (int each = 0; each < 3; ++each) members.at("a")->call(failed);
  talk();
  now += 4s;

  late.declare(options);

  EXPECT_EQ(late.phase(), breaker_phase::open);
  EXPECT_EQ(late.circuit->with([&](const breaker_state& at) { return at.retry_after(now); }), 6s);
}

TEST_F(SharedState, OnlyWhoHasDeclaredABreakerIsHomeToIt) {
  join("a");
  for (const auto* name : {"b", "c", "d", "e", "f"}) join(name, false);
  talk();

  EXPECT_EQ(members.at("a")->state.home_of("api"), "a");
  EXPECT_TRUE(members.at("a")->call(success));
}

TEST_F(SharedState, AnOperatorsWordReachesAll) {
  for (const auto* name : {"a", "b", "c"}) join(name);
  talk();

  guest().circuit->with([](breaker_state& at) { at.force_open(); });
  talk();
  for (auto& [name, each] : members) EXPECT_EQ(each->phase(), breaker_phase::forced_open) << name;

  guest().circuit->with([](breaker_state& at) { at.reset(); });
  talk();
  for (auto& [name, each] : members) EXPECT_EQ(each->phase(), breaker_phase::half_open) << name;
}

TEST_F(SharedState, OtherOptionsAreNotShared) {
  join("a");
  options.failure_threshold = 7;
  auto& other = join("b");
  talk();
  for (int each = 0; each < 3; ++each) members.at("a")->call(failed);
  talk();
  talk();

  EXPECT_EQ(other.phase(), breaker_phase::closed);
  EXPECT_THAT(other.warnings, ElementsAre(HasSubstr("breaker `api` has other options on "
                                                    "coordinator `a`")));
}

TEST_F(SharedState, PartedCoordinatorsAgreeOnceTheyMeetAgain) {
  join("a");
  join("b");
  talk();
  auto& a = *members.at("a");
  auto& b = *members.at("b");
  a.state.set_others({}, now);
  b.state.set_others({}, now);
  for (int each = 0; each < 3; ++each) a.call(failed);
  b.call(success);
  talk();
  EXPECT_EQ(b.phase(), breaker_phase::closed);

  connect();
  talk();

  EXPECT_EQ(b.phase(), breaker_phase::open);
}

TEST_F(SharedState, NewsThatMakeNoSenseEndTheLink) {
  auto& a = join("a");
  const auto take = [&](const value& item) {
    const auto content = read_frame(write_frame(message_kind::shared, {item}));
    return a.state.take("b", *content, now);
  };

  EXPECT_FALSE(take(value::list({99, "api"})));
  EXPECT_FALSE(take(value::list({1, value()})));
  EXPECT_FALSE(take(value::list({1, "api", "sum", 1, 77})));
  EXPECT_FALSE(take(value::list({1, "api", "sum", -1, 0})));
  EXPECT_FALSE(take(value("text")));
  EXPECT_TRUE(take(value::list({2, "none"})));
  EXPECT_TRUE(take(value::list({4, "none", -1, 12})));
  EXPECT_THAT(a.changes, IsEmpty());
}

// Whatever happens, in whatever order: once it is calm, a service that works is called again.
TEST_F(SharedState, IsNeverStuck) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source chance(seed);
    const auto one_of = [&](std::size_t count) {
      return static_cast<std::size_t>(chance.unit() * static_cast<double>(count));
    };
    members.clear();
    on_the_way.clear();
    for (const auto* name : {"a", "b", "c"}) join(name);
    for (int step = 0; step < 200; ++step) {
      now += std::chrono::milliseconds(one_of(2'000));
      auto& who = *std::next(members.begin(), static_cast<long>(one_of(members.size())))->second;
      switch (one_of(8)) {
      case 0: who.call(success); break;
      case 1:
      case 2: who.call(failed); break;
      case 3:
        if (!who.open) who.begin();
        break;
      case 4:
        if (who.open) who.end(one_of(2) == 0 ? success : breaker_verdict::neutral);
        who.open.reset();
        break;
      case 5: who.state.look(now); break;
      case 6: deliver(); break;
      case 7: {
        if (one_of(4) != 0) break;
        const auto name = who.name;
        lose(name);
        std::erase_if(on_the_way, [&](const letter& each) { return each.from == name; });
        if (members.size() < 2) join(name + "'");
        break;
      }
      }
    }
    connect();
    for (auto& [name, each] : members) {
      if (each->open) each->end(breaker_verdict::neutral);
      each->open.reset();
    }
    for (int calm = 0; calm < 12; ++calm) {
      now += 5s;
      for (auto& [name, each] : members) each->call(success);
      talk();
    }
    for (auto& [name, each] : members) EXPECT_EQ(each->phase(), breaker_phase::closed) << name;
  }
}

TEST_F(SharedState, ARateLimitCountsTheCallsOfAll) {
  const rate_limit rate{.name = "api", .scope = state_scope::cluster, .rate = 10, .burst = 10};
  std::map<std::string, std::shared_ptr<actors::shared_rate_limit>> buckets;
  for (const auto* name : {"a", "b", "c", "d"}) {
    buckets[name] = std::make_shared<actors::shared_rate_limit>(rate);
    join(name, false).state.add(buckets[name]);
  }
  int started = 0;

  for (int tick = 0; tick < 1'000; ++tick) {
    now += 100ms;
    for (auto& [name, bucket] : buckets) {
      for (int each = 0; each < 3; ++each) {
        started += bucket->with([&](token_bucket& of) { return of.acquire(now).admitted; }) ? 1 : 0;
      }
    }
    talk();
  }

  // 100 s of 10 a second, and at the start a full bucket for each.
  EXPECT_GE(started, 1'000);
  EXPECT_LE(started, 1'060);
}

TEST_F(SharedState, CallsOfTheTimeAloneAreNotHeldAgainstWhoJoins) {
  const rate_limit rate{.name = "api", .scope = state_scope::cluster, .rate = 10};
  const auto start = [&](const std::shared_ptr<actors::shared_rate_limit>& on) {
    now += 100ms;
    return on->with([&](token_bucket& of) { return of.acquire(now).admitted; });
  };
  const auto old = std::make_shared<actors::shared_rate_limit>(rate);
  const auto late = std::make_shared<actors::shared_rate_limit>(rate);
  join("a", false).state.add(old);
  for (int each = 0; each < 1'000; ++each) EXPECT_TRUE(start(old));

  join("b", false).state.add(late);
  talk();

  EXPECT_TRUE(start(late));
}

TEST_F(SharedState, OneThatIsAloneHasTheWholeRate) {
  const rate_limit rate{.name = "api", .scope = state_scope::cluster, .rate = 10};
  const auto mine = std::make_shared<actors::shared_rate_limit>(rate);
  join("a", false).state.add(mine);
  join("b", false).state.add(std::make_shared<actors::shared_rate_limit>(rate));
  int started = 0;

  for (int tick = 0; tick < 100; ++tick) {
    now += 100ms;
    started += mine->with([&](token_bucket& of) { return of.acquire(now).admitted; }) ? 1 : 0;
    talk();
  }

  EXPECT_EQ(started, 100);
}

} // namespace
} // namespace troupe::nodes
