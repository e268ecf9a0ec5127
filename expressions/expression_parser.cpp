#include "expression_lexer.hpp"
#include "expression_tree.hpp"
#include "number_text.hpp"

#include <troupe/expressions/expression.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace troupe::detail {

namespace {

constexpr std::array<std::string_view, 21> reserved = {
    "in",       "true",    "false",     "null",     "as",  "break",  "const",
    "continue", "else",    "for",       "function", "if",  "import", "let",
    "loop",     "package", "namespace", "return",   "var", "void",   "while"};

bool is_reserved(std::string_view name) {
  return std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

struct infix {
  std::string_view symbol;
  int strength;
  binary_operation operation;
};

constexpr int weakest_infix = 1;
constexpr int or_strength = 1;
constexpr int and_strength = 2;
constexpr std::array<infix, 14> infixes = {{
    {"||", or_strength, binary_operation::equal},
    {"&&", and_strength, binary_operation::equal},
    {"==", 3, binary_operation::equal},
    {"!=", 3, binary_operation::not_equal},
    {"<", 3, binary_operation::less},
    {"<=", 3, binary_operation::less_equal},
    {">", 3, binary_operation::greater},
    {">=", 3, binary_operation::greater_equal},
    {"in", 3, binary_operation::in},
    {"+", 4, binary_operation::add},
    {"-", 4, binary_operation::subtract},
    {"*", 5, binary_operation::multiply},
    {"/", 5, binary_operation::divide},
    {"%", 5, binary_operation::modulo},
}};

class parser {
public:
  explicit parser(expression_tree& tree) : tree_(tree), lexer_(tree.source) { advance(); }

  expression_node& run() {
    if (current_.kind == token_kind::end) refuse("the expression is empty");
    auto& root = expression();
    if (current_.kind != token_kind::end) refuse_token("an operator or the end");
    return root;
  }

private:
  expression_node& expression() {
    if (++nesting_ > max_nesting) refuse("nests too deep");
    auto* result = &infix_chain(weakest_infix);
    if (current_.is("?")) {
      auto& choice = add(node_kind::choose, current_.offset);
      advance();
      auto& yes = infix_chain(weakest_infix);
      expect(":");
      auto& no = expression();
      adopt(choice, {result, &yes, &no});
      result = &choice;
    }
    --nesting_;
    return *result;
  }

  const infix* current_infix() const {
    const bool is_word = current_.kind == token_kind::name && current_.source == "in";
    if (current_.kind != token_kind::symbol && !is_word) return nullptr;
    const auto found = std::find_if(infixes.begin(), infixes.end(), [&](const infix& known) {
      return known.symbol == current_.source;
    });
    return found == infixes.end() ? nullptr : &*found;
  }

  expression_node& infix_chain(int strength) {
    auto* left = &prefixed();
    for (auto* found = current_infix(); found && found->strength >= strength;
         found = current_infix()) {
      const auto offset = current_.offset;
      advance();
      auto& right = infix_chain(found->strength + 1);
      left = &join(*found, offset, *left, right);
    }
    return *left;
  }

  // A row of `||` or `&&` is one node, however long.
  expression_node& join(const infix& found, std::size_t offset, expression_node& left,
                        expression_node& right) {
    if (found.strength > and_strength) {
      auto& node = add(node_kind::binary, offset);
      node.operation = found.operation;
      adopt(node, {&left, &right});
      return node;
    }
    const auto kind = found.strength == or_strength ? node_kind::any_of : node_kind::all_of;
    if (left.kind == kind) {
      adopt(left, {&right});
      return left;
    }
    auto& node = add(kind, offset);
    adopt(node, {&left, &right});
    return node;
  }

  expression_node& prefixed() {
    const auto kind = current_.is("!") ? node_kind::invert : node_kind::negate;
    const std::string_view symbol = kind == node_kind::invert ? "!" : "-";
    std::vector<std::size_t> offsets;
    while (current_.is(symbol)) {
      offsets.push_back(current_.offset);
      if (offsets.size() > max_tree_depth) refuse("nests too deep");
      advance();
    }
    std::optional<std::size_t> minus;
    if (kind == node_kind::negate && !offsets.empty() && is_signed_number()) {
      minus = offsets.back();
      offsets.pop_back();
    } else if (kind == node_kind::invert && !offsets.empty() && current_.is("-")) {
      minus = current_.offset;
      advance();
      if (!is_signed_number()) refuse_token("a number");
    }
    auto* node = &member(minus);
    while (!offsets.empty()) {
      auto& outer = add(kind, offsets.back());
      offsets.pop_back();
      adopt(outer, {node});
      node = &outer;
    }
    return *node;
  }

  bool is_signed_number() const {
    return current_.kind == token_kind::integer || current_.kind == token_kind::floating;
  }

  expression_node& member(std::optional<std::size_t> minus) {
    auto* node = minus ? &number(*minus) : &primary();
    while (true) {
      if (current_.is(".")) node = &selection(*node);
      else if (current_.is("[")) node = &indexed(*node);
      else if (current_.is("{") && is_name_path(*node)) refuse("messages are not supported");
      else return *node;
    }
  }

  static bool is_name_path(const expression_node& node) {
    const auto* part = &node;
    while (part->kind == node_kind::select) part = part->children[0];
    return part->kind == node_kind::identifier;
  }

  expression_node& selection(expression_node& target) {
    advance();
    if (current_.kind != token_kind::name && current_.kind != token_kind::quoted_name) {
      refuse_token("a name");
    }
    const bool quoted = current_.kind == token_kind::quoted_name;
    if (!quoted && is_literal_word(current_.source)) refuse_token("a name");
    auto& node = add(node_kind::select, current_.offset);
    node.name = quoted ? current_.content : std::string(current_.source);
    advance();
    adopt(node, {&target});
    if (!quoted && current_.is("(")) {
      node.kind = node_kind::receiver_call;
      arguments(node);
    }
    return node;
  }

  static bool is_literal_word(std::string_view name) {
    return name == "in" || name == "true" || name == "false" || name == "null";
  }

  expression_node& indexed(expression_node& target) {
    auto& node = add(node_kind::index, current_.offset);
    advance();
    auto& key = expression();
    expect("]");
    adopt(node, {&target, &key});
    return node;
  }

  void arguments(expression_node& call) {
    advance();
    while (!current_.is(")")) {
      adopt(call, {&expression()});
      if (!current_.is(",")) break;
      advance();
      if (current_.is(")")) refuse_token("an argument");
    }
    expect(")");
  }

  expression_node& primary() {
    switch (current_.kind) {
    case token_kind::integer:
    case token_kind::unsigned_integer:
    case token_kind::floating: return number({});
    case token_kind::text:
    case token_kind::bytes: return quoted();
    case token_kind::name: return word();
    case token_kind::symbol: return bracket();
    case token_kind::quoted_name:
    case token_kind::end: break;
    }
    refuse_token("a value");
  }

  expression_node& bracket() {
    if (current_.is("(")) {
      advance();
      auto& inner = expression();
      expect(")");
      return inner;
    }
    if (current_.is("[")) return list();
    if (current_.is("{")) return map();
    if (!current_.is(".")) refuse_token("a value");
    const auto offset = current_.offset;
    advance();
    if (current_.kind != token_kind::name) refuse_token("a name");
    auto& node = word();
    if (node.kind == node_kind::literal) {
      throw expression_error(offset, "unexpected `.` in front of a literal");
    }
    node.from_root = true;
    return node;
  }

  expression_node& word() {
    auto& node = add(node_kind::literal, current_.offset);
    const std::string name(current_.source);
    if (name == "true" || name == "false" || name == "null") {
      if (name != "null") node.literal = cel_value::boolean(name == "true");
      advance();
      return node;
    }
    if (is_reserved(name)) refuse("`" + name + "` is a reserved word");
    node.kind = node_kind::identifier;
    node.name = name;
    advance();
    if (current_.is("(")) {
      node.kind = node_kind::global_call;
      arguments(node);
    }
    return node;
  }

  expression_node& quoted() {
    auto& node = add(node_kind::literal, current_.offset);
    if (current_.kind == token_kind::text) {
      node.constant = value(std::move(current_.content));
    } else {
      node.constant =
          value::binary(value::binary_type(current_.content.begin(), current_.content.end()));
    }
    native_forms none;
    node.literal = cel_value::reading(node.constant, {}, none);
    advance();
    return node;
  }

  expression_node& number(std::optional<std::size_t> minus) {
    const auto offset = minus.value_or(current_.offset);
    const auto text = (minus ? "-" : "") + std::string(current_.source);
    auto& node = add(node_kind::literal, offset);
    if (current_.kind == token_kind::floating) {
      const auto number = read_double(text);
      if (!number) throw expression_error(offset, "the number " + text + " is too large");
      node.literal = cel_value::floating(*number);
    } else if (current_.kind == token_kind::unsigned_integer) {
      const auto number = read_unsigned(text.substr(0, text.size() - 1));
      if (!number) throw expression_error(offset, text + " does not fit a uint");
      node.literal = cel_value::unsigned_integer(*number);
    } else {
      const auto number = read_integer(text);
      if (!number) throw expression_error(offset, text + " does not fit an int");
      node.literal = cel_value::integer(*number);
    }
    advance();
    return node;
  }

  expression_node& list() {
    auto& node = add(node_kind::list, current_.offset);
    advance();
    while (!current_.is("]")) {
      adopt(node, {&expression()});
      if (!current_.is(",")) break;
      advance();
    }
    expect("]");
    return node;
  }

  expression_node& map() {
    auto& node = add(node_kind::map, current_.offset);
    advance();
    while (!current_.is("}")) {
      auto& key = expression();
      expect(":");
      auto& item = expression();
      adopt(node, {&key, &item});
      if (!current_.is(",")) break;
      advance();
    }
    expect("}");
    return node;
  }

  expression_node& add(node_kind kind, std::size_t offset) {
    auto& node = tree_.nodes.emplace_back();
    node.kind = kind;
    node.offset = static_cast<std::uint32_t>(offset);
    return node;
  }

  void adopt(expression_node& parent, std::initializer_list<expression_node*> children) {
    for (auto* child : children) {
      if (child->depth >= max_tree_depth) {
        throw expression_error(parent.offset, "nests too deep");
      }
      parent.depth = std::max(parent.depth, static_cast<std::uint16_t>(child->depth + 1));
      parent.children.push_back(child);
    }
  }

  void advance() { current_ = lexer_.next(); }

  void expect(std::string_view symbol) {
    if (!current_.is(symbol)) refuse_token("`" + std::string(symbol) + "`");
    advance();
  }

  [[noreturn]] void refuse(const std::string& message) const {
    throw expression_error(current_.offset, message);
  }

  [[noreturn]] void refuse_token(const std::string& wanted) const {
    if (current_.kind == token_kind::end) refuse("expected " + wanted + ", not the end");
    const auto is_long = current_.source.size() > 40;
    refuse("expected " + wanted + ", not "
           + (is_long ? "a literal" : "`" + std::string(current_.source) + "`"));
  }

  expression_tree& tree_;
  expression_lexer lexer_;
  token current_;
  std::size_t nesting_ = 0;
};

} // namespace

expression_node& parse_expression(expression_tree& tree) {
  return parser(tree).run();
}

} // namespace troupe::detail
