#include "file_reader.hpp"

#include <troupe/workflows/settings_file.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <system_error>

namespace troupe {

namespace {

bool is_absent(const yaml_node& node) {
  return node.kind == yaml_node::shape::scalar && node.scalar.is_null();
}

/// The part of a node that a path leads to, as far as it does.
const yaml_node& part_of(const yaml_node& node, std::string_view path) {
  if (path.empty()) return node;
  const auto dot = path.find('.');
  const auto first = path.substr(0, dot);
  const auto rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  if (const auto* member = node.find(first)) return part_of(member->content, rest);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(first.data(), first.data() + first.size(), number);
  const auto is_number = error == std::errc() && end == first.data() + first.size();
  if (is_number && number < node.items.size()) return part_of(node.items[number], rest);
  return node;
}

/// A file that has comments only is one without settings.
bool is_blank(std::string_view text) {
  for (bool in_comment = false; const char letter : text) {
    if (letter == '\n') in_comment = false;
    else if (letter == '#') in_comment = true;
    else if (!in_comment && letter != ' ' && letter != '\t' && letter != '\r') return false;
  }
  return true;
}

class settings_reader {
public:
  settings_reader(file_reader& file, const std::vector<setting_field>& fields)
      : file_(file), fields_(fields) {}

  std::vector<file_setting> read(const yaml_node& root) {
    if (is_absent(root) || !file_.is_map(root, "the file")) return {};
    check_keys(root, "the file", "");
    std::vector<file_setting> all;
    for (const auto& field : fields_) {
      const auto* node = find(root, field.path);
      if (!node || is_absent(*node)) continue;
      const auto before = file_.errors();
      auto content = read(*node, field);
      if (file_.errors() == before) all.push_back({field.path, std::move(content), node->at.line});
    }
    return all;
  }

private:
  // The members that paths below `prefix` begin with, and what is wrong with maps among them.
  void check_keys(const yaml_node& map, const std::string& what, const std::string& prefix) {
    std::vector<std::string> known;
    std::vector<std::string> maps;
    for (const auto& field : fields_) {
      if (!field.path.starts_with(prefix)) continue;
      const auto rest = field.path.substr(prefix.size());
      const auto dot = rest.find('.');
      auto first = rest.substr(0, dot);
      if (std::find(known.begin(), known.end(), first) != known.end()) continue;
      if (dot != std::string::npos) maps.push_back(first);
      known.push_back(std::move(first));
    }
    file_.check_keys(map, what, known);
    for (const auto& name : maps) {
      const auto* member = map.find(name);
      if (!member || is_absent(member->content) || !file_.is_map(member->content, name)) continue;
      check_keys(member->content, "`" + name + "`", prefix + name + '.');
    }
  }

  static const yaml_node* find(const yaml_node& root, std::string_view path) {
    const auto dot = path.find('.');
    const auto* member = root.find(path.substr(0, dot));
    if (!member) return nullptr;
    if (dot == std::string_view::npos) return &member->content;
    return find(member->content, path.substr(dot + 1));
  }

  value read(const yaml_node& node, const setting_field& field) {
    if (!has_kind(node, field)) return {};
    auto content = node.to_value();
    if (!field.check) return content;
    field.check(content, [&](const std::string& below, const std::string& message) {
      auto name = field.path;
      if (!below.empty()) (name += '.') += below;
      file_.error(part_of(node, below).at, "bad-value", "`" + name + "` " + message);
    });
    return content;
  }

  bool has_kind(const yaml_node& node, const setting_field& field) {
    switch (field.kind) {
    case field_kind::any: return true;
    case field_kind::text: return file_.text(node, field.path).has_value();
    case field_kind::integer: return file_.integer(node, field.path).has_value();
    case field_kind::number: return file_.number(node, field.path).has_value();
    case field_kind::boolean: return file_.boolean(node, field.path).has_value();
    case field_kind::length: return file_.length(node, field.path).has_value();
    case field_kind::list: return file_.is_list(node, field.path);
    case field_kind::map: return file_.is_map(node, field.path);
    }
    return false;
  }

  file_reader& file_;
  const std::vector<setting_field>& fields_;
};

settings_file unreadable(const std::string& file, int error) {
  return {{},
          file + ":1:1: error: cannot read the file: " + std::generic_category().message(error)
              + " [unreadable]\n"};
}

} // namespace

settings_file read_settings_file(const std::string& file,
                                 const std::vector<setting_field>& fields) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return unreadable(file, errno);
  // One byte more than a file may have is enough to know that it has too many.
  std::string text(yaml_limits().max_bytes + 1, '\0');
  errno = 0;
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.gcount() == 0 && errno != 0)) return unreadable(file, errno);
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (is_blank(text)) return {};
  file_reader reader({file, std::move(text)});
  settings_file made;
  const auto root = read_yaml(reader.source(), reader.found());
  if (root) made.settings = settings_reader(reader, fields).read(*root);
  made.errors = render(reader.found(), reader.source());
  return made;
}

} // namespace troupe
