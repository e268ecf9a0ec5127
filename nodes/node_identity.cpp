#include <troupe/nodes/node_identity.hpp>

#include <unistd.h>

#include <array>
#include <utility>

namespace troupe {

node_identity make_node_identity(std::string name) {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host = {"localhost"};
  node_identity node{std::move(name), host.data(), static_cast<int>(getpid()), run_id::make()};
  if (node.name.empty()) node.name = node.host + ':' + std::to_string(node.process);
  return node;
}

value to_value(const node_identity& node) {
  return value::map({{"name", node.name},
                     {"host", node.host},
                     {"process", node.process},
                     {"incarnation", node.incarnation.to_string()}});
}

} // namespace troupe
