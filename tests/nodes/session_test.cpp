#include "session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace troupe::nodes {
namespace {

using testing::HasSubstr;

frame text_frame(const std::string& text) {
  return write_frame(message_kind::heartbeat, {text});
}

frame piece_of(int number, int place, std::size_t bytes = 200'000) {
  return write_frame(message_kind::chunk,
                     {number, false, value::binary(value::binary_type(bytes, 1)), place});
}

// Moves everything both sides have to say, until neither has any more.
std::vector<message> exchange(session& from, session& to) {
  std::vector<message> all;
  while (from.has_output() || to.has_output()) {
    auto arrived = to.receive(from.take_output());
    EXPECT_TRUE(arrived) << arrived.why().message;
    for (auto& each : *arrived) all.push_back(std::move(each));
    EXPECT_TRUE(from.receive(to.take_output()));
  }
  return all;
}

TEST(session, passes_short_messages_on_in_order) {
  session from;
  session to;
  for (auto number = 0; number < 5; ++number) {
    ASSERT_TRUE(from.post(write_frame(message_kind::results, {number})));
  }
  const auto all = exchange(from, to);
  ASSERT_EQ(all.size(), 5u);
  for (auto number = 0; number < 5; ++number) {
    EXPECT_EQ(all[static_cast<std::size_t>(number)].item(0), value(number));
  }
}

TEST(session, cuts_long_messages_and_lets_short_ones_pass) {
  session from;
  session to;
  const std::string large(5u << 20, 'x');
  ASSERT_TRUE(from.post(text_frame(large)));
  ASSERT_TRUE(from.post(text_frame("short")));
  const auto first = from.take_output();
  std::size_t bytes = 0;
  for (const auto& each : first) {
    EXPECT_LT(each.size(), chunk_bytes + 64);
    bytes += each.size();
  }
  EXPECT_LT(bytes, 5 * chunk_bytes) << "only a window of pieces is under way";
  auto arrived = to.receive(first);
  ASSERT_TRUE(arrived);
  ASSERT_EQ(arrived->size(), 1u);
  EXPECT_EQ(arrived->front().item(0), value("short"));
  const auto all = exchange(from, to);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].item(0), value(large));
}

TEST(session, refuses_what_is_too_long_before_it_is_sent) {
  session of({.max_body = 1u << 20});
  const auto posted = of.post(frame((1u << 20) + 1, 'x'));
  ASSERT_FALSE(posted);
  EXPECT_EQ(posted.why().kind, failure_kind::rejected);
  EXPECT_FALSE(of.has_output());
}

TEST(session, ends_with_a_peer_whose_pieces_never_end) {
  session of({.max_body = 1u << 20});
  auto received = of.receive({piece_of(7, 0)});
  for (auto times = 1; received && times < 10; ++times) {
    received = of.receive({piece_of(7, 200'000 * times)});
  }
  ASSERT_FALSE(received);
  EXPECT_EQ(received.why().kind, failure_kind::malformed);
  EXPECT_THAT(received.why().message, HasSubstr("longer together than 1048576 bytes"));
}

TEST(session, ends_with_a_peer_that_begins_too_much) {
  session of({.max_body = 1u << 20, .max_gathering = 2u << 20});
  auto begun = 0;
  while (begun < 20 && of.receive({piece_of(begun + 1, 0)})) ++begun;
  EXPECT_LT(begun, 11);
  session other({.max_gathering = 2u << 20});
  begun = 0;
  while (begun < 20 && other.receive({piece_of(begun + 1, 0, 0)})) ++begun;
  EXPECT_EQ(begun, 8) << "empty pieces count too";
}

TEST(session, ends_with_pieces_that_were_lost_repeated_or_exchanged) {
  session from;
  ASSERT_TRUE(from.post(text_frame(std::string(900'000, 'x'))));
  const auto pieces = from.take_output();
  ASSERT_EQ(pieces.size(), 4u);
  EXPECT_TRUE(session().receive(pieces));
  EXPECT_FALSE(session().receive({pieces[0], pieces[2], pieces[1], pieces[3]}));
  EXPECT_FALSE(session().receive({pieces[0], pieces[1], pieces[1], pieces[2], pieces[3]}));
  EXPECT_FALSE(session().receive({pieces[0], pieces[2], pieces[3]}));
  EXPECT_FALSE(session().receive({pieces[1], pieces[2], pieces[3]}));
  EXPECT_FALSE(session().receive({pieces[0], pieces[1], pieces[2], pieces[3], pieces[0]}));
}

TEST(session, begins_no_more_than_the_other_side_gathers) {
  const session_limits limits{.max_body = 2u << 20, .max_gathering = 4u << 20};
  session from(limits);
  session to(limits);
  for (auto number = 0; number < 8; ++number) {
    ASSERT_TRUE(from.post(text_frame(std::string(1'900'000, 'x'))));
  }
  std::size_t arrived = 0;
  while (from.has_output() || to.has_output()) {
    const auto all = to.receive(from.take_output());
    ASSERT_TRUE(all) << all.why().message;
    arrived += all->size();
    ASSERT_TRUE(from.receive(to.take_output()));
  }
  EXPECT_EQ(arrived, 8u);
}

TEST(session, keeps_work_behind_the_deploy_it_needs) {
  session from;
  session to;
  ASSERT_TRUE(from.post(write_frame(message_kind::deploy, {std::string(3u << 20, 'x')})));
  ASSERT_TRUE(from.post(write_frame(message_kind::work, {1})));
  ASSERT_TRUE(from.post(write_frame(message_kind::work, {std::string(600'000, 'y')})));
  ASSERT_TRUE(from.post(write_frame(message_kind::cancel, {1})));
  const auto all = exchange(from, to);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].kind, message_kind::cancel) << "which waits for nothing";
  EXPECT_EQ(all[1].kind, message_kind::deploy);
  EXPECT_EQ(all[2].kind, message_kind::work);
  EXPECT_EQ(all[3].kind, message_kind::work);
}

TEST(session, refuses_what_is_no_message) {
  std::mt19937 random(7);
  for (auto times = 0; times < 2000; ++times) {
    frame noise(random() % 60, '\0');
    for (auto& byte : noise) byte = static_cast<char>(random());
    session of;
    const auto received = of.receive({noise});
    EXPECT_TRUE(received || received.why().kind == failure_kind::malformed);
  }
  session of;
  EXPECT_FALSE(of.receive({frame()}));
  const auto nested = write_frame(message_kind::chunk, {1, true, value::binary({0xdd})});
  EXPECT_FALSE(of.receive({nested}));
}

} // namespace
} // namespace troupe::nodes
