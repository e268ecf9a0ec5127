#include "yaml_document.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <cstdlib>

using namespace troupe;

namespace {

void require(bool fine) {
  if (!fine) std::abort();
}

void check_places(const source_text& source, const yaml_node& node) {
  require(node.at.line >= 1 && node.at.column >= 1);
  if (const auto* text = node.scalar.if_text()) {
    const auto first = position_in(source, node, 0);
    const auto last = position_in(source, node, text->size());
    require(node.at <= first && first <= last);
  }
  for (const auto& item : node.items) check_places(source, item);
  for (const auto& one : node.members) {
    require(node.find(one.key) == &one);
    check_places(source, one.content);
  }
}

} // namespace

// Any bytes are read or refused with a reason; JSON means in YAML what it means as JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const source_text source{"fuzz.yaml", {reinterpret_cast<const char*>(data), size}};
  std::vector<diagnostic> found;
  const auto read = read_yaml(source, found);
  require(read.has_value() || !found.empty());
  require(render(found, source).size() >= found.size() * source.name.size());
  const auto json = parse_json(source.text, {.max_bytes = 4096, .max_depth = 64});
  if (read && found.empty()) check_places(source, *read);
  // Longer keys than this are refused in YAML, and so is NUL.
  if (!json || size > 1000 || source.text.find('\0') != std::string::npos) return 0;
  require(read && found.empty());
  require(read->to_value() == *json);
  return 0;
}
