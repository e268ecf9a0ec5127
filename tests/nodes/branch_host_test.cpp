#include "branch_host.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::nodes {
namespace {

using testing::HasSubstr;

/// A branch host whose branches are played by the test.
class host_fixture : public branch_deployer, public branch_host_port {
public:
  explicit host_fixture(branch_host_options options = {})
      : host(options, *this, *this, std::make_shared<no_mailbox>(),
             [](const run_scope*, const usage&) {}) {
    host.add_coordinator(1);
  }

  outcome<live> deploy(const value&) override {
    return live{[this](step_request request, std::shared_ptr<actors::mailbox>) {
                  opened.push_back(std::move(request));
                },
                [this](request_id id, std::shared_ptr<const failure> why, const actors::mailbox*) {
                  cancelled.emplace_back(id, why->message);
                }};
  }
  void send(coordinator_number, frame body) override { sent.push_back(*read_frame(body)); }

  void deploy(branch_number branch) {
    const auto about = value::map({{"branch", branch}, {"hash", "h"}, {"name", "work"}});
    host.take_deploy(1, *read_frame(write_frame(message_kind::deploy, {about})));
  }
  void work(dispatch_number number, branch_number branch = 7) {
    step_request request;
    request.run = std::make_shared<run_scope>(run_id::make(), "", instant(), usage_limit{});
    request.meter = request.run->meter();
    frame_writer message(message_kind::work);
    ASSERT_TRUE(write_request(message, number, branch, request, instant()));
    host.take_work(1, *read_frame(message.take()), instant());
  }
  void cancel(dispatch_number number) {
    const auto item = value::list({"not needed", number});
    host.take_cancel(1, *read_frame(write_frame(message_kind::cancel, {item})));
  }
  void answer(std::size_t which) {
    step_result result;
    result.id = opened.at(which).id;
    host.take_result(std::move(result));
  }
  /// What was answered: which work, and how it failed.
  std::vector<std::pair<dispatch_number, std::string>> answers() {
    host.flush();
    std::vector<std::pair<dispatch_number, std::string>> all;
    for (const auto& each : std::exchange(sent, {})) {
      for (std::size_t index = 0; index < each.size(); ++index) {
        const auto item = each.item(index);
        const auto read = read_result(item);
        for (const auto number : answered_by(item)) {
          all.emplace_back(number, read->result.why ? to_string(*read->result.why) : "");
        }
      }
    }
    return all;
  }

  class no_mailbox final : public actors::mailbox {
    void put(actors::message) override {}
  };
  std::vector<step_request> opened;
  std::vector<std::pair<request_id, std::string>> cancelled;
  std::vector<message> sent;
  branch_host host;
};

using answer_list = std::vector<std::pair<dispatch_number, std::string>>;

TEST(branch_host, answers_work_once_whoever_else_is_at_work) {
  host_fixture at;
  at.deploy(7);
  at.work(1);
  at.work(2);
  EXPECT_EQ(at.host.open(), 2u);
  at.answer(1);
  EXPECT_EQ(at.answers(), (answer_list{{2, ""}}));
  at.answer(1);
  at.answer(0);
  EXPECT_EQ(at.answers(), (answer_list{{1, ""}}));
  EXPECT_EQ(at.host.open(), 0u);
}

TEST(branch_host, does_not_open_twice_what_is_said_twice) {
  host_fixture at;
  at.deploy(7);
  at.work(1);
  at.work(1);
  EXPECT_EQ(at.opened.size(), 1u);
  at.host.lose_coordinator(1);
  for (std::size_t which = 0; which < at.opened.size(); ++which) at.answer(which);
  EXPECT_EQ(at.host.open(), 0u);
}

TEST(branch_host, keeps_the_work_of_a_coordinator_that_is_added_again) {
  host_fixture at;
  at.deploy(7);
  at.work(1);
  at.host.add_coordinator(1);
  at.answer(0);
  EXPECT_EQ(at.answers(), (answer_list{{1, ""}}));
}

TEST(branch_host, does_not_begin_what_was_cancelled_before_it_came) {
  host_fixture at;
  at.deploy(7);
  at.cancel(1);
  at.work(1);
  at.work(2);
  EXPECT_EQ(at.opened.size(), 1u);
  EXPECT_EQ(at.answers(), (answer_list{{1, "cancelled: not needed"}}));
}

TEST(branch_host, remembers_so_many_early_cancels) {
  host_fixture at({.max_early_cancels = 2});
  at.deploy(7);
  for (dispatch_number number = 1; number <= 3; ++number) at.cancel(number);
  for (dispatch_number number = 1; number <= 3; ++number) at.work(number);
  EXPECT_EQ(at.opened.size(), 1u);
  EXPECT_EQ(at.host.open(), 1u);
}

TEST(branch_host, hands_back_what_is_open_and_stops_what_nobody_waits_for) {
  host_fixture at;
  at.deploy(7);
  at.work(1);
  at.host.lose_coordinator(1);
  at.host.add_coordinator(2);
  at.host.hand_back("the worker leaves");
  EXPECT_EQ(at.cancelled.size(), 1u);
  EXPECT_EQ(at.host.open(), 0u);
  at.host.cancel_all(1, "the coordinator was lost");
  EXPECT_EQ(at.cancelled.size(), 1u);
  EXPECT_TRUE(at.answers().empty());
}

TEST(branch_host, says_that_it_knows_nothing_of_a_branch) {
  host_fixture at;
  at.work(1, 8);
  const auto all = at.answers();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(all[0].second, HasSubstr("was told nothing of branch 8"));
}

} // namespace
} // namespace troupe::nodes
