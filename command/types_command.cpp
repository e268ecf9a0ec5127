#include "command_error.hpp"
#include "commands.hpp"
#include "near_miss.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>

namespace troupe::detail {

namespace {

value as_value(const std::string& name, const step_type& type) {
  value::list_type fields;
  for (const auto& field : type.fields) {
    fields.push_back(value::map({{"name", field.name},
                                 {"kind", to_string(field.kind)},
                                 {"required", field.required},
                                 {"summary", field.summary}}));
  }
  return value::map({{"type", name},
                     {"summary", type.summary},
                     {"fields", std::move(fields)},
                     {"other_fields", type.takes_other_fields}});
}

std::string padded(std::string text, std::size_t width) {
  text.append(width - std::min(width, text.size()) + 2, ' ');
  return text;
}

std::string kind_of(const step_field& field) {
  const auto kind = std::string(to_string(field.kind));
  return kind.substr(0, kind.find(" such as ")) + (field.required ? ", required" : "");
}

std::string as_text(const std::string& name, const step_type& type) {
  auto text = name + (type.summary.empty() ? "" : "  " + type.summary) + '\n';
  std::size_t name_width = 0;
  std::size_t kind_width = 0;
  for (const auto& field : type.fields) {
    name_width = std::max(name_width, field.name.size());
    kind_width = std::max(kind_width, kind_of(field).size());
  }
  for (const auto& field : type.fields) {
    text += "    " + padded(field.name, name_width) + padded(kind_of(field), kind_width)
            + field.summary + '\n';
  }
  if (type.takes_other_fields) text += "    …  any other member\n";
  return text;
}

} // namespace

int types_command(console& speaker, const types_request& request, const step_registry& registry) {
  const auto known = registry.types();
  const auto& names = request.names.empty() ? known : request.names;
  value::list_type list;
  std::string text;
  for (const auto& name : names) {
    const auto* type = registry.find(name);
    if (!type) throw usage_error("there is no step type " + name + did_you_mean(name, known));
    if (request.json) list.push_back(as_value(name, *type));
    else text += (text.empty() ? "" : "\n") + as_text(name, *type);
  }
  if (request.json) {
    text = write_json(value(std::move(list)), {.indent = speaker.out.is_terminal() ? 2 : -1});
    text += '\n';
  }
  speaker.out.write(text);
  return speaker.out.good() ? exit_done : exit_run_failed;
}

} // namespace troupe::detail
