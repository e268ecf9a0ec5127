#include "file_reader.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <limits>

namespace troupe {

namespace {

std::string shown(const yaml_node& node) {
  if (node.kind != yaml_node::shape::scalar) return std::string(node.kind_name());
  auto text = write_json(node.scalar);
  if (text.size() > 60) text = text.substr(0, 57) + "…";
  return text;
}

// `${{ EXPR }}` around a whole text, or the text itself: where the expression begins and its
// length.
std::pair<std::size_t, std::size_t> bare_part(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {0, 0};
  const auto end = text.find_last_not_of(blanks) + 1;
  const auto inner = text.substr(begin, end - begin);
  if (!inner.starts_with("${{") || !inner.ends_with("}}")) return {begin, end - begin};
  return {begin + 3, inner.size() - 5};
}

} // namespace

std::size_t file_reader::errors() const {
  return static_cast<std::size_t>(
      std::count_if(found_.begin(), found_.end(), [](const auto& one) { return !one.is_warning; }));
}

bool file_reader::has_error_at(text_position at) const {
  return std::any_of(found_.begin(), found_.end(),
                     [&](const auto& one) { return !one.is_warning && one.at == at; });
}

void file_reader::error(text_position at, std::string_view rule, const std::string& message) {
  found_.push_back({at, message + " [" + std::string(rule) + "]", false});
}

void file_reader::warn(text_position at, std::string_view rule, const std::string& message) {
  found_.push_back({at, message + " [" + std::string(rule) + "]", true});
}

void file_reader::wrong_type(const yaml_node& node, std::string_view what,
                             std::string_view expected) {
  error(node.at, "wrong-type",
        "`" + std::string(what) + "` must be " + std::string(expected) + "; it is " + shown(node));
}

bool file_reader::is_map(const yaml_node& node, std::string_view what) {
  if (node.kind == yaml_node::shape::map) return true;
  wrong_type(node, what, "a map");
  return false;
}

bool file_reader::is_list(const yaml_node& node, std::string_view what) {
  if (node.kind == yaml_node::shape::list) return true;
  wrong_type(node, what, "a list");
  return false;
}

void file_reader::check_keys(const yaml_node& map, std::string_view what,
                             std::vector<std::string> known) {
  for (const auto& member : map.members) {
    if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
    auto hint = near_miss(member.key, known);
    if (hint.empty() && !known.empty()) {
      for (const auto& key : known) hint += (hint.empty() ? "; it takes: " : ", ") + key;
    }
    error(member.key_at, "unknown-key",
          "unknown key `" + member.key + "` in " + std::string(what) + hint);
  }
}

void file_reader::check_names(const yaml_node& map, std::string_view what) {
  for (const auto& member : map.members) {
    if (member.key.empty()) error(member.key_at, "bad-value", std::string(what) + " needs a name");
  }
}

std::optional<std::string> file_reader::text(const yaml_node& node, std::string_view what) {
  if (node.kind == yaml_node::shape::scalar && node.scalar.is_text()) return *node.scalar.if_text();
  wrong_type(node, what, "text");
  return std::nullopt;
}

std::optional<std::int64_t> file_reader::integer(const yaml_node& node, std::string_view what) {
  if (const auto* number = node.scalar.if_integer()) return *number;
  wrong_type(node, what, "an integer");
  return std::nullopt;
}

std::optional<int> file_reader::small_integer(const yaml_node& node, std::string_view what) {
  const auto given = integer(node, what);
  if (!given) return std::nullopt;
  if (*given >= std::numeric_limits<int>::min() && *given <= std::numeric_limits<int>::max()) {
    return static_cast<int>(*given);
  }
  error(node.at, "bad-value", "`" + std::string(what) + "` is out of range");
  return std::nullopt;
}

std::optional<double> file_reader::number(const yaml_node& node, std::string_view what) {
  if (node.scalar.is_number()) return node.scalar.to_double();
  wrong_type(node, what, "a number");
  return std::nullopt;
}

std::optional<bool> file_reader::boolean(const yaml_node& node, std::string_view what) {
  if (const auto* flag = node.scalar.if_bool()) return *flag;
  wrong_type(node, what, "true or false");
  return std::nullopt;
}

std::optional<duration> file_reader::length(const yaml_node& node, std::string_view what) {
  if (const auto* text = node.scalar.if_text()) {
    if (const auto read = parse_duration(*text)) return read;
  }
  auto expected = std::string("a duration such as 250ms, 30s or 1h30m");
  if (node.scalar.is_number()) expected += " (with a unit)";
  wrong_type(node, what, expected);
  return std::nullopt;
}

std::optional<std::vector<std::string>> file_reader::texts(const yaml_node& node,
                                                           std::string_view what) {
  if (!is_list(node, what)) return std::nullopt;
  std::vector<std::string> all;
  for (const auto& item : node.items) {
    if (auto one = text(item, what)) all.push_back(*std::move(one));
  }
  return all;
}

std::optional<std::string> file_reader::word(const yaml_node& node, std::string_view what,
                                             const std::vector<std::string>& words) {
  const auto given = text(node, what);
  if (!given) return std::nullopt;
  if (std::find(words.begin(), words.end(), *given) != words.end()) return given;
  std::string list;
  for (const auto& each : words) list += (list.empty() ? "" : ", ") + each;
  error(node.at, "bad-value",
        "`" + std::string(what) + "` is " + shown(node) + "; it must be one of " + list
            + near_miss(*given, words));
  return std::nullopt;
}

void file_reader::report_issues(const std::vector<plan_issue>& issues, const yaml_node& node,
                                std::string_view what) {
  for (const auto& issue : issues) {
    const auto* member = node.find(issue.field);
    const auto at = member ? member->content.at : node.at;
    const auto name = issue.field.empty() ? std::string(what) : issue.field;
    error(at, "bad-value", "`" + name + "` " + issue.message);
  }
}

void file_reader::check_env(const expression& made, const yaml_node& node, std::size_t offset) {
  const std::vector<std::string> listed(listed_env.begin(), listed_env.end());
  for (const auto& use : made.members_of("env")) {
    if (listed_env.contains(use.member)) continue;
    error(position_in(source_, node, offset + use.offset), "unknown-env",
          "the environment variable `" + use.member + "` is not listed under `env:`"
              + near_miss(use.member, listed));
  }
}

std::optional<expression> file_reader::compile(const yaml_node& node, std::string_view what,
                                               std::span<const std::string_view> variables) {
  // A constant may be written as such: `until: true`.
  std::string text;
  if (node.kind == yaml_node::shape::scalar) {
    text = node.scalar.is_text() ? *node.scalar.if_text() : write_json(node.scalar);
  }
  const auto [begin, size] = bare_part(text);
  if (size == 0 || node.scalar.is_null()) {
    wrong_type(node, what, "a CEL expression");
    return std::nullopt;
  }
  try {
    auto made = expression::compile(std::string_view(text).substr(begin, size), variables);
    check_env(made, node, begin);
    return made;
  } catch (const expression_error& wrong) {
    error(position_in(source_, node, begin + wrong.offset()), "bad-expression",
          "`" + std::string(what) + "` is no valid expression: " + wrong.what());
    return std::nullopt;
  }
}

value_template file_reader::templates(const yaml_node& node,
                                      std::span<const std::string_view> variables) {
  if (node.kind == yaml_node::shape::list) {
    std::vector<value_template> items;
    for (const auto& item : node.items) items.push_back(templates(item, variables));
    return value_template::list(std::move(items));
  }
  if (node.kind == yaml_node::shape::map) {
    std::vector<std::pair<std::string, value_template>> members;
    for (const auto& [key, at, content] : node.members) {
      members.emplace_back(key, templates(content, variables));
    }
    return value_template::map(std::move(members));
  }
  const auto* text = node.scalar.if_text();
  if (!text || text->find("${{") == std::string::npos) return value_template(node.scalar);
  try {
    auto made = text_template::compile(*text, variables);
    for (const auto& part : made.expressions()) check_env(part.content, node, part.offset);
    return {std::move(made), *text};
  } catch (const expression_error& wrong) {
    error(position_in(source_, node, wrong.offset()), "bad-expression",
          std::string("no valid expression: ") + wrong.what());
    return {};
  }
}

} // namespace troupe
