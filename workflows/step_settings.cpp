#include <troupe/workflows/step_registry.hpp>

namespace troupe {

std::string_view to_string(field_kind kind) {
  switch (kind) {
  case field_kind::any: return "anything";
  case field_kind::text: return "text";
  case field_kind::integer: return "an integer";
  case field_kind::number: return "a number";
  case field_kind::boolean: return "true or false";
  case field_kind::length: return "a duration such as 250ms, 30s or 5m";
  case field_kind::list: return "a list";
  case field_kind::map: return "a map";
  }
  return "anything";
}

step_settings::step_settings(std::string name, value_template with,
                             std::shared_ptr<const step_surroundings> surroundings)
    : name_(std::move(name)), with_(std::move(with)), surroundings_(std::move(surroundings)) {}

value step_settings::fixed(std::string_view field) const {
  const auto* member = with_.find(field);
  return member ? member->constant() : value();
}

outcome<value> step_settings::resolve(const value& input, const step_context& call) const {
  return resolve(with_, input, call);
}

outcome<value> step_settings::resolve(const value_template& part, const value& input,
                                      const step_context& call) const {
  if (part.is_constant()) return part.constant();
  return part.evaluate(expression_scope::of(input, call, surroundings_->env));
}

} // namespace troupe
