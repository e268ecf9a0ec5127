#include "redis_fixture.hpp"
#include "redis_outage.hpp"

#include <gmock/gmock.h>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using clock = std::chrono::steady_clock;

/// A server that cannot be used.
class RedisOutage : public RedisFixture {
protected:
  cache over(const std::string& url, redis_options options = {}) const {
    return {.name = "c", .backend = redis_cache(url, options)};
  }
  static bool answers(const any_deployment& live) {
    return live.start_value("in").result().output == value("v");
  }
  runtime rt{watched()};
  scripted_step a = mock_step("s", ok("v"));
};

TEST_F(RedisOutage, RunsGoOnUncachedWithOneWarning) {
  const auto live = rt.deploy(a() | over(server.url(), patient()));
  EXPECT_TRUE(answers(live));
  EXPECT_TRUE(answers(live));
  EXPECT_EQ(a.call_count(), 1u);

  server.kill();
  for (int each = 0; each < 50; ++each) EXPECT_TRUE(answers(live));
  EXPECT_GE(a.call_count(), 50u);
  EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("the cache redis://127.0.0.1:"),
                                            HasSubstr("steps run uncached meanwhile"))));
  EXPECT_GE(live.cache("c")->statistics().errors, 49u);

  server.start();
  const auto patience = clock::now() + 30s;
  while (!is_hit(live.start_value("in")) && clock::now() < patience) {
  }
  EXPECT_LT(clock::now(), patience);
  EXPECT_EQ(warnings().size(), 1u);
}

TEST_F(RedisOutage, AFrozenServerHoldsARunNoLongerThanTheLimit) {
  const auto live = rt.deploy(a() | over(server.url()));
  (void)live.start_value("first").result();
  server.freeze();
  const auto begun = clock::now();
  for (int each = 0; each < 20; ++each) EXPECT_TRUE(answers(live));
  // Only the first of them waits: then the server counts as gone.
  EXPECT_LT(clock::now() - begun, 10s);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("steps run uncached meanwhile")));

  server.thaw();
  const auto patience = clock::now() + 30s;
  while (!is_hit(live.start_value("in")) && clock::now() < patience) {
  }
  EXPECT_LT(clock::now(), patience);
}

// Otherwise a program that ends at once loses what it has just put.
TEST_F(RedisOutage, ARuntimeEndsNoSoonerThanWhatItHasPutIsStoredOrGivenUp) {
  std::weak_ptr<cache_backend> kept;
  {
    runtime brief{watched()};
    auto shared = redis_cache(server.url(), {.connect_limit = 20s});
    kept = shared;
    const auto freeze = inline_step("freeze", [this](int x) {
      server.freeze();
      return x;
    });
    const auto live = brief.deploy(freeze | cache{.name = "c", .backend = std::move(shared)});
    EXPECT_TRUE(live.run(1));
  }
  EXPECT_TRUE(kept.expired());
  server.thaw();
}

TEST_F(RedisOutage, AServerThatIsFrozenFromTheStartIsNotWaitedFor) {
  server.freeze();
  const auto live = rt.deploy(a() | over(server.url(), {.connect_limit = 100ms}));
  EXPECT_TRUE(answers(live));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("there is no connection within 100ms")));
}

TEST_F(RedisOutage, ARunIsCancelledWhileItWaitsForTheServer) {
  const auto live = rt.deploy(a() | over(server.url(), patient()));
  (void)live.start_value("first").result();
  server.freeze();
  const auto run = live.start_value("in");
  run.cancel();
  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_EQ(a.call_count(), 1u);
  server.thaw(); // or the end would wait for the limit
}

TEST_F(RedisOutage, NobodyThereIsNoReasonToFail) {
  server.kill();
  const auto live = rt.deploy(a() | over(server.url()));
  EXPECT_TRUE(answers(live));
  EXPECT_TRUE(answers(live));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("it cannot be reached")));
  EXPECT_THROW(live.cache("c")->clear(), step_error);
  EXPECT_THROW((void)live.cache("c")->invalidate("in"), step_error);
}

TEST_F(RedisOutage, ANameThatNobodyKnowsIsNoReasonToFail) {
  const auto live = rt.deploy(a() | over("redis://nobody.invalid:6379", patient()));
  EXPECT_TRUE(answers(live));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("its name cannot be resolved")));
}

TEST_F(RedisOutage, AQueueThatIsFullIsNoReasonToFail) {
  const auto live = rt.deploy(a() | over(server.url(), {.max_queued = 0}));
  EXPECT_TRUE(answers(live));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("too many commands wait for it")));
}

TEST_F(RedisOutage, AFullServerTakesNothingMore) {
  const auto live = rt.deploy(a() | over(server.url(), patient()));
  ask({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_TRUE(answers(live));
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_TRUE(answers(live));
  EXPECT_TRUE(answers(live));
  EXPECT_EQ(a.call_count(), 3u);
  // No run waits for what the server says to its result.
  const auto patience = clock::now() + 30s;
  while (live.cache("c")->statistics().errors < 3 && clock::now() < patience) {
  }
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("it says OOM")));
  EXPECT_EQ(live.cache("c")->statistics().errors, 3u);
}

class RedisLogin : public ::testing::Test {
protected:
  std::vector<std::string> warnings_with(const std::string& login) const {
    const auto seen = std::make_shared<recording_observer>();
    runtime_options chosen;
    chosen.log = false;
    chosen.observers = {seen};
    runtime rt{chosen};
    const auto backend =
        redis_cache(server.url(login), {.connect_limit = 20s, .command_limit = 20s});
    const auto live = rt.deploy(mock_step("s", ok("v"))() | cache{.name = "c", .backend = backend});
    EXPECT_EQ(live.start_value("in").result().output, value("v"));
    EXPECT_THAT(live.describe(), Not(HasSubstr("s3cret")));
    EXPECT_THAT(live.describe(), HasSubstr(server.url()));
    std::vector<std::string> all;
    for (const auto& each : seen->of(event_kind::warning)) all.push_back(each.detail);
    return all;
  }
  redis_server server{{"--requirepass", "s3cret@:/"}};
};

TEST_F(RedisLogin, TakesThePassword) {
  EXPECT_THAT(warnings_with(":s3cret%40%3a%2F@"), IsEmpty());
  EXPECT_THAT(warnings_with("default:s3cret%40:%2F@"), IsEmpty());
}

TEST_F(RedisLogin, AWrongPasswordIsAnOutageThatDoesNotRepeatIt) {
  EXPECT_THAT(
      warnings_with(":s3cretz@"),
      ElementsAre(AllOf(HasSubstr("it refused the login: WRONGPASS"), Not(HasSubstr("s3cret")))));
  EXPECT_THAT(warnings_with(""), ElementsAre(HasSubstr("it says NOAUTH")));
}

TEST(RedisOutageNews, AreToldOncePerOutage) {
  redis_outage outage;
  const instant begin(1h);
  outage.failed("down", begin);
  EXPECT_EQ(outage.take_news(), "down");
  EXPECT_EQ(outage.take_news(), "");
  outage.failed("down", begin + 1h);
  EXPECT_EQ(outage.take_news(), ""); // nothing has worked since
  outage.succeeded();
  outage.failed("down", begin + 1h + 1s);
  EXPECT_EQ(outage.take_news(), ""); // it flickers
  outage.succeeded();
  outage.failed("down again", begin + 2h);
  EXPECT_EQ(outage.take_news(), "down again");
}

} // namespace
} // namespace troupe::testing
