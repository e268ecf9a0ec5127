#include "stage_outline.hpp"

#include <troupe/actors/block_options.hpp>
#include <troupe/policies/retry.hpp>

#include <algorithm>
#include <utility>

namespace troupe::detail {

namespace {

using role = outlined_stage::role;
using part = outlined_stage::part;

constexpr std::size_t most_stages = 2'000;
constexpr std::size_t most_levels = 250;

role role_of(plan_kind kind) {
  switch (kind) {
  case plan_kind::sequence: return role::sequence;
  case plan_kind::parallel:
  case plan_kind::router: return role::parallel;
  case plan_kind::map: return role::map;
  case plan_kind::branch: return role::branch;
  case plan_kind::loop: return role::loop;
  case plan_kind::pause: return role::pause;
  default: return role::step;
  }
}

bool is_keyed(plan_kind kind) {
  return kind == plan_kind::parallel || kind == plan_kind::router || kind == plan_kind::branch;
}

} // namespace

class stage_outline::builder {
public:
  builder(stage_outline& made, const plan::resolver& find) : made_(made), find_(find) {}

  struct spot {
    std::size_t parent = 0;
    part as = part::member;
    std::string shown_as{};
    bool opens_sequences = false; ///< the stages of a nameless sequence stand for themselves
    std::vector<outlined_place::turn_block> turns{};
  };

  void add(const plan& node, const std::string& path, const spot& at, std::size_t level = 0) {
    std::vector<wrapper> around;
    add(node, path, at, around, level);
  }

private:
  struct wrapper {
    plan node;
    std::string path;
  };

  void add(const plan& node, const std::string& path, const spot& at, std::vector<wrapper>& around,
           std::size_t level) {
    if (level > most_levels || made_.stages_.size() >= most_stages) return;
    if (node.kind() == plan_kind::use) {
      const auto* target = find_ ? find_(node.target()) : nullptr;
      if (!target) return (void)add_stage(node, path, at, around);
      auto inside = at;
      if (inside.shown_as.empty()) inside.shown_as = node.name();
      inside.opens_sequences = false;
      return add(*target, path, inside, around, level + 1);
    }
    if (node.is_policy()) {
      around.push_back({node, path});
      return add(node.children()[0].stage, path + "/0", at, around, level + 1);
    }
    if (node.is_spliced() && at.opens_sequences && around.empty()) {
      for (std::size_t index = 0; index < node.children().size(); ++index) {
        add(node.children()[index].stage, path + '/' + std::to_string(index), at, level + 1);
      }
      return;
    }
    const auto stage = add_stage(node, path, at, around);
    add_members(node, path, stage, at, level);
    add_others(stage, at, around, level);
    made_.stages_[stage].end = made_.stages_.size();
  }

  std::size_t add_stage(const plan& node, const std::string& path, const spot& at,
                        const std::vector<wrapper>& around) {
    auto& stages = made_.stages_;
    const auto number = stages.size();
    outlined_stage made;
    made.label = at.shown_as.empty() ? node.name() : at.shown_as;
    made.what = role_of(node.kind());
    made.as = at.as;
    made.parent = at.parent;
    made.depth = stages[at.parent].depth + 1;
    made.end = number + 1;
    if (made.what == role::parallel || made.what == role::map) {
      const auto& options = node.options_as<block_options>();
      made.joined = options.joined;
      made.has_own_list = static_cast<bool>(options.over);
    }
    for (const auto& each : around) {
      if (each.node.kind() == plan_kind::retry) {
        made.max_attempts = each.node.options_as<retry>().max_retries + 1;
      }
      made_.places_.emplace(each.path, outlined_place{number, each.node.kind(), at.turns});
    }
    made_.places_.emplace(path, outlined_place{number, node.kind(), at.turns});
    stages.push_back(std::move(made));
    if (at.as == part::member) stages[at.parent].members.push_back(number);
    return number;
  }

  void add_members(const plan& node, const std::string& path, std::size_t stage, const spot& at,
                   std::size_t level) {
    const auto repeats = node.kind() == plan_kind::map || node.kind() == plan_kind::loop;
    spot inside{stage, part::member, "", repeats || node.kind() == plan_kind::sequence, at.turns};
    if (repeats) {
      inside.turns.insert(inside.turns.begin(), {stage, node.kind() == plan_kind::map});
    }
    for (std::size_t index = 0; index < node.children().size(); ++index) {
      const auto& [key, child] = node.children()[index];
      if (is_keyed(node.kind())) inside.shown_as = key;
      add(child, path + '/' + std::to_string(index), inside, level + 1);
    }
  }

  // What may run besides the stage: the further levels of fallbacks, and what undoes it.
  void add_others(std::size_t stage, const spot& at, const std::vector<wrapper>& around,
                  std::size_t level) {
    for (const auto& [node, path] : around) {
      const auto as = node.kind() == plan_kind::compensate ? part::undo : part::fallback;
      for (std::size_t index = 1; index < node.children().size(); ++index) {
        add(node.children()[index].stage, path + '/' + std::to_string(index),
            {stage, as, "", false, at.turns}, level + 1);
      }
    }
  }

  stage_outline& made_;
  const plan::resolver& find_;
};

stage_outline::stage_outline(std::string name, const plan& tree, const plan::resolver& find) {
  outlined_stage root;
  root.label = std::move(name);
  root.what = role::sequence;
  stages_.push_back(std::move(root));
  builder(*this, find).add(tree, "0", {0, part::member, "", true, {}});
  stages_[0].end = stages_.size();
}

const outlined_place* stage_outline::find(std::string_view path) const {
  const auto found = places_.find(path);
  return found == places_.end() ? nullptr : &found->second;
}

} // namespace troupe::detail
