#include "stage_reader.hpp"

#include <troupe/protocol/digest.hpp>
#include <troupe/protocol/json.hpp>

#include <algorithm>

namespace troupe {

namespace {

// The member of a `with` that a path such as `script.0.after` leads to, or the nearest around it.
text_position place_of_field(const yaml_node& with, std::string_view path) {
  const auto* at = &with;
  while (!path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    const auto part = path.substr(0, dot);
    path.remove_prefix(std::min(dot + 1, path.size()));
    const yaml_node* next = nullptr;
    if (const auto* member = at->find(part)) {
      next = &member->content;
    } else if (at->kind == yaml_node::shape::list && !part.empty()
               && part.find_first_not_of("0123456789") == std::string_view::npos
               && part.size() < 6) {
      const auto index = std::stoul(std::string(part));
      if (index < at->items.size()) next = &at->items[index];
    }
    if (!next) break;
    at = next;
  }
  return at->at;
}

std::string sum_of(const std::string& text) {
  return to_hex(sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
}

bool fits(field_kind kind, const value& content) {
  switch (kind) {
  case field_kind::any: return true;
  case field_kind::text: return content.is_text();
  case field_kind::integer: return content.if_integer() != nullptr;
  case field_kind::number: return content.is_number();
  case field_kind::boolean: return content.if_bool() != nullptr;
  case field_kind::length: return content.is_text() && parse_duration(*content.if_text());
  case field_kind::list: return content.is_list();
  case field_kind::map: return content.is_map();
  }
  return false;
}

} // namespace

void stage_reader::note_steps(const yaml_node& node) {
  if (!file_.is_map(node, "steps")) return;
  file_.check_names(node, "a step");
  for (const auto& member : node.members) {
    steps_[member.key] = {&member.content, member.key_at, false, std::nullopt};
  }
}

void stage_reader::read_named_steps() {
  for (auto& [name, step] : steps_) {
    if (!step.is_read) (void)read_reference(name, step.at);
  }
}

// `step: NAME`, or with `uses` a step in place.
std::optional<plan> stage_reader::read_step(const yaml_node& node) {
  const auto* named = node.find("step");
  const auto* uses = node.find("uses");
  if (!named) {
    file_.error(node.at, "missing-key", "a step in place needs a name: add `step: NAME`");
    return std::nullopt;
  }
  const auto name = file_.text(named->content, "step");
  if (!name) return std::nullopt;
  if (name->empty()) {
    file_.error(named->content.at, "bad-value", "`step` is empty; a step needs a name");
    return std::nullopt;
  }
  if (uses) {
    if (steps_.contains(*name)) {
      file_.error(named->content.at, "duplicate-name",
                  "`" + *name
                      + "` is the name of a step under `steps:`; a step in place needs "
                        "another one");
    }
    return read_definition(*name, node);
  }
  for (const auto* key : {"with", "idempotent"}) {
    if (const auto* extra = node.find(key)) {
      file_.error(extra->key_at, "misplaced-key",
                  "`" + std::string(key) + "` belongs where the step is defined: beside `uses`");
    }
  }
  return read_reference(*name, named->content.at);
}

std::optional<plan> stage_reader::read_reference(const std::string& name, text_position at) {
  const auto found = steps_.find(name);
  if (found == steps_.end()) {
    std::vector<std::string> known;
    for (const auto& [each, step] : steps_) known.push_back(each);
    file_.error(at, "unknown-step",
                "there is no step `" + name + "` under `steps:`" + near_miss(name, known));
    return std::nullopt;
  }
  auto& step = found->second;
  if (step.is_read) return step.made;
  if (std::any_of(open_.begin(), open_.end(),
                  [&](const auto& each) { return each.name == name; })) {
    return refuse_cycle(name, at);
  }
  const auto& node = *step.node;
  if (!file_.is_map(node, name)) return std::nullopt;
  open_.push_back({name, fallbacks_around_});
  file_.check_keys(
      node, "the step " + name,
      {"uses", "with", "policies", "name", "place", "compensate", "save_as", "idempotent"});
  if (!node.find("uses")) {
    file_.error(step.at, "missing-key", "the step `" + name + "` needs `uses: TYPE`");
  }
  auto made = add_attributes(node.find("uses") ? read_definition(name, node) : std::nullopt, node);
  open_.pop_back();
  step.is_read = true;
  step.made = std::move(made);
  return step.made;
}

std::optional<plan> stage_reader::refuse_cycle(const std::string& name, text_position at) {
  const auto start =
      std::find_if(open_.begin(), open_.end(), [&](const auto& each) { return each.name == name; });
  std::string cycle;
  for (auto each = start; each != open_.end(); ++each) cycle += each->name + " → ";
  cycle += name;
  if (fallbacks_around_ > start->fallbacks_around) {
    file_.error(at, "circular-fallback", "InfiniteFallbackError: " + cycle);
  } else {
    file_.error(at, "circular-step", "the step leads back to itself: " + cycle);
  }
  return std::nullopt;
}

const step_type* stage_reader::read_type(const yaml_node& uses) {
  const auto name = file_.text(uses, "uses");
  if (!name) return nullptr;
  if (*name == "test.script") has_scripts_ = true;
  const auto* type = registry_.find(*name);
  if (!type) {
    const auto known = registry_.types();
    auto hint = near_miss(*name, known);
    if (hint.empty()) {
      for (const auto& each : known) hint += (hint.empty() ? "; there are: " : ", ") + each;
    }
    file_.error(uses.at, "unknown-type", "unknown step type `" + *name + "`" + hint);
  }
  return type;
}

std::optional<plan> stage_reader::read_definition(const std::string& name, const yaml_node& node) {
  const auto& uses = node.find("uses")->content;
  const auto* type = read_type(uses);
  if (!type) {
    // The expressions in it are checked all the same.
    if (const auto* with = node.find("with")) {
      (void)file_.templates(with->content, expression_scope::names);
    }
    return std::nullopt;
  }
  const auto& type_name = *uses.scalar.if_text();
  const auto errors_before = file_.errors();
  auto with = read_with(*type, type_name, node);
  const step_settings settings(name, with, surroundings_);
  check_settings(*type, settings, node);
  const auto* marked = node.find("idempotent");
  const auto idempotent = marked ? file_.boolean(marked->content, "idempotent") : std::nullopt;
  if (file_.errors() != errors_before) return std::nullopt;

  auto definition = type->make(settings);
  definition.type = type_name;
  definition.identity = "uses:" + type_name;
  definition.parameters = parameters_of(with, type->keeps_secrets);
  if (idempotent) definition.idempotent = *idempotent;
  return plan::make(plan_kind::step, name, {}, std::move(definition));
}

// What decides how the step behaves: its `with` as written, and the environment it may read.
value stage_reader::parameters_of(const value_template& with, bool keeps_secrets) const {
  auto raw = with.raw();
  if (keeps_secrets) raw = sum_of(write_json(raw));
  if (with.is_constant() || surroundings_->env.size() == 0) return raw;
  value::map_type hidden;
  for (const auto& [name, content] : *surroundings_->env.if_map()) {
    const auto* text = content.if_text();
    hidden.emplace_back(name, sum_of(text ? *text : std::string()));
  }
  return value::map({{"with", raw}, {"env", value::map(std::move(hidden))}});
}

value_template stage_reader::read_with(const step_type& type, const std::string& type_name,
                                       const yaml_node& holder) {
  const auto* member = holder.find("with");
  static const yaml_node nothing = [] {
    yaml_node node;
    node.kind = yaml_node::shape::map;
    return node;
  }();
  const auto left_out =
      !member
      || (member->content.kind == yaml_node::shape::scalar && member->content.scalar.is_null());
  const auto& with = left_out ? nothing : member->content;
  if (!file_.is_map(with, "with")) return {};
  if (!type.takes_other_fields) {
    std::vector<std::string> known;
    for (const auto& field : type.fields) known.push_back(field.name);
    file_.check_keys(with, "`with` of " + type_name, std::move(known));
  }
  auto made = file_.templates(with, expression_scope::names);
  for (const auto& field : type.fields) {
    const auto* given = with.find(field.name);
    if (given) {
      check_field(field, given->content, *made.find(field.name));
    } else if (field.required) {
      const auto at = member ? member->key_at : holder.find("uses")->key_at;
      file_.error(at, "missing-key",
                  "`with` of " + type_name + " needs `" + field.name + "`"
                      + (field.kind == field_kind::any
                             ? std::string()
                             : ", " + std::string(to_string(field.kind))));
    }
  }
  return made;
}

void stage_reader::check_field(const step_field& field, const yaml_node& node,
                               const value_template& content) {
  // Of a list or map that depends on the call at least the kind is known.
  const auto known =
      content.is_constant() ? fits(field.kind, content.constant())
      : content.is_list()   ? field.kind == field_kind::list || field.kind == field_kind::any
      : content.is_map()    ? field.kind == field_kind::map || field.kind == field_kind::any
                            : true;
  if (known) return;
  auto given = std::string(node.kind_name());
  if (const auto* text = node.scalar.if_text()) given = "\"" + text->substr(0, 40) + "\"";
  file_.error(node.at, "wrong-type",
              "`" + field.name + "` must be " + std::string(to_string(field.kind)) + "; it is "
                  + given);
}

void stage_reader::check_settings(const step_type& type, const step_settings& settings,
                                  const yaml_node& holder) {
  if (!type.check) return;
  const auto* with = holder.find("with");
  type.check(settings, [&](const std::string& field, const std::string& message) {
    const auto at = with ? place_of_field(with->content, field) : holder.find("uses")->content.at;
    // A member of the wrong kind has been reported already.
    if (file_.has_error_at(at)) return;
    file_.error(at, "bad-value", field.empty() ? message : "`" + field + "` " + message);
  });
}

} // namespace troupe
