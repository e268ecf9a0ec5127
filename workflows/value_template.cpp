#include <troupe/workflows/value_template.hpp>

#include <algorithm>
#include <variant>

namespace troupe {

namespace {

value run_value(const std::string& id, const std::string& correlation_id, std::uint32_t attempt) {
  return value::map({{"id", id}, {"correlation_id", correlation_id}, {"attempt", attempt}});
}

} // namespace

expression_scope::expression_scope(const value& input, const context& entries, value run,
                                   const value& env)
    : input_(input), entries_(entries), run_(std::move(run)), env_(env) {}

expression_scope expression_scope::of(const value& input, const step_context& call,
                                      const value& env) {
  return {input, call.snapshot(),
          run_value(call.run().to_string(), call.correlation_id(), call.attempt()), env};
}

expression_scope expression_scope::of(const value& input, const context& entries,
                                      const step_request& request, const value& env) {
  const auto& run = *request.run;
  return {input, entries, run_value(run.id().to_string(), run.correlation_id(), request.attempt),
          env};
}

std::array<expression_variable, 4> expression_scope::variables() const {
  return {expression_variable(input_), expression_variable(entries_), expression_variable(run_),
          expression_variable(env_)};
}

struct value_template::node {
  using list_type = std::vector<value_template>;
  using map_type = std::vector<std::pair<std::string, value_template>>;
  struct text {
    text_template content;
    std::string raw;
  };
  std::variant<value, text, list_type, map_type> content;
  bool constant;
  value plain{}; ///< the content as a value, where it is constant
};

value_template::value_template(value constant)
    : node_(std::make_shared<const node>(node{constant, true, constant})) {}

value_template::value_template(text_template text, std::string raw) {
  if (text.is_constant()) *this = value_template(value(text.constant()));
  else
    node_ = std::make_shared<const node>(node{node::text{std::move(text), std::move(raw)}, false});
}

value_template value_template::sealed(std::shared_ptr<node> content, bool constant) {
  value_template made;
  made.node_ = content;
  if (constant) {
    content->plain = made.raw();
    content->constant = true;
  }
  return made;
}

value_template value_template::list(std::vector<value_template> items) {
  const auto constant =
      std::all_of(items.begin(), items.end(), [](const auto& item) { return item.is_constant(); });
  auto made = std::make_shared<node>(node{std::move(items), false});
  return sealed(std::move(made), constant);
}

value_template value_template::map(std::vector<std::pair<std::string, value_template>> members) {
  const auto constant = std::all_of(members.begin(), members.end(),
                                    [](const auto& member) { return member.second.is_constant(); });
  auto made = std::make_shared<node>(node{std::move(members), false});
  return sealed(std::move(made), constant);
}

bool value_template::is_constant() const noexcept {
  return !node_ || node_->constant;
}

bool value_template::is_list() const noexcept {
  if (!node_) return false;
  const auto* constant = std::get_if<value>(&node_->content);
  return std::holds_alternative<node::list_type>(node_->content)
         || (constant && constant->is_list());
}

bool value_template::is_map() const noexcept {
  if (!node_) return false;
  const auto* constant = std::get_if<value>(&node_->content);
  return std::holds_alternative<node::map_type>(node_->content) || (constant && constant->is_map());
}

value value_template::constant() const {
  return is_constant() ? raw() : value();
}

value value_template::raw() const {
  if (!node_) return {};
  if (node_->constant) return node_->plain;
  if (const auto* text = std::get_if<node::text>(&node_->content)) return text->raw;
  if (const auto* items = std::get_if<node::list_type>(&node_->content)) {
    value::list_type list;
    for (const auto& item : *items) list.push_back(item.raw());
    return value(std::move(list));
  }
  value::map_type members;
  for (const auto& [key, item] : std::get<node::map_type>(node_->content)) {
    members.emplace_back(key, item.raw());
  }
  return value::map(std::move(members));
}

const value_template* value_template::find(std::string_view key) const {
  if (!node_) return nullptr;
  const auto* members = std::get_if<node::map_type>(&node_->content);
  if (!members) return nullptr;
  const auto found = std::find_if(members->begin(), members->end(),
                                  [&](const auto& member) { return member.first == key; });
  return found == members->end() ? nullptr : &found->second;
}

std::span<const value_template> value_template::items() const {
  if (!node_) return {};
  const auto* items = std::get_if<node::list_type>(&node_->content);
  return items ? std::span<const value_template>(*items) : std::span<const value_template>();
}

outcome<value> value_template::evaluate(const expression_scope& scope) const {
  if (is_constant()) return raw();
  if (const auto* text = std::get_if<node::text>(&node_->content)) {
    return text->content.evaluate(scope.variables());
  }
  if (const auto* items = std::get_if<node::list_type>(&node_->content)) {
    value::list_type list;
    list.reserve(items->size());
    for (const auto& item : *items) {
      auto made = item.evaluate(scope);
      if (!made) return made.why();
      list.push_back(*std::move(made));
    }
    return value(std::move(list));
  }
  value::map_type members;
  for (const auto& [key, item] : std::get<node::map_type>(node_->content)) {
    auto made = item.evaluate(scope);
    if (!made) return made.why();
    members.emplace_back(key, *std::move(made));
  }
  return value::map(std::move(members));
}

} // namespace troupe
