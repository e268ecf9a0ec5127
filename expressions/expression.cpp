#include "evaluation.hpp"
#include "expression_tree.hpp"

#include <troupe/expressions/expression.hpp>
#include <troupe/protocol/unicode.hpp>

#include <algorithm>
#include <array>
#include <exception>

namespace troupe {

namespace {

using detail::cel_value;

// `column 5`, or `line 2, column 5` in a source of several lines.
std::string place_in(std::string_view source, std::size_t offset) {
  const auto before = source.substr(0, std::min(offset, source.size()));
  const auto line_end = before.rfind('\n');
  const auto line_start = line_end == std::string_view::npos ? 0 : line_end + 1;
  const auto column = count_code_points(before.substr(line_start)) + 1;
  auto text = "column " + std::to_string(column);
  if (source.find('\n') == std::string_view::npos) return text;
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  return "line " + std::to_string(line) + ", " + text;
}

// The source as messages quote it: without its middle when it is long.
std::string quoted(const std::string& source) {
  constexpr std::size_t longest = 200;
  constexpr std::size_t head = 98;
  constexpr std::size_t tail = 99;
  const auto size = count_code_points(source);
  if (size <= longest) return source;
  return source.substr(0, bytes_of(source, head)) + "..."
         + source.substr(bytes_of(source, size - tail));
}

failure failed(const std::string& source, std::size_t offset, const std::string& reason) {
  return failure{.kind = failure_kind::permanent,
                 .message = "expression `" + quoted(source) + "` failed at "
                            + place_in(source, offset) + ": " + reason};
}

// The variables as an expression reads them; the few that there are need no memory of their own.
class variable_values {
public:
  variable_values(std::span<const expression_variable> given) : given_(given) {
    if (given.size() > few_.size()) many_.resize(given.size());
  }

  std::span<const cel_value> view() const {
    return many_.empty() ? std::span(few_).first(given_.size()) : std::span(many_);
  }

  void read(const std::vector<bool>& used, detail::native_forms& natives) {
    for (std::size_t i = 0; i < given_.size(); ++i) {
      if (!used[i]) continue;
      auto& slot = many_.empty() ? few_[i] : many_[i];
      const auto* content = given_[i].content();
      slot = content ? cel_value::reading(*content, {}, natives)
                     : cel_value::reading(*given_[i].entries());
    }
  }

private:
  std::span<const expression_variable> given_;
  std::array<cel_value, 8> few_;
  std::vector<cel_value> many_;
};

} // namespace

struct expression::compiled {
  detail::expression_tree tree;
};

expression expression::compile(std::string_view source,
                               std::span<const std::string_view> variables) {
  auto made = std::make_shared<compiled>();
  made->tree.source = source;
  made->tree.variables.assign(variables.begin(), variables.end());
  detail::compile_tree(made->tree, detail::name_check::strict);
  expression result;
  result.compiled_ = std::move(made);
  return result;
}

outcome<value> expression::evaluate(std::span<const expression_variable> variables,
                                    const expression_limits& limits) const {
  const auto& tree = compiled_->tree;
  if (variables.size() != tree.variables.size()) {
    return failed(tree.source, 0,
                  "it takes " + std::to_string(tree.variables.size()) + " variables, not "
                      + std::to_string(variables.size()));
  }
  try {
    variable_values values(variables);
    detail::evaluation run(tree, values.view(), limits.max_cost);
    values.read(tree.used, run.natives());
    cel_value found;
    value result;
    if (run.run(found) && detail::to_plain_value(run, tree, found, result)) return result;
    return failed(tree.source, run.problem().offset, run.problem().reason);
  } catch (const std::exception& problem) {
    return failed(tree.source, 0, problem.what());
  }
}

const std::string& expression::source() const noexcept {
  return compiled_->tree.source;
}

bool expression::uses(std::string_view variable) const {
  const auto& tree = compiled_->tree;
  const auto found = std::find(tree.variables.begin(), tree.variables.end(), variable);
  return found != tree.variables.end()
         && tree.used[static_cast<std::size_t>(found - tree.variables.begin())];
}

std::vector<expression::member_use> expression::members_of(std::string_view variable) const {
  const auto& tree = compiled_->tree;
  std::vector<member_use> found;
  for (const auto& [slot, member, offset] : tree.members) {
    if (tree.variables[slot] == variable) found.push_back({member, offset});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& left, const auto& right) { return left.offset < right.offset; });
  return found;
}

namespace detail {

void compile_tree(expression_tree& tree, name_check check) {
  if (tree.source.size() > max_source_bytes) {
    throw expression_error(max_source_bytes, "the expression is longer than "
                                                 + std::to_string(max_source_bytes) + " bytes");
  }
  if (const auto broken = find_invalid(tree.source); broken != std::string::npos) {
    throw expression_error(broken, "invalid UTF-8");
  }
  auto& root = parse_expression(tree);
  resolve_names(tree, root, check);
}

} // namespace detail

} // namespace troupe
