#include "expression_tree.hpp"
#include "function_table.hpp"
#include "text_pattern.hpp"

#include <troupe/expressions/expression.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace troupe::detail {

namespace {

constexpr std::array types = {
    cel_kind::null,     cel_kind::boolean,   cel_kind::integer,  cel_kind::unsigned_integer,
    cel_kind::floating, cel_kind::text,      cel_kind::bytes,    cel_kind::list,
    cel_kind::map,      cel_kind::timestamp, cel_kind::duration, cel_kind::type};

struct macro {
  std::string_view name;
  node_kind kind;
  std::size_t fewest; ///< arguments
  std::size_t most;
};

constexpr std::array<macro, 5> macros = {{
    {"all", node_kind::all_items, 2, 2},
    {"exists", node_kind::some_item, 2, 2},
    {"exists_one", node_kind::one_item, 2, 2},
    {"map", node_kind::map_items, 2, 3},
    {"filter", node_kind::filter_items, 2, 2},
}};

// In instructions of compiled patterns; what people write has some hundred.
constexpr std::size_t max_pattern_size = 50'000;

std::string counted(std::size_t fewest, std::size_t most) {
  const auto number = std::to_string(most);
  const std::string text = fewest == most ? number : std::to_string(fewest) + " or " + number;
  return text + (most == 1 ? " argument" : " arguments");
}

class resolver {
public:
  resolver(expression_tree& tree, name_check check) : tree_(tree), check_(check) {
    tree_.used.resize(tree_.variables.size());
  }

  void resolve(expression_node& node) {
    switch (node.kind) {
    case node_kind::identifier: return identifier(node);
    case node_kind::select: return select(node);
    case node_kind::index: return index(node);
    case node_kind::global_call: return global_call(node);
    case node_kind::receiver_call: return receiver_call(node);
    default: return children(node);
    }
  }

private:
  void children(expression_node& node) {
    for (auto* child : node.children) resolve(*child);
  }

  void unknown(expression_node& node, std::string message) {
    if (check_ == name_check::strict) throw expression_error(node.offset, message);
    node.kind = node_kind::unknown;
    node.name = std::move(message);
  }

  bool is_local(const expression_node& node) const {
    return node.kind == node_kind::identifier && !node.from_root
           && std::find(locals_.begin(), locals_.end(), node.name) != locals_.end();
  }

  void identifier(expression_node& node) {
    const auto found = std::find(locals_.rbegin(), locals_.rend(), node.name);
    if (found != locals_.rend() && !node.from_root) {
      node.kind = node_kind::local;
      node.slot = static_cast<std::uint32_t>(locals_.rend() - found - 1);
      return;
    }
    if (!stands_for(node, node.name)) unknown(node, unknown_variable(node.name));
  }

  std::string unknown_variable(const std::string& name) const {
    std::vector<std::string_view> known(tree_.variables.begin(), tree_.variables.end());
    known.insert(known.end(), locals_.begin(), locals_.end());
    return "unknown variable " + name + did_you_mean(name, known);
  }

  // Makes `node` the variable or the type of that name, if there is one.
  bool stands_for(expression_node& node, const std::string& name) {
    const auto& names = tree_.variables;
    if (const auto found = std::find(names.begin(), names.end(), name); found != names.end()) {
      node.kind = node_kind::variable;
      node.slot = static_cast<std::uint32_t>(found - names.begin());
      node.children.clear();
      tree_.used[node.slot] = true;
      return true;
    }
    const auto type = std::find_if(types.begin(), types.end(),
                                   [&](cel_kind kind) { return type_name(kind) == name; });
    if (type == types.end()) return false;
    node.kind = node_kind::literal;
    node.literal = cel_value::type(*type);
    node.children.clear();
    return true;
  }

  // `a.b.c` for a path of names that starts with no local; else nothing.
  std::optional<std::string> path_of(const expression_node& node) const {
    std::vector<const std::string*> names;
    const auto* part = &node;
    for (; part->kind == node_kind::select; part = part->children[0]) names.push_back(&part->name);
    if (part->kind != node_kind::identifier || is_local(*part)) return {};
    auto path = part->name;
    for (auto name = names.rbegin(); name != names.rend(); ++name) path += "." + **name;
    return path;
  }

  // The longest path that is a name wins.
  void select(expression_node& node) {
    const auto path = path_of(node);
    if (path && has_dotted_names(*path) && stands_for(node, *path)) return;
    children(node);
    note_member(node, node.name, node.offset);
  }

  bool has_dotted_names(std::string_view path) const {
    if (path.starts_with("google.")) return true;
    return std::any_of(tree_.variables.begin(), tree_.variables.end(),
                       [](const auto& name) { return name.find('.') != std::string::npos; });
  }

  void index(expression_node& node) {
    children(node);
    const auto& key = node.child(1);
    if (key.kind == node_kind::literal && key.literal.is(cel_kind::text)) {
      note_member(node, key.literal.text(), key.offset);
    }
  }

  void note_member(const expression_node& node, const std::string& member, std::size_t offset) {
    const auto& target = node.child(0);
    if (target.kind == node_kind::variable) tree_.members.push_back({target.slot, member, offset});
  }

  void global_call(expression_node& node) {
    if (node.name == "has") return has(node);
    bind(node, node.name, false);
  }

  void has(expression_node& node) {
    if (node.children.size() != 1 || node.child(0).kind != node_kind::select) {
      throw expression_error(node.offset, "has takes one member to look for: has(a.b)");
    }
    auto& member = *node.children[0];
    children(member);
    note_member(member, member.name, member.offset);
    node.kind = node_kind::has;
    node.name = member.name;
    node.offset = member.offset;
    node.children = member.children;
  }

  void receiver_call(expression_node& node) {
    const auto found = std::find_if(macros.begin(), macros.end(),
                                    [&](const macro& known) { return known.name == node.name; });
    const auto arguments = node.children.size() - 1;
    if (found != macros.end()) {
      if (arguments < found->fewest || arguments > found->most) {
        throw expression_error(node.offset,
                               wrong_count(node.name, found->fewest, found->most, arguments));
      }
      return loop(node, *found);
    }
    if (const auto path = path_of(node.child(0))) {
      const auto name = *path + "." + node.name;
      if (find_function(name, false)) {
        node.children.erase(node.children.begin());
        return bind(node, name, false);
      }
    }
    bind(node, node.name, true);
  }

  void loop(expression_node& node, const macro& kind) {
    const auto& name = node.child(1);
    if (name.kind != node_kind::identifier || name.from_root) {
      throw expression_error(name.offset,
                             "the first argument of " + node.name + " must be a plain name");
    }
    resolve(*node.children[0]);
    locals_.push_back(name.name);
    tree_.locals = std::max(tree_.locals, locals_.size());
    node.slot = static_cast<std::uint32_t>(locals_.size() - 1);
    node.children.erase(node.children.begin() + 1);
    for (std::size_t i = 1; i < node.children.size(); ++i) resolve(*node.children[i]);
    locals_.pop_back();
    node.kind = kind.kind;
  }

  void bind(expression_node& node, const std::string& name, bool has_receiver) {
    const auto* function = find_function(name, has_receiver);
    if (!function) return unknown(node, unknown_function(name, has_receiver));
    const auto given = node.children.size() - (has_receiver ? 1 : 0);
    if (given < function->fewest || given > function->most) {
      return unknown(node, wrong_count(name, function->fewest, function->most, given));
    }
    children(node);
    node.kind = node_kind::call;
    node.function = function;
    if (function->body == matches) compile_pattern(node);
  }

  static std::string wrong_count(const std::string& name, std::size_t fewest, std::size_t most,
                                 std::size_t given) {
    return name + " takes " + counted(fewest, most) + ", not " + std::to_string(given);
  }

  static std::string unknown_function(const std::string& name, bool has_receiver) {
    const auto message = "unknown function " + name;
    if (has_receiver && find_function(name, false)) {
      return message + " after a dot (did you mean " + name + "(...)?)";
    }
    if (!has_receiver && find_function(name, true)) {
      return message + " without a receiver (did you mean value." + name + "(...)?)";
    }
    return message + did_you_mean(name, function_names(has_receiver));
  }

  void compile_pattern(expression_node& node) {
    const auto& argument = node.child(1);
    if (argument.kind != node_kind::literal || !argument.literal.is(cel_kind::text)) return;
    const auto pattern = std::make_shared<const text_pattern>(argument.literal.text());
    if (!pattern->problem().empty()) {
      throw expression_error(argument.offset, "bad pattern: " + pattern->problem());
    }
    pattern_size_ += pattern->size();
    if (pattern_size_ > max_pattern_size) {
      throw expression_error(argument.offset, "the patterns of the expression are too large");
    }
    node.pattern = pattern;
  }

  expression_tree& tree_;
  name_check check_;
  std::vector<std::string> locals_;
  std::size_t pattern_size_ = 0; ///< of all constant patterns
};

} // namespace

void resolve_names(expression_tree& tree, expression_node& root, name_check check) {
  resolver(tree, check).resolve(root);
  tree.root = &root;
}

} // namespace troupe::detail
