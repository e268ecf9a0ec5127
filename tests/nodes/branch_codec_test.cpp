#include "branch_codec.hpp"
#include "wire.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;

constexpr instant start{1h};

/// The item that `write` adds to a message, as it arrives.
template <class Write>
value over_the_wire(Write&& write) {
  frame_writer writer(message_kind::work);
  EXPECT_TRUE(write(writer));
  const auto read = read_frame(writer.take());
  EXPECT_TRUE(read);
  return read->item(0);
}

value sent(const step_request& request, instant now, dispatch_number dispatch = 1) {
  return over_the_wire(
      [&](frame_writer& to) { return write_request(to, dispatch, 3, request, now); });
}

value sent(const step_result& result, const context& before, const run_scope& run) {
  return over_the_wire([&](frame_writer& to) { return write_result(to, 9, result, before, run); });
}

step_request sample() {
  step_request request;
  request.id = request_id{77};
  const auto id = run_id::make();
  request.run = std::make_shared<run_scope>(id, "order-9", start,
                                            usage_limit{.cost_usd = 2.0, .tokens = 1000});
  request.run->meter()->add({.cost_usd = 0.5, .tokens = 10});
  request.input = value::map({{"query", "what?"}, {"n", 3}});
  request.ctx = context("order-9", value::map({{"tenant", "acme"}, {"old", 1}})).with_id("me");
  request.ctx.set_tag("team", "blue");
  request.deadline = start + 30s;
  request.attempt = 4;
  request.turns =
      std::make_shared<const turn>(turn{2, std::make_shared<const turn>(turn{5, nullptr})});
  request.ticket = 6;
  return request;
}

TEST(branch_codec, brings_a_request_to_another_clock) {
  const auto given = sample();
  const auto there = start + 1000h; // another machine's clock
  const auto read = read_request(sent(given, start + 2s, 9), there);
  ASSERT_TRUE(read) << read.why().message;
  EXPECT_EQ(read->dispatch, 9u);
  EXPECT_EQ(read->branch, 3u);
  const auto& request = read->request;
  EXPECT_EQ(request.input, given.input);
  EXPECT_EQ(request.ctx, given.ctx);
  EXPECT_EQ(request.run->id(), given.run->id());
  EXPECT_EQ(request.run->correlation_id(), "order-9");
  EXPECT_EQ(request.run->started(), there - 2s);
  EXPECT_EQ(request.deadline, there + 28s);
  EXPECT_EQ(request.attempt, 4u);
  ASSERT_TRUE(request.turns);
  EXPECT_EQ(request.turns->index, 2u);
  ASSERT_TRUE(request.turns->outer);
  EXPECT_EQ(request.turns->outer->index, 5u);
  EXPECT_EQ(request.ticket, value(6));
  EXPECT_FALSE(request.shielded);
  // The limit counts what the run has spent elsewhere.
  EXPECT_EQ(request.meter->total().tokens, 10);
  EXPECT_FALSE(request.meter->broken());
  request.meter->add({.cost_usd = 1.6});
  EXPECT_TRUE(request.meter->broken());
}

TEST(branch_codec, leaves_out_what_goes_without_saying) {
  step_request request;
  const auto id = run_id::make();
  request.run = std::make_shared<run_scope>(id, id.to_string(), start, usage_limit{});
  request.ctx = context(id.to_string()).with_id(id.to_string());
  request.input = 1;
  const auto wire = sent(request, start);
  EXPECT_LE(wire.size(), 6u);
  const auto read = read_request(wire, start);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->request.ctx, request.ctx);
  EXPECT_EQ(read->request.run->correlation_id(), id.to_string());
  EXPECT_EQ(read->request.deadline, no_deadline);
}

TEST(branch_codec, returns_only_the_changes_of_the_context) {
  auto request = sample();
  request.ctx.set("large", std::string(100'000, 'x'));
  step_result result;
  result.output = "done";
  result.attempts = 3;
  result.spent = {.cost_usd = 0.25, .tokens = 7};
  result.ctx = request.ctx;
  result.ctx.set("answer", 42);
  result.ctx.erase("old");
  const run_scope counted(request.run->id(), "", start, {});
  const auto wire = sent(result, request.ctx, counted);
  EXPECT_LT(wire.approximate_bytes(), 5'000u);
  auto read = read_result(wire);
  ASSERT_TRUE(read) << read.why().message;
  settle_result(*read, request, start);
  EXPECT_EQ(read->dispatch, 9u);
  EXPECT_EQ(read->result.output, value("done"));
  EXPECT_EQ(read->result.attempts, 3u);
  EXPECT_EQ(read->result.spent, result.spent);
  EXPECT_EQ(read->result.ctx, result.ctx);
}

TEST(branch_codec, brings_back_failures_histories_and_what_the_run_counted) {
  auto request = sample();
  step_result inner;
  inner.name = "inner";
  inner.why = std::make_shared<const failure>(
      failure{failure_kind::rate_limited, "slow down", 2s, "inner"});
  step_result result;
  result.why = inner.why;
  result.step_history.push_back(inner);
  result.ctx = request.ctx;
  result.edit_metadata([](step_metadata& about) { about.fallback_triggered = true; });
  run_scope counted(request.run->id(), "", start, {});
  counted.retry_count = 2;
  counted.fallback_used = true;
  counted.add_checkpoint("primary.start", start + 5s);
  auto read = read_result(sent(result, request.ctx, counted));
  ASSERT_TRUE(read) << read.why().message;
  settle_result(*read, request, start + 1s);
  EXPECT_EQ(*read->result.why, *result.why);
  EXPECT_TRUE(read->result.metadata().fallback_triggered);
  ASSERT_EQ(read->result.step_history.size(), 1u);
  EXPECT_EQ(request.run->retry_count, 2u);
  EXPECT_TRUE(request.run->fallback_used);
  EXPECT_FALSE(request.run->cache_hit);
  const auto marks = request.run->checkpoints();
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].name, "primary.start");
  EXPECT_EQ(marks[0].at, 5s);
}

TEST(branch_codec, brings_events_home) {
  const auto request = sample();
  const failure why{failure_kind::transient, "hiccup"};
  const run_event given{.kind = event_kind::retry_scheduled,
                        .at = start + 3s,
                        .step = "gpt4",
                        .attempt = 2,
                        .why = &why,
                        .delay = 4s,
                        .detail = "again",
                        .path = "0/1",
                        .turns = request.turns.get()};
  auto items = write_event(given, *request.run);
  items[0] = 12;
  const auto read = read_event(over_the_wire([&](frame_writer& to) { return to.add_list(items); }));
  ASSERT_TRUE(read) << read.why().message;
  const auto& back = **read;
  EXPECT_EQ(back.dispatch, 12u);
  EXPECT_EQ(back.event.kind, event_kind::retry_scheduled);
  EXPECT_EQ(back.event.step, "gpt4");
  EXPECT_EQ(back.event.path, "0/1");
  EXPECT_EQ(back.event.detail, "again");
  EXPECT_EQ(back.event.attempt, 2u);
  EXPECT_EQ(back.event.delay, 4s);
  EXPECT_EQ(back.since_start, 3s);
  ASSERT_TRUE(back.event.why);
  EXPECT_EQ(*back.event.why, why);
  ASSERT_TRUE(back.event.turns);
  EXPECT_EQ(back.event.turns->outer->index, 5u);
}

TEST(branch_codec, hands_back_what_has_not_ended) {
  const auto why =
      std::make_shared<const failure>(failure{failure_kind::cancelled, "the worker leaves"});
  const auto read =
      read_result(over_the_wire([&](frame_writer& to) { return write_hand_back(to, 9, why); }));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->dispatch, 9u);
  EXPECT_TRUE(read->is_handed_back);
  EXPECT_EQ(read->result.feedback(), "the worker leaves");
}

TEST(branch_codec, refuses_what_does_not_read) {
  for (const auto& bad :
       {value(), value(1), value::list(), value::list({1, 2, 3}), value::list({1, 2, 3}),
        value::list({1, 2, -3, 4}), value::list({1, 2, 3, "x"})}) {
    const auto read = read_request(bad, start);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.why().kind, failure_kind::malformed);
  }
  EXPECT_FALSE(read_result({}));
  EXPECT_FALSE(read_result(value::list({1})));
  EXPECT_FALSE(read_result(value::list({1, 3})));
  EXPECT_FALSE(read_result(value::list({1, 1, value::map({{"name", 3}})})));
  EXPECT_FALSE(read_event(value::list({1, 99})));
}

/// What a message of results holds: who is answered by each item, and with what message.
std::vector<std::pair<std::vector<dispatch_number>, std::string>> items_of(results_writer& writer) {
  const auto body = read_frame(writer.take());
  EXPECT_TRUE(body);
  std::vector<std::pair<std::vector<dispatch_number>, std::string>> all;
  for (std::size_t index = 0; index < body->size(); ++index) {
    const auto item = body->item(index);
    const auto read = read_result(item);
    EXPECT_TRUE(read);
    all.emplace_back(answered_by(item),
                     read->is_handed_back ? "handed back" : read->result.feedback());
  }
  return all;
}

using item_list = std::vector<std::pair<std::vector<dispatch_number>, std::string>>;

struct gathered_results {
  void fail(dispatch_number number, const failure& why) {
    result.why = std::make_shared<const failure>(why);
    EXPECT_TRUE(writer.add(number, result, before, run));
  }
  void stop(dispatch_number number) { fail(number, {failure_kind::cancelled, "told to stop"}); }

  results_writer writer;
  step_result result{};
  context before{};
  run_scope run{run_id::make(), "", start, {}};
};

TEST(results_writer, lets_those_who_end_alike_share_an_item) {
  gathered_results all;
  EXPECT_TRUE(all.writer.empty());
  for (const dispatch_number number : {5u, 7u, 6u}) all.stop(number);
  EXPECT_FALSE(all.writer.empty());

  EXPECT_EQ(items_of(all.writer), (item_list{{{5, 7, 6}, "told to stop"}}));
  EXPECT_TRUE(all.writer.empty());
  EXPECT_EQ(items_of(all.writer), item_list{});
}

TEST(results_writer, keeps_apart_what_differs) {
  gathered_results all;
  all.stop(1);
  all.stop(2);
  all.fail(3, {failure_kind::cancelled, "another reason"});
  all.fail(4, {failure_kind::timed_out, "another reason"});
  all.fail(5, {failure_kind::timed_out, "another reason", 3s});
  all.fail(6, {failure_kind::timed_out, "another reason", 3s, "step"});
  all.stop(7);
  all.writer.hand_back(8, all.result.why);
  all.stop(9);

  EXPECT_EQ(items_of(all.writer), (item_list{{{1, 2}, "told to stop"},
                                             {{3}, "another reason"},
                                             {{4}, "another reason"},
                                             {{5}, "another reason"},
                                             {{6}, "another reason"},
                                             {{7}, "told to stop"},
                                             {{8}, "handed back"},
                                             {{9}, "told to stop"}}));
}

// Each of these says something that the others do not.
TEST(results_writer, gives_whoever_has_more_to_say_an_item_of_its_own) {
  const std::function<void(gathered_results&)> more[] = {
      [](gathered_results& all) { all.result.spent.tokens = 1; },
      [](gathered_results& all) { all.result.attempts = 2; },
      [](gathered_results& all) { all.result.output = 0; },
      [](gathered_results& all) { all.result.ctx.set("key", 1); },
      [](gathered_results& all) { all.result.step_history.emplace_back(); },
      [](gathered_results& all) { all.run.retry_count = 1; },
      [](gathered_results& all) {
        all.result.edit_metadata([](step_metadata& about) { about.exit_reason = "it"; });
      },
  };
  for (const auto& say : more) {
    gathered_results all;
    say(all);
    all.stop(1);
    all.stop(2);

    EXPECT_EQ(items_of(all.writer), (item_list{{{1}, "told to stop"}, {{2}, "told to stop"}}));
  }
}

TEST(results_writer, bounds_what_an_item_answers) {
  gathered_results all;
  for (dispatch_number number = 1; number <= 1'025; ++number) all.stop(number);
  EXPECT_GT(all.writer.bytes(), 1'025u);

  const auto items = items_of(all.writer);

  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].first.size(), 512u);
  EXPECT_EQ(items[1].first.size(), 512u);
  EXPECT_EQ(items[2].first, std::vector<dispatch_number>{1'025});
}

TEST(results_writer, says_a_long_reason_for_each) {
  gathered_results all;
  const std::string reason(2'000, 'x');
  all.fail(1, {failure_kind::cancelled, reason});
  all.fail(2, {failure_kind::cancelled, reason});

  EXPECT_EQ(items_of(all.writer), (item_list{{{1}, reason}, {{2}, reason}}));
}

TEST(branch_codec, finds_nobody_answered_by_what_is_no_result) {
  for (const auto& item : {value(), value(5), value("text"), value::list({}), value::list({"1"}),
                           value::list({value::list({})}), value::list({value::map({{"a", 1}})})}) {
    EXPECT_TRUE(answered_by(item).empty());
  }
  EXPECT_EQ(answered_by(value::list({value::list({3, "x", 4})})),
            (std::vector<dispatch_number>{3, 4}));
}

} // namespace
} // namespace troupe::nodes
