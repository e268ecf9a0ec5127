#include "plan_limits.hpp"

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/plan.hpp>

#include <iterator>

namespace troupe {

struct plan::node {
  plan_kind kind;
  std::string given;
  std::string display;
  std::vector<child> children;
  std::shared_ptr<const plan_options> options;

  node(plan_kind of_kind, std::string name, std::vector<child> stages,
       std::shared_ptr<const plan_options> given_options)
      : kind(of_kind), given(std::move(name)), children(std::move(stages)),
        options(std::move(given_options)) {}
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  // Nodes that go while another one is going leave their children to it, so that a deep plan is
  // freed level by level instead of down the stack.
  ~node() {
    if (freeing) {
      std::move(children.begin(), children.end(), std::back_inserter(*freeing));
      return;
    }
    auto pending = std::move(children);
    freeing = &pending;
    while (!pending.empty()) {
      const auto last = std::move(pending.back());
      pending.pop_back();
    }
    freeing = nullptr;
  }

  static thread_local std::vector<child>* freeing;
};

thread_local std::vector<plan::child>* plan::node::freeing = nullptr;

namespace {

bool is_policy_kind(plan_kind kind) {
  return kind >= plan_kind::retry;
}

void append_entries(const plan& from, std::vector<plan::child>& entries) {
  if (!from.is_spliced()) {
    entries.push_back({"", from});
    return;
  }
  entries.insert(entries.end(), from.children().begin(), from.children().end());
}

value without_nulls(const value& described) {
  const auto* members = described.if_map();
  if (!members) return described;
  value::map_type kept;
  for (const auto& one : *members) {
    if (!one.second.is_null()) kept.push_back(one);
  }
  return value::map(std::move(kept));
}

class plan_describer {
public:
  explicit plan_describer(const plan::resolver& find) : find_(find) {}

  value run(const plan& stage, std::size_t depth) {
    if (depth >= detail::max_plan_levels) throw detail::too_deep(stage.name());
    if (++count_ > detail::max_plan_stages) throw detail::too_large(stage.name());
    value::map_type about{{"kind", to_string(stage.kind())}, {"name", stage.name()}};
    value::list_type children;
    for (const auto& one : stage.children()) children.push_back(child(one.key, one.stage, depth));
    if (stage.kind() == plan_kind::use) add_target(stage, depth, children);
    if (!children.empty()) about.emplace_back("children", std::move(children));
    if (const auto* options = stage.options()) {
      const auto described = without_nulls(options->describe());
      if (described.size() != 0) about.emplace_back("options", described);
    }
    return value::map(std::move(about));
  }

private:
  value child(const std::string& key, const plan& stage, std::size_t depth) {
    value::map_type about{{"stage", run(stage, depth + 1)}};
    if (!key.empty()) about.emplace_back("key", key);
    return value::map(std::move(about));
  }

  void add_target(const plan& stage, std::size_t depth, value::list_type& children) {
    const auto* target = find_ ? find_(stage.target()) : nullptr;
    if (target) children.push_back(child("", *target, depth));
  }

  const plan::resolver& find_;
  std::size_t count_ = 0;
};

} // namespace

plan plan::make(plan_kind kind, std::string name, std::vector<child> children,
                std::shared_ptr<const plan_options> options) {
  auto content =
      std::make_shared<node>(kind, std::move(name), std::move(children), std::move(options));
  if (!content->given.empty()) content->display = content->given;
  else if (is_policy_kind(kind) && !content->children.empty()) {
    content->display = content->children.front().stage.name();
  } else {
    content->display = to_string(kind);
  }
  return plan(std::move(content));
}

plan plan::sequence(const plan& first, const plan& next) {
  std::vector<child> entries;
  append_entries(first, entries);
  append_entries(next, entries);
  return make(plan_kind::sequence, "", std::move(entries));
}

value troupe_describe(const use_options& options) {
  return value::map({{"target", options.target}});
}

void troupe_check(const use_options&, option_check&) {}

plan plan::use(std::string name) {
  return make(plan_kind::use, std::move(name), {});
}

plan_kind plan::kind() const noexcept {
  return node_->kind;
}

const std::string& plan::given_name() const noexcept {
  return node_->given;
}

const std::string& plan::name() const noexcept {
  return node_->display;
}

const std::string& plan::target() const noexcept {
  return options() ? options_as<use_options>().target : name();
}

const std::vector<plan::child>& plan::children() const noexcept {
  return node_->children;
}

const plan_options* plan::options() const noexcept {
  return node_->options.get();
}

bool plan::is_spliced() const noexcept {
  return kind() == plan_kind::sequence && given_name().empty();
}

bool plan::is_policy() const noexcept {
  return is_policy_kind(kind());
}

plan plan::renamed(std::string name) const {
  std::vector<const plan*> around;
  const auto* at = this;
  while (at->is_policy() && at->given_name().empty() && !at->children().empty()) {
    around.push_back(at);
    at = &at->children().front().stage;
  }
  auto options = at->node_->options;
  if (at->kind() == plan_kind::use && !options) {
    options = std::make_shared<options_of<use_options>>(use_options{at->name()});
  }
  auto result = make(at->kind(), std::move(name), at->children(), std::move(options));
  for (auto policy = around.rbegin(); policy != around.rend(); ++policy) {
    auto children = (*policy)->children();
    children.front().stage = std::move(result);
    result = make((*policy)->kind(), "", std::move(children), (*policy)->node_->options);
  }
  return result;
}

value plan::describe(const resolver& find) const {
  return plan_describer(find).run(*this, 0);
}

digest plan::hash(const resolver& find) const {
  // Each level of a plan takes three of the description, and options have some of their own.
  constexpr std::size_t max_depth = 4 * detail::max_plan_levels;
  std::vector<std::uint8_t> bytes;
  const auto written = encode(describe(find), bytes, max_depth);
  if (!written) throw plan_error({{name(), "options", written.why().message}});
  return sha256(bytes);
}

} // namespace troupe
