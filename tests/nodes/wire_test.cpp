#include "wire.hpp"

#include <gtest/gtest.h>

namespace troupe::nodes {
namespace {

using namespace std::chrono_literals;

node_facts sample(const std::string& role) {
  node_facts facts;
  facts.identity = make_node_identity(role + "-1");
  facts.role = role;
  facts.version = "1.2.3";
  facts.labels = {{"gpu", "true"}, {"zone", "a"}};
  facts.step_types = {"exec", "value"};
  facts.pipelines = {"00ff"};
  facts.credit = 12;
  facts.heartbeat = 500ms;
  facts.lost_after = 10s;
  return facts;
}

TEST(wire, tells_who_a_node_is) {
  const auto given = sample("worker");
  const auto read = node_facts_from(to_value(given));
  ASSERT_TRUE(read) << read.why().message;
  EXPECT_EQ(read->identity.name, "worker-1");
  EXPECT_EQ(read->identity.incarnation, given.identity.incarnation);
  EXPECT_EQ(read->labels, given.labels);
  EXPECT_EQ(read->step_types, given.step_types);
  EXPECT_EQ(read->pipelines, given.pipelines);
  EXPECT_EQ(read->credit, 12u);
  EXPECT_EQ(read->heartbeat, given.heartbeat);
  EXPECT_EQ(read->lost_after, given.lost_after);
  EXPECT_EQ(read->major, protocol_major);
}

TEST(wire, refuses_nodes_that_are_no_nodes) {
  EXPECT_FALSE(node_facts_from({}));
  EXPECT_FALSE(node_facts_from(to_value(sample("worker")).with("protocol", "other")));
  EXPECT_FALSE(node_facts_from(to_value(sample("worker")).with("incarnation", value::binary({1}))));
  EXPECT_FALSE(node_facts_from(to_value(sample("worker")).with("name", "")));
}

TEST(wire, says_why_two_nodes_cannot_work_together) {
  const auto mine = sample("coordinator");
  EXPECT_EQ(incompatible(mine, sample("worker")), std::nullopt);
  auto older = sample("worker");
  older.major = 0;
  EXPECT_NE(incompatible(mine, older)->find("version 0.0"), std::string::npos);
  EXPECT_NE(incompatible(mine, older)->find("worker-1"), std::string::npos);
  EXPECT_EQ(incompatible(mine, sample("coordinator")), std::nullopt);
  EXPECT_NE(incompatible(sample("worker"), sample("worker"))->find("too"), std::string::npos);
  EXPECT_NE(incompatible(mine, sample("observer"))->find("no role"), std::string::npos);
  auto idle = sample("worker");
  idle.credit = 0;
  EXPECT_NE(incompatible(mine, idle)->find("credit"), std::string::npos);
  auto slow = sample("worker");
  slow.heartbeat = 6s;
  EXPECT_NE(incompatible(mine, slow)->find("heartbeat"), std::string::npos);
}

TEST(wire, builds_messages_item_by_item) {
  frame_writer writer(message_kind::results);
  for (auto number = 0; number < 70'000; ++number) ASSERT_TRUE(writer.add(number));
  EXPECT_EQ(writer.items(), 70'000u);
  const auto read = read_frame(writer.take());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->kind, message_kind::results);
  EXPECT_EQ(read->size(), 70'000u);
  EXPECT_EQ(read->item(69'999), value(69'999));
  EXPECT_EQ(writer.items(), 0u);
}

TEST(wire, leaves_a_message_as_it_was_when_an_item_cannot_travel) {
  static const native_type opaque{&typeid(int), [](const void*) { return value(); }};
  frame_writer writer(message_kind::work);
  ASSERT_TRUE(writer.add("first"));
  EXPECT_FALSE(writer.add(value::native(std::make_shared<int>(1), opaque)));
  EXPECT_FALSE(writer.add(std::string(max_item_bytes + 1, 'x')));
  ASSERT_TRUE(writer.add("second"));
  const auto read = read_frame(writer.take());
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ(read->item(1), value("second"));
}

} // namespace
} // namespace troupe::nodes
