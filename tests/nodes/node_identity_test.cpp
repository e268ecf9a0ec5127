#include <troupe/nodes/node_identity.hpp>

#include <gmock/gmock.h>
#include <unistd.h>

namespace troupe {
namespace {

TEST(NodeIdentity, IsNewAtEveryStart) {
  const auto first = make_node_identity("worker-1");
  const auto second = make_node_identity("worker-1");

  EXPECT_EQ(first.name, "worker-1");
  EXPECT_EQ(first.process, getpid());
  EXPECT_NE(first.incarnation, second.incarnation);
}

TEST(NodeIdentity, IsCalledByHostAndProcessWithoutAName) {
  const auto node = make_node_identity();

  EXPECT_EQ(node.name, node.host + ':' + std::to_string(node.process));
  EXPECT_EQ(to_value(node).at("incarnation"), value(node.incarnation.to_string()));
}

} // namespace
} // namespace troupe
