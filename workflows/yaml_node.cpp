#include "yaml_document.hpp"

#include <algorithm>

namespace troupe {

const yaml_node::member* yaml_node::find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const member& one) { return one.key == key; });
  return found == members.end() ? nullptr : &*found;
}

value yaml_node::to_value() const {
  switch (kind) {
  case shape::scalar: return scalar;
  case shape::list: {
    value::list_type content;
    content.reserve(items.size());
    for (const auto& item : items) content.push_back(item.to_value());
    return value::list(std::move(content));
  }
  case shape::map: break;
  }
  value::map_type content;
  content.reserve(members.size());
  for (const auto& one : members) content.emplace_back(one.key, one.content.to_value());
  return value::map(std::move(content));
}

std::string_view yaml_node::kind_name() const {
  if (kind == shape::list) return "a list";
  if (kind == shape::map) return "a map";
  switch (scalar.type()) {
  case value::kind::null: return "null";
  case value::kind::boolean: return "true or false";
  case value::kind::integer:
  case value::kind::unsigned_integer: return "an integer";
  case value::kind::floating: return "a number";
  default: return "text";
  }
}

} // namespace troupe
