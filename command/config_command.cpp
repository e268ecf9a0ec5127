#include "command_error.hpp"
#include "commands.hpp"
#include "node_settings.hpp"
#include "terminal_text.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace troupe::detail {

namespace {

constexpr std::string_view secret = "(set)";

/// What settings have in common: the name of their map, or nothing, and their name in it.
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const auto dot = path.find('.');
  if (dot == std::string_view::npos) return {{}, path};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

/// Texts that YAML would read as something else are quoted, the way JSON does.
std::string in_yaml(const value& content) {
  if (const auto* text = content.if_text()) {
    const auto is_plain = [](char one) {
      return (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z') || (one >= '0' && one <= '9')
             || std::string_view("/._-").find(one) != std::string_view::npos;
    };
    const auto starts_well = !text->empty() && (text->front() == '/' || text->front() >= 'A');
    const auto is_word = *text == "true" || *text == "false" || *text == "null";
    const auto is_length = parse_duration(*text).has_value();
    if (!is_word && (starts_well || is_length)
        && std::all_of(text->begin(), text->end(), is_plain)) {
      return *text;
    }
  }
  return write_json(content);
}

struct line {
  std::string text;
  std::string origin{};
};

std::vector<line> lines_of(const node_settings& settings) {
  std::vector<line> lines;
  std::string_view group;
  for (const auto& each : all_node_settings()) {
    const auto [map, name] = split(each.path);
    if (map != group && !map.empty()) lines.push_back({std::string(map) + ':'});
    group = map;
    const auto content = settings.content(each);
    lines.push_back({(map.empty() ? "" : "  ") + std::string(name) + ": " + in_yaml(content),
                     settings.origin(each.path)});
  }
  const auto& token = settings.token_origin();
  if (!token.empty()) lines.push_back({"# api_token: " + std::string(secret), token});
  return lines;
}

std::string as_text(const node_settings& settings, bool with_origin) {
  const auto lines = lines_of(settings);
  std::size_t widest = 0;
  for (const auto& each : lines) widest = std::max(widest, each.text.size());
  std::string text;
  for (const auto& each : lines) {
    text += each.text;
    if (with_origin && !each.origin.empty()) {
      text += std::string(widest + 2 - each.text.size(), ' ') + "# " + one_line(each.origin);
    }
    text += '\n';
  }
  return text;
}

value as_json(const node_settings& settings, bool with_origin) {
  value::map_type all;
  std::vector<std::pair<std::string, value::map_type>> maps;
  const auto shown = [&](value content, const std::string& origin) {
    if (!with_origin) return content;
    return value::map({{"value", std::move(content)}, {"origin", origin}});
  };
  for (const auto& each : all_node_settings()) {
    const auto [map, name] = split(each.path);
    auto content = shown(settings.content(each), settings.origin(each.path));
    if (map.empty()) {
      all.emplace_back(std::string(name), std::move(content));
      continue;
    }
    if (maps.empty() || maps.back().first != map) maps.push_back({std::string(map), {}});
    maps.back().second.emplace_back(std::string(name), std::move(content));
  }
  for (auto& [name, members] : maps) all.emplace_back(name, value::map(std::move(members)));
  const auto& token = settings.token_origin();
  all.emplace_back("api_token", shown(token.empty() ? value() : value(std::string(secret)),
                                      token.empty() ? "default" : token));
  return value::map(std::move(all));
}

} // namespace

int config_command(console& speaker, const node_request& request) {
  const auto settings = settings_of_process(speaker.program(), request.config, request.settings);
  for (const auto& each : misspelled_variables()) speaker.say("warning: " + each);
  if (request.json) {
    speaker.out.line(write_json(as_json(settings, request.origin),
                                {.indent = speaker.out.is_terminal() ? 2 : -1}));
  } else {
    speaker.out.write(as_text(settings, request.origin));
  }
  return speaker.out.good() ? exit_done : exit_run_failed;
}

} // namespace troupe::detail
