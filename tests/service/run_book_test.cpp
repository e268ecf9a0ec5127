#include "service_fixture.hpp"

#include <troupe/service/run_log.hpp>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using service::run_book;
using service::run_book_options;
using service::run_filter;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(RunBook, RunsWhatIsSubmittedAndKeepsTheResult) {
  with({});
  auto what = of(echo_file, value("hello"));
  what.correlation_id = "order-17";

  const auto run = book->submit(what);
  ASSERT_TRUE(run);
  EXPECT_EQ(book->result(*run), value());
  home->settle();

  const auto result = book->result(*run);
  EXPECT_EQ(result.at("run_id"), value(run->to_string()));
  EXPECT_EQ(result.at("output"), value("hello"));
  EXPECT_EQ(result.at("correlation_id"), value("order-17"));
  EXPECT_EQ(result.at("status"), value("completed"));
  EXPECT_EQ(status(*run), run_status::completed);
  EXPECT_EQ(book->counts().completed, 1U);
}

TEST_F(RunBook, TakesInputContextAndLimitsOverThoseOfTheFile) {
  with({});
  auto what = of(R"(troupe: 1
name: both
input: of the file
context: { tenant: acme, tier: gold }
limits: { tokens: 5 }
flow:
  step: s
  uses: test.script
  with: { script: [ { ok: "${{ input + context.tenant + context.tier }}", tokens: 8 } ] }
)");
  what.context = value::map({{"tenant", "other"}});
  what.limits.tokens = 10;

  const auto run = book->submit(what);
  home->settle();

  EXPECT_EQ(book->result(*run).at("output"), value("of the fileothergold"));
}

TEST_F(RunBook, RefusesWhatMakesNoSense) {
  with({});
  const auto invalid = book->submit(of("troupe: 1\nname: x\nflow: { step: s, uses: valeu }\n"));
  ASSERT_FALSE(invalid);
  EXPECT_EQ(invalid.why().kind, failure_kind::malformed);
  EXPECT_THAT(invalid.why().message, AllOf(HasSubstr("workflow:3:"), HasSubstr("did you mean")));

  EXPECT_EQ(book->submit({}).why().kind, failure_kind::malformed);
  auto bad_context = of(echo_file);
  bad_context.context = value(3);
  EXPECT_THAT(book->submit(bad_context).why().message, HasSubstr("must be a map, not integer"));
  service::submission unknown;
  unknown.name = "nobody";
  EXPECT_THAT(book->submit(unknown).why().message, HasSubstr("no workflow `nobody`"));
  EXPECT_EQ(book->counts().running, 0U);
}

TEST_F(RunBook, FindsWorkflowsByNameOnceTheyWereSubmittedOrRegistered) {
  run_book_options options;
  options.registry.add_pipeline("double", step("double", [](int n) { return 2 * n; }));
  with(std::move(options));
  start(echo_file, value(1));

  service::submission by_name;
  by_name.name = "echo";
  by_name.input = value(2);
  const auto again = book->submit(by_name);
  by_name.name = "double";
  by_name.input = value(21);
  const auto registered = book->submit(by_name);
  ASSERT_TRUE(again && registered);
  (void)home->metrics();
  while (status(*registered) == run_status::running) home->settle();

  EXPECT_EQ(book->result(*again).at("output"), value(2));
  EXPECT_EQ(book->result(*registered).at("output"), value(42));
}

TEST_F(RunBook, KeepsWhatRunsOfOneFileShare) {
  with({});
  const std::string cached = R"(troupe: 1
name: cached
flow:
  step: s
  uses: test.script
  with: { script: [ { ok: once } ] }
  policies: [ { cache: { ttl: 1h } } ]
)";
  const auto first = start(cached);
  const auto second = start(cached);

  EXPECT_EQ(book->result(first).at("metrics").at("cache_hit"), value(false));
  EXPECT_EQ(book->result(second).at("metrics").at("cache_hit"), value(true));
  EXPECT_EQ(book->counts().deployments, 1U);
}

TEST_F(RunBook, StartsScriptsOverWhenAsked) {
  with({});
  const std::string once = R"(troupe: 1
name: once
flow: { step: s, uses: test.script, with: { script: [ { ok: first } ] } }
)";
  start(once);
  const auto used_up = start(once);
  auto what = of(once);
  what.restart_scripts = true;
  const auto anew = book->submit(what);
  home->settle();

  EXPECT_EQ(status(used_up), run_status::failed);
  EXPECT_EQ(status(*anew), run_status::completed);
  EXPECT_EQ(book->result(*anew).at("scripts").at("s").at("calls"), value(1));
}

TEST_F(RunBook, LetsGoOfTheWorkflowThatWasUsedLeast) {
  with({.max_deployments = 2});
  const auto named = [](const std::string& name) {
    return "troupe: 1\nname: " + name + "\nflow: { step: s, uses: value, with: { value: 1 } }\n";
  };
  for (const auto* name : {"a", "b", "a", "c"}) start(named(name));

  EXPECT_EQ(book->counts().deployments, 2U);
  service::submission again;
  again.name = "b";
  EXPECT_FALSE(book->submit(again));
  again.name = "a";
  EXPECT_TRUE(book->submit(again));
}

TEST_F(RunBook, CancelsARunOnce) {
  with({});
  const auto run = start(hang_file);

  EXPECT_TRUE(*book->cancel(run));
  home->settle();
  EXPECT_EQ(status(run), run_status::cancelled);
  const auto late = book->cancel(run);
  ASSERT_FALSE(late);
  EXPECT_THAT(late.why().message, HasSubstr("has ended: it is cancelled"));
  EXPECT_FALSE(book->cancel(run_id::make()));
}

TEST_F(RunBook, RetriesWithTheSameInput) {
  with({});
  const auto run = start(echo_file, value("again"));

  const auto next = book->retry(run);
  home->settle();

  ASSERT_TRUE(next);
  EXPECT_NE(*next, run);
  EXPECT_EQ(book->result(*next).at("output"), value("again"));
  EXPECT_EQ(book->entry(*next)->retry_of, run);
  EXPECT_EQ(book->entry(*next)->correlation_id, book->entry(run)->correlation_id);
  EXPECT_FALSE(book->retry(run_id::make()));
}

TEST_F(RunBook, RetriesARegisteredPipelineWhateverHasItsNameNow) {
  run_book_options options;
  options.registry.add_pipeline("echo", inline_step("double", [](int n) { return 2 * n; }));
  with(std::move(options));
  service::submission by_name;
  by_name.name = "echo";
  by_name.input = value(21);
  const auto run = book->submit(by_name).value();
  home->settle();
  start(echo_file, value(1));

  const auto again = book->retry(run).value();
  home->settle();

  EXPECT_EQ(book->result(again).at("output"), value(42));
}

TEST_F(RunBook, FindsRunsByTheBeginningOfTheirId) {
  with({});
  const auto first = start(echo_file);
  const auto second = start(echo_file);
  const auto text = second.to_string();

  EXPECT_EQ(*book->find(text), second);
  std::size_t length = 1;
  while (first.to_string().starts_with(text.substr(0, length))) ++length;
  EXPECT_EQ(*book->find(text.substr(0, length)), second);
  EXPECT_THAT(book->find(text.substr(0, length - 1)).why().message, HasSubstr("more than one run"));
  EXPECT_THAT(book->find("zz").why().message, HasSubstr("there is no run zz"));
  EXPECT_FALSE(book->find(""));
}

TEST_F(RunBook, ListsTheNewestFirstPageByPage) {
  with({});
  std::vector<run_id> runs;
  for (int n = 0; n < 5; ++n) {
    runs.push_back(start(n == 2 ? fail_file : echo_file));
    home->advance(1ms);
  }

  run_filter two{.limit = 2};
  std::vector<run_id> listed;
  for (;;) {
    const auto page = book->list(two);
    for (const auto& each : page.runs) listed.push_back(each.id);
    if (!page.next) break;
    two.before = page.next;
  }

  EXPECT_THAT(listed, ElementsAre(runs[4], runs[3], runs[2], runs[1], runs[0]));
  const auto failed = book->list({.status = run_status::failed});
  ASSERT_THAT(failed.runs, SizeIs(1));
  EXPECT_EQ(failed.runs[0].failure, "permanent: no way");
  EXPECT_THAT(book->list({.name = "echo"}).runs, SizeIs(4));
  EXPECT_THAT(book->list({.name = "other"}).runs, IsEmpty());
}

TEST_F(RunBook, ForgetsTheOldestEndedRuns) {
  with({.max_kept = 3});
  const auto open = start(hang_file);
  std::vector<run_id> runs;
  for (int n = 0; n < 50; ++n) runs.push_back(start(echo_file));

  EXPECT_EQ(book->counts().kept, 3U);
  EXPECT_EQ(book->counts().forgotten, 47U);
  EXPECT_FALSE(book->entry(runs[46]));
  EXPECT_TRUE(book->entry(runs[47]));
  EXPECT_EQ(status(open), run_status::running) << "open runs are never forgotten";
  EXPECT_THAT(book->list({.limit = 1000}).runs, SizeIs(4));
  EXPECT_EQ(book->events(runs[0], 0, 10).events.size(), 0U);
}

TEST_F(RunBook, ForgetsLargeResultsSooner) {
  with({.max_kept_bytes = 100'000});
  for (int n = 0; n < 20; ++n) start(echo_file, value(std::string(20'000, 'x')));

  EXPECT_LT(book->counts().kept, 5U);
  EXPECT_GE(book->counts().kept, 1U);
}

TEST_F(RunBook, RefusesMoreOpenRunsThanItMayHave) {
  with({.max_open = 2});
  const auto first = start(hang_file);
  start(ask_file);

  const auto refused = book->submit(of(echo_file));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.why().kind, failure_kind::rejected);
  EXPECT_EQ(book->counts().rejected, 1U);

  EXPECT_TRUE(book->cancel(first));
  home->settle();
  EXPECT_TRUE(book->submit(of(echo_file)));
}

TEST_F(RunBook, RefusesMoreThanItCanHoldOfWhatIsSubmitted) {
  with({.max_open_bytes = 50'000});
  const auto large = value(std::string(30'000, 'x'));
  const auto first = start(hang_file, large);

  const auto refused = book->submit(of(hang_file, large));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.why().kind, failure_kind::rejected);
  EXPECT_TRUE(book->submit(of(echo_file))) << "there is room for a small one";

  EXPECT_TRUE(book->cancel(first));
  home->settle();
  EXPECT_TRUE(book->submit(of(hang_file, large)));
}

TEST_F(RunBook, ListsLongFailuresShortened) {
  with({});
  const auto run = start("troupe: 1\nname: wordy\nflow: { step: s, uses: fail, with: { kind: "
                         "permanent, message: \"${{ input }}\" } }\n",
                         value(std::string(5'000, 'x')));

  EXPECT_LT(book->entry(run)->failure.size(), 600U);
  EXPECT_EQ(book->result(run).at("failure").at("message").size(), 5'000U);
}

TEST_F(RunBook, NumbersTheEventsOfARun) {
  with({});
  const auto run = start(fail_file);

  const auto all = book->events(run, 0, 100);
  ASSERT_GE(all.events.size(), 4U);
  for (std::size_t n = 0; n < all.events.size(); ++n) EXPECT_EQ(all.events[n].seq, n + 1);
  EXPECT_EQ(all.events.front().kind, event_kind::run_started);
  EXPECT_EQ(all.events.back().kind, event_kind::run_finished);
  EXPECT_EQ(all.ended, "failed");
  const auto event = to_value(all.events[2]);
  EXPECT_EQ(event.at("kind"), value("step_finished"));
  EXPECT_EQ(event.at("step"), value("broken"));
  EXPECT_EQ(event.at("failure").at("message"), value("no way"));

  const auto part = book->events(run, 1, 1);
  EXPECT_EQ(part.next, 2U);
  EXPECT_THAT(part.events, SizeIs(1));
  EXPECT_THAT(part.ended, IsEmpty());
}

TEST_F(RunBook, KeepsTheNewestEventsOfALongRun) {
  with({}, {.max_events = 20});
  const auto run = start(R"(troupe: 1
name: many
flow: { map: { step: s, uses: value, with: { value: 1 } }, over: input }
)",
                         value(value::list_type(20, value(1))));

  const auto page = book->events(run, 0, 100);
  EXPECT_THAT(page.events, SizeIs(20));
  EXPECT_EQ(page.missed + 20, page.next);
  EXPECT_GT(page.missed, 20U);
}

TEST_F(RunBook, SaysWhatARunWaitsFor) {
  with({});
  const auto run = start(R"(troupe: 1
name: waits
flow:
  parallel:
    slow: { step: slow, uses: sleep, with: { for: 20s } }
    flaky:
      step: flaky
      uses: test.script
      with: { script: [ { transient: down }, { transient: down again }, { ok: 1 } ] }
      policies: [ { retry: { max_retries: 3, initial_delay: 4s } } ]
)");
  home->advance(1s);

  const auto chain = book->why(run);
  ASSERT_THAT(chain, SizeIs(2));
  EXPECT_EQ(chain[0].code, "retry_wait");
  EXPECT_EQ(chain[0].text, "retry 1 of 3 in 3.0 s after transient: down");
  EXPECT_EQ(chain[0].since_ms, 1000);
  EXPECT_EQ(chain[1].code, "running");
  EXPECT_EQ(chain[1].step, "slow");

  home->advance(19s);
  EXPECT_THAT(book->why(run), IsEmpty()) << "it has ended";
}

TEST_F(RunBook, SaysWhatStandsInAQueue) {
  with({});
  const auto run = start(R"(troupe: 1
name: queue
flow:
  map:
    step: s
    uses: sleep
    with: { for: 10s }
    policies: [ { bulkhead: { max_in_flight: 1, max_queue: 5 } } ]
  over: "[1, 2]"
)");

  EXPECT_THAT(codes(run), ElementsAre("bulkhead_queue", "running"));
  home->advance(10s);
  EXPECT_THAT(codes(run), ElementsAre("running"));
}

TEST_F(RunBook, AsksTheClusterWhatElseARunWaitsFor) {
  with({});
  const auto run = start(hang_file);
  const auto here = book->why(run);
  ASSERT_THAT(here, SizeIs(1));

  cluster.reasons = {{"running", "on worker-2", here[0].path, "wait", "worker-2", 5},
                     {"no_worker", "no worker with label gpu=true", "0/9", "train", "", 7}};

  const auto chain = book->why(run);
  ASSERT_THAT(chain, SizeIs(2));
  EXPECT_EQ(chain[0].node, "worker-2");
  EXPECT_EQ(chain[1].code, "no_worker");
}

TEST_F(RunBook, ReportsARunThatDoesNotGetOnOnce) {
  with({});
  const auto run = start(hang_file);
  const auto before = book->events(run, 0, 100).next;
  home->advance(59s);
  EXPECT_EQ(book->watch(), 0U);

  home->advance(2s);

  EXPECT_EQ(book->watch(), 1U);
  EXPECT_EQ(book->watch(), 0U) << "nothing has happened since";
  EXPECT_EQ(book->counts().stalls, 1U);
  EXPECT_EQ(book->counts().stalled, 1U);
  const auto told = book->events(run, before, 100);
  ASSERT_THAT(told.events, SizeIs(1));
  EXPECT_EQ(told.events[0].kind, event_kind::warning);
  EXPECT_THAT(told.events[0].detail,
              AllOf(HasSubstr("nothing has happened for 61.0 s"), HasSubstr("`wait`")));
}

TEST_F(RunBook, LetsRunsSleepUntilATimeThatIsKnown) {
  with({});
  start(R"(troupe: 1
name: patient
flow:
  step: s
  uses: test.script
  with: { script: [ { transient: down }, { ok: 1 } ] }
  policies: [ { retry: { max_retries: 1, initial_delay: 1h, max_delay: 1h } } ]
)");
  home->advance(30min);

  EXPECT_EQ(book->watch(), 0U);
}

TEST_F(RunBook, LeavesNoOneWaitingForARunThatIsForgotten) {
  with({.max_kept = 1});
  const auto run = start(hang_file);
  const auto viewer = book->follow(run, 0);
  EXPECT_THAT(viewer->take(100).events, SizeIs(2));
  EXPECT_THAT(viewer->take(100).events, IsEmpty());
  int news = 0;
  viewer->on_news([&news] { ++news; });

  EXPECT_TRUE(book->cancel(run));
  home->settle();
  start(echo_file);

  EXPECT_EQ(news, 1) << "told once, until it takes";
  EXPECT_FALSE(viewer->take(1).ended.empty());
}

} // namespace
} // namespace troupe::testing
