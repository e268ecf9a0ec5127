#include "dispatcher_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(dispatcher, deploys_a_branch_once_and_sends_its_work) {
  dispatcher_fixture home;
  home.join(1, 10);
  const auto branch = home.dispatch.add_branch(home.offer());
  for (std::uint64_t id = 1; id <= 3; ++id) home.start(branch, id);
  EXPECT_EQ(home.work_of(1).size(), 3u);
  EXPECT_EQ(home.count(1, message_kind::deploy), 1u);
  EXPECT_EQ(home.count(1, message_kind::work), 1u) << "what comes together goes together";
  for (const auto& [number, input] : home.work_of(1)) home.answer(1, number, input);
  EXPECT_EQ(home.result_of(2).output, value(2));
  EXPECT_EQ(home.result_of(2).node, "w1");
  EXPECT_EQ(home.dispatch.open(), 0u);
}

TEST(dispatcher, never_sends_more_than_a_worker_takes) {
  dispatcher_fixture home;
  home.join(1, 2);
  const auto branch = home.dispatch.add_branch(home.offer());
  for (std::uint64_t id = 1; id <= 5; ++id) home.start(branch, id);
  EXPECT_EQ(home.work_of(1).size(), 2u);
  EXPECT_EQ(home.dispatch.queued(), 3u);
  home.answer(1, home.work_of(1)[0].first);
  EXPECT_EQ(home.work_of(1).size(), 3u);
  EXPECT_EQ(home.work_of(1)[2].second, value(3)) << "in the order they came";
}

TEST(dispatcher, gives_what_waits_to_a_worker_that_joins) {
  dispatcher_fixture home;
  const auto branch = home.dispatch.add_branch(home.offer());
  for (std::uint64_t id = 1; id <= 3; ++id) home.start(branch, id);
  EXPECT_EQ(home.dispatch.queued(), 3u);
  home.join(1, 2);
  EXPECT_EQ(home.work_of(1).size(), 2u);
  home.join(2, 5);
  EXPECT_EQ(home.work_of(2).size(), 1u);
}

TEST(dispatcher, refuses_at_once_what_the_queue_has_no_room_for) {
  dispatcher_fixture home({.max_queued = 10});
  home.join(1, 1);
  const auto branch = home.dispatch.add_branch(home.offer());
  for (std::uint64_t id = 1; id <= 100; ++id) home.start(branch, id);
  EXPECT_EQ(home.dispatch.queued(), 10u);
  EXPECT_EQ(home.asker->results.size(), 89u);
  for (const auto& [id, result] : home.asker->results) {
    EXPECT_TRUE(result.failed_with(failure_kind::rejected));
    EXPECT_THAT(result.feedback(), HasSubstr("overload"));
  }
  std::size_t answered = 0;
  while (answered < 11) home.answer(1, home.work_of(1)[answered++].first);
  EXPECT_EQ(home.dispatch.open(), 0u);
  EXPECT_EQ(home.dispatch.counters().refused, 89u);
}

TEST(dispatcher, says_what_is_missing_when_no_worker_fits_in_time) {
  dispatcher_fixture home({.placement_wait = 5s});
  home.join(1, 10, {{"zone", "a"}});
  const auto branch = home.dispatch.add_branch(home.offer(true, {{"gpu", "true"}}));
  home.start(branch, 1);
  home.now += 4900ms;
  home.dispatch.look(home.now);
  EXPECT_EQ(home.dispatch.open(), 1u);
  const auto waits = home.dispatch.standings(run_id(), 10);
  EXPECT_TRUE(waits.empty()) << "of another run";
  home.now += 200ms;
  home.dispatch.look(home.now);
  EXPECT_TRUE(home.result_of(1).failed_with(failure_kind::rejected));
  EXPECT_EQ(home.result_of(1).feedback(),
            "no worker with label gpu=true (1 worker is connected) for 5s");
}

TEST(dispatcher, waits_on_for_a_busy_worker) {
  dispatcher_fixture home({.placement_wait = 5s});
  home.join(1, 1);
  const auto branch = home.dispatch.add_branch(home.offer());
  home.start(branch, 1);
  home.start(branch, 2);
  home.now += 1h;
  home.dispatch.look(home.now);
  EXPECT_EQ(home.dispatch.queued(), 1u);
}

TEST(dispatcher, names_step_types_that_no_worker_knows) {
  dispatcher_fixture home({.placement_wait = 1s});
  home.join(1, 1);
  auto offer = home.offer();
  offer.step_types = {"gpu.train", "value"};
  home.start(home.dispatch.add_branch(offer), 1);
  home.now += 1s;
  home.dispatch.look(home.now);
  EXPECT_THAT(home.result_of(1).feedback(), HasSubstr("no worker that knows `gpu.train` ("));
}

TEST(dispatcher, sends_work_to_workers_with_the_labels) {
  dispatcher_fixture home;
  home.join(1, 100);
  home.join(2, 100, {{"gpu", "true"}, {"zone", "b"}});
  const auto branch = home.dispatch.add_branch(home.offer(true, {{"gpu", "true"}}));
  for (std::uint64_t id = 1; id <= 20; ++id) home.start(branch, id);
  EXPECT_EQ(home.work_of(1).size(), 0u);
  EXPECT_EQ(home.work_of(2).size(), 20u);
}

TEST(dispatcher, prefers_the_less_busy_of_two) {
  dispatcher_fixture home;
  for (worker_number number = 1; number <= 4; ++number) home.join(number, 1000);
  const auto branch = home.dispatch.add_branch(home.offer());
  for (std::uint64_t id = 1; id <= 400; ++id) home.start(branch, id);
  for (worker_number number = 1; number <= 4; ++number) {
    EXPECT_GT(home.work_of(number).size(), 80u);
    EXPECT_LT(home.work_of(number).size(), 120u);
  }
}

TEST(dispatcher, does_the_work_of_a_lost_worker_elsewhere) {
  dispatcher_fixture home;
  home.join(1, 10);
  const auto branch = home.dispatch.add_branch(home.offer());
  for (std::uint64_t id = 1; id <= 3; ++id) home.start(branch, id);
  const auto first = home.work_of(1);
  home.join(2, 10);
  home.dispatch.lose_worker(1, "its connection was closed", home.now);
  const auto again = home.work_of(2);
  ASSERT_EQ(again.size(), 3u);
  EXPECT_NE(again[0].first, 0u);
  EXPECT_EQ(again[0].second, value(1));
  EXPECT_THAT(home.told.at(0), HasSubstr("worker `w1` was lost while it ran this"));
  for (const auto& [number, input] : again) home.answer(2, number, input);
  EXPECT_EQ(home.asker->results.size(), 3u);
  EXPECT_EQ(home.result_of(1).node, "w2");
}

TEST(dispatcher, fails_lost_work_that_must_not_be_done_twice) {
  dispatcher_fixture home;
  home.join(1, 10);
  home.join(2, 10);
  const auto branch = home.dispatch.add_branch(home.offer(false));
  home.start(branch, 1);
  const worker_number had = home.work_of(1).empty() ? 2 : 1;
  home.dispatch.lose_worker(had, "its connection was closed", home.now);
  EXPECT_TRUE(home.result_of(1).failed_with(failure_kind::worker_lost));
  EXPECT_EQ(home.result_of(1).feedback(), "worker `w" + std::to_string(had)
                                              + "` was lost while it ran this: its connection "
                                                "was closed");
}

TEST(dispatcher, drops_results_of_a_worker_that_was_given_up) {
  dispatcher_fixture home;
  home.join(1, 10);
  const auto branch = home.dispatch.add_branch(home.offer());
  home.start(branch, 1);
  const auto sent = home.work_of(1).at(0).first;
  home.dispatch.lose_worker(1, "silence", home.now);
  home.join(2, 10);
  home.answer(1, sent, "late");
  home.answer(2, sent, "right");
  EXPECT_EQ(home.asker->results.size(), 1u);
  EXPECT_EQ(home.result_of(1).output, value("right"));
  home.answer(2, sent, "twice");
  EXPECT_EQ(home.asker->results.size(), 1u);
  EXPECT_EQ(home.dispatch.counters().fenced, 1u);
}

TEST(dispatcher, quarantines_what_kills_three_workers) {
  dispatcher_fixture home;
  const auto branch = home.dispatch.add_branch(home.offer());
  home.start(branch, 1);
  for (worker_number number = 1; number <= 3; ++number) {
    home.join(number, 10);
    EXPECT_EQ(home.work_of(number).size(), 1u);
    home.dispatch.lose_worker(number, "its connection was closed", home.now);
  }
  EXPECT_TRUE(home.result_of(1).failed_with(failure_kind::permanent));
  EXPECT_EQ(home.result_of(1).feedback(),
            "quarantined: 3 different workers died while they ran this: `w1`, `w2`, `w3`; the last "
            "one: its connection was closed");
}

TEST(dispatcher, quarantines_what_kills_a_worker_again_and_again) {
  dispatcher_fixture home;
  const auto branch = home.dispatch.add_branch(home.offer());
  home.start(branch, 1);
  for (worker_number number = 1; number <= 3; ++number) {
    auto again = home.facts("w", 10);
    again.identity.incarnation = run_id::make();
    home.dispatch.add_worker(number, again, home.now);
    home.dispatch.lose_worker(number, "crash", home.now);
  }
  EXPECT_TRUE(home.result_of(1).failed_with(failure_kind::permanent));
}

TEST(dispatcher, a_worker_that_was_out_of_reach_again_and_again_has_not_died) {
  dispatcher_fixture home;
  const auto branch = home.dispatch.add_branch(home.offer());
  home.start(branch, 1);
  const auto same = home.facts("w", 10);
  for (worker_number number = 1; number <= 5; ++number) {
    home.dispatch.add_worker(number, same, home.now);
    home.dispatch.lose_worker(number, "silent", home.now);
  }
  EXPECT_EQ(home.asker->results.count(1), 0u);
}

TEST(dispatcher, counts_deaths_over_the_retries_of_one_piece_of_work) {
  dispatcher_fixture home;
  const auto branch = home.dispatch.add_branch(home.offer(false));
  const auto run = dispatcher_fixture::run();
  for (worker_number number = 1; number <= 3; ++number) {
    home.join(number, 10);
    home.start(branch, number, run);
    home.dispatch.lose_worker(number, "crash", home.now);
  }
  EXPECT_TRUE(home.result_of(2).failed_with(failure_kind::worker_lost));
  EXPECT_TRUE(home.result_of(3).failed_with(failure_kind::permanent));
}

TEST(dispatcher, cancels_what_waits_at_once_and_asks_the_worker_for_the_rest) {
  dispatcher_fixture home;
  home.join(1, 1);
  const auto branch = home.dispatch.add_branch(home.offer());
  home.start(branch, 1);
  home.start(branch, 2);
  home.cancel(2);
  EXPECT_TRUE(home.result_of(2).failed_with(failure_kind::cancelled));
  home.cancel(1);
  home.cancel(1);
  EXPECT_EQ(home.count(1, message_kind::cancel), 1u);
  EXPECT_EQ(home.asker->results.count(1), 0u) << "the worker has to confirm it";
  home.dispatch.lose_worker(1, "gone", home.now);
  EXPECT_TRUE(home.result_of(1).failed_with(failure_kind::cancelled));
}

TEST(dispatcher, gives_nothing_new_to_workers_that_leave_or_are_silent) {
  dispatcher_fixture home;
  home.join(1, 10);
  const auto branch = home.dispatch.add_branch(home.offer());
  home.dispatch.set_suspect(1, true, home.now);
  home.start(branch, 1);
  EXPECT_EQ(home.work_of(1).size(), 0u);
  home.dispatch.set_suspect(1, false, home.now);
  EXPECT_EQ(home.work_of(1).size(), 1u);
  home.dispatch.set_draining(1);
  home.start(branch, 2);
  EXPECT_EQ(home.work_of(1).size(), 1u);
  EXPECT_EQ(home.dispatch.load_of(1).in_flight, 1u);
}

TEST(dispatcher, gives_placements_their_turns) {
  dispatcher_fixture home;
  home.join(1, 1);
  const auto one = home.dispatch.add_branch(home.offer());
  const auto two = home.dispatch.add_branch(home.offer(true, {{"gpu", "true"}}));
  for (std::uint64_t id = 1; id <= 6; ++id) home.start(one, id);
  for (std::uint64_t id = 11; id <= 13; ++id) home.start(two, id);
  home.join(2, 1, {{"gpu", "true"}});
  std::vector<value> order;
  for (auto round = 0; round < 6; ++round) {
    const auto all = home.work_of(2);
    if (all.size() <= order.size()) break;
    order.push_back(all.back().second);
    home.answer(2, all.back().first);
  }
  ASSERT_EQ(order.size(), 6u);
  // Two of what only it may do have gone before three of what others may do, too.
  const auto of_two = std::count_if(order.begin(), order.begin() + 4,
                                    [](const value& each) { return *each.if_integer() > 10; });
  EXPECT_EQ(of_two, 2);
}

TEST(dispatcher, says_of_which_node_an_event_is) {
  dispatcher_fixture home;
  home.join(1, 10);
  const auto run = dispatcher_fixture::run();
  home.start(home.dispatch.add_branch(home.offer()), 1, run);
  auto event = write_event(
      {.kind = event_kind::step_started, .at = home.now, .run = run.get(), .step = "s"}, *run);
  event[0] = home.work_of(1).at(0).first;
  const auto item = value::list(std::move(event));
  home.dispatch.take_progress(1, *read_frame(write_frame(message_kind::progress, {item})),
                              home.now);
  EXPECT_THAT(home.told_of, ::testing::ElementsAre("w1"));
}

TEST(dispatcher, counts_usage_once) {
  dispatcher_fixture home;
  home.join(1, 10);
  const auto branch = home.dispatch.add_branch(home.offer());
  const auto run = dispatcher_fixture::run();
  home.start(branch, 1, run);
  const auto number = home.work_of(1).at(0).first;
  const auto told = write_usage(number, {.cost_usd = 0.5, .tokens = 5});
  home.dispatch.take_progress(1, *read_frame(write_frame(message_kind::progress, {told})),
                              home.now);
  EXPECT_EQ(run->meter()->total().tokens, 5);
  step_result whole;
  whole.spent = {.cost_usd = 0.75, .tokens = 8};
  frame_writer results(message_kind::results);
  ASSERT_TRUE(write_result(results, number, whole, {}, *run));
  home.dispatch.take_results(1, *read_frame(results.take()), home.now);
  EXPECT_EQ(run->meter()->total().tokens, 8);
  EXPECT_DOUBLE_EQ(run->meter()->total().cost_usd, 0.75);
}

TEST(dispatcher, takes_one_result_for_several_requests) {
  dispatcher_fixture home;
  home.join(1, 10);
  home.join(2, 10);
  const auto branch = home.dispatch.add_branch(home.offer());
  for (std::uint64_t id = 1; id <= 8; ++id) home.start(branch, id);
  const auto mine = home.work_of(1);
  const auto other = home.work_of(2);
  ASSERT_FALSE(mine.empty());
  ASSERT_FALSE(other.empty());
  value::list_type numbers;
  for (const auto& [number, input] : mine) numbers.emplace_back(number);
  numbers.emplace_back(mine[0].first);  // said twice
  numbers.emplace_back(other[0].first); // not this worker's
  numbers.emplace_back(99);             // nobody's
  const auto item = value::list({value::list(std::move(numbers)), 0, value(), value(), value(),
                                 value(), value::list({"cancelled", "told to stop"})});

  home.dispatch.take_results(1, *read_frame(write_frame(message_kind::results, {item})), home.now);

  EXPECT_EQ(home.asker->results.size(), mine.size());
  for (const auto& [id, result] : home.asker->results) {
    EXPECT_TRUE(result.failed_with(failure_kind::cancelled));
    EXPECT_EQ(result.feedback(), "told to stop");
  }
  EXPECT_EQ(home.dispatch.load_of(1).in_flight, 0u);
  EXPECT_EQ(home.dispatch.load_of(2).in_flight, other.size());
  EXPECT_EQ(home.dispatch.counters().fenced, 3u);
}

TEST(dispatcher, retires_branches_and_forgets_their_placements) {
  dispatcher_fixture home;
  home.join(1, 10);
  const auto branch = home.dispatch.add_branch(home.offer());
  home.start(branch, 1);
  home.answer(1, home.work_of(1).at(0).first);
  home.dispatch.remove_branch(branch);
  EXPECT_EQ(home.count(1, message_kind::retire), 1u);
  EXPECT_EQ(home.dispatch.placements(), 0u);
  home.start(branch, 2);
  EXPECT_TRUE(home.result_of(2).failed_with(failure_kind::permanent));
}

TEST(dispatcher, forgets_placements_of_which_work_was_open_when_they_were_removed) {
  dispatcher_fixture home;
  home.join(1, 10);
  const auto first = home.dispatch.add_branch(home.offer());
  const auto second = home.dispatch.add_branch(home.offer(true, {{"gpu", "true"}}));
  home.start(first, 1);
  home.dispatch.remove_branch(first);
  EXPECT_EQ(home.dispatch.placements(), 2u);
  home.answer(1, home.work_of(1).at(0).first);
  home.dispatch.remove_branch(second);
  EXPECT_EQ(home.dispatch.placements(), 0u);
}

TEST(dispatcher, answers_everything_when_it_closes) {
  dispatcher_fixture home;
  home.join(1, 1);
  const auto branch = home.dispatch.add_branch(home.offer());
  for (std::uint64_t id = 1; id <= 3; ++id) home.start(branch, id);
  home.dispatch.close(
      std::make_shared<const failure>(failure{failure_kind::cancelled, "going down"}), home.now);
  EXPECT_EQ(home.asker->results.size(), 3u);
  home.start(branch, 4);
  EXPECT_TRUE(home.result_of(4).failed_with(failure_kind::cancelled));
}

} // namespace
} // namespace troupe::nodes
