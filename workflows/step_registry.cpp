#include "builtin_steps.hpp"

namespace troupe {

step_registry::step_registry() {
  add("value", value_step_type());
  add("sleep", sleep_step_type());
  add("fail", fail_step_type());
  add("http.request", http_request_step_type());
  add("llm.chat", llm_chat_step_type());
  add("exec", exec_step_type());
  add("test.script", script_step_type());
}

void step_registry::add(std::string type, step_type about) {
  types_.insert_or_assign(std::move(type), std::move(about));
}

const step_type* step_registry::find(std::string_view type) const {
  const auto found = types_.find(type);
  return found == types_.end() ? nullptr : &found->second;
}

std::vector<std::string> step_registry::types() const {
  std::vector<std::string> names;
  names.reserve(types_.size());
  for (const auto& [name, about] : types_) names.push_back(name);
  return names;
}

} // namespace troupe
