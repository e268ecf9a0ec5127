#include "plan_limits.hpp"

#include <troupe/protocol/plan.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace troupe {

namespace {

bool is_shareable(plan_kind kind) {
  return kind == plan_kind::breaker || kind == plan_kind::cache || kind == plan_kind::bulkhead
         || kind == plan_kind::rate_limit;
}

bool has_keys(plan_kind kind) {
  return kind == plan_kind::parallel || kind == plan_kind::branch || kind == plan_kind::router;
}

// Equal for stages that are the same one: the same node, or a `use` of the same name.
std::pair<const void*, std::string> identity_of(const plan& stage) {
  if (stage.kind() == plan_kind::use) return {nullptr, stage.target()};
  return {&stage.children(), ""};
}

// Why a stage with these children can do nothing, or an empty text.
std::string missing_children(const plan& stage) {
  const auto count = stage.children().size();
  switch (stage.kind()) {
  case plan_kind::step:
  case plan_kind::pause:
  case plan_kind::use: return "";
  case plan_kind::sequence: return count > 0 ? "" : "has no steps; it needs at least one";
  case plan_kind::parallel:
  case plan_kind::branch:
  case plan_kind::router: return count > 0 ? "" : "has no branches; it needs at least one";
  case plan_kind::map:
  case plan_kind::loop: return count > 0 ? "" : "has no body; it needs one";
  case plan_kind::fallback:
    if (count == 1) return "has nothing to fall back to; it needs at least one more stage";
    return count > 0 ? "" : "protects nothing; it needs a stage";
  case plan_kind::compensate:
    if (count == 1) return "has nothing to compensate with; it needs a second stage";
    [[fallthrough]];
  case plan_kind::retry:
  case plan_kind::timeout:
  case plan_kind::breaker:
  case plan_kind::cache:
  case plan_kind::hedge:
  case plan_kind::bulkhead:
  case plan_kind::rate_limit:
  case plan_kind::save_as:
  case plan_kind::place: return count > 0 ? "" : "protects nothing; it needs a stage";
  }
  return "";
}

// Walks a plan and everything its `use` stages stand for, once per name, and gathers what is wrong.
class plan_validator {
public:
  explicit plan_validator(const plan::resolver& find) : find_(find) {}

  void run(const plan& root) {
    visit(root, 0);
    if (!issues_.empty()) throw plan_error(std::move(issues_));
  }

private:
  struct open_use {
    std::string name;
    std::size_t fallbacks_around; ///< how many steps to a fallback led here
  };
  struct extent {
    std::size_t stages = 0;
    std::size_t levels = 0;
  };

  // Returns how much there is below, so that a second `use` of a name need not be walked again.
  extent visit(const plan& stage, std::size_t depth) {
    if (full_) return {};
    if (depth >= detail::max_plan_levels) return refuse(detail::too_deep(where(stage)));
    if (++count_ > detail::max_plan_stages) return refuse(detail::too_large(where(stage)));
    check(stage);
    const auto shown = !stage.is_policy() && !stage.is_spliced();
    if (shown) path_.push_back(stage.name());
    hedges_ += stage.kind() == plan_kind::hedge;
    in_fallback_.push_back(stage.kind() == plan_kind::fallback);
    auto below = stage.kind() == plan_kind::use ? follow(stage, depth) : descend(stage, depth);
    in_fallback_.pop_back();
    hedges_ -= stage.kind() == plan_kind::hedge;
    if (shown) path_.pop_back();
    return {below.stages + 1, below.levels + 1};
  }

  extent descend(const plan& stage, std::size_t depth) {
    extent below;
    for (std::size_t i = 0; i < stage.children().size() && !full_; ++i) {
      const auto is_fallback = stage.kind() == plan_kind::fallback && i > 0;
      const auto is_undoing = stage.kind() == plan_kind::compensate && i > 0;
      fallbacks_around_ += is_fallback;
      undoing_ += is_undoing;
      const auto one = visit(stage.children()[i].stage, depth + 1);
      fallbacks_around_ -= is_fallback;
      undoing_ -= is_undoing;
      below.stages += one.stages;
      below.levels = std::max(below.levels, one.levels);
    }
    return below;
  }

  extent follow(const plan& stage, std::size_t depth) {
    const auto& name = stage.target();
    refuse_cycle(name);
    const auto* target = find_ && !is_open(name) ? find_(name) : nullptr;
    if (!target) {
      if (find_ && !is_open(name)) add_here("use", "names no registered pipeline");
      return {};
    }
    const std::pair known(name, (hedges_ > 0 ? 1 : 0) + (undoing_ > 0 ? 2 : 0));
    if (const auto before = walked_.find(known); before != walked_.end()) {
      return again(stage, before->second, depth);
    }
    open_.push_back({name, fallbacks_around_});
    const auto below = visit(*target, depth + 1);
    open_.pop_back();
    walked_.emplace(known, below);
    return below;
  }

  extent again(const plan& stage, const extent& below, std::size_t depth) {
    count_ += below.stages;
    if (depth + 1 + below.levels > detail::max_plan_levels) {
      return refuse(detail::too_deep(where(stage)));
    }
    if (count_ > detail::max_plan_stages) return refuse(detail::too_large(where(stage)));
    return below;
  }

  [[nodiscard]] bool is_open(const std::string& name) const {
    return std::any_of(open_.begin(), open_.end(),
                       [&](const auto& one) { return one.name == name; });
  }

  void refuse_cycle(const std::string& name) {
    const auto start =
        std::find_if(open_.begin(), open_.end(), [&](const auto& one) { return one.name == name; });
    if (start == open_.end()) return;
    std::string cycle;
    for (auto at = start; at != open_.end(); ++at) cycle += at->name + " → ";
    const plan_issue issue{joined_path(), "", "is circular: " + cycle + name};
    if (fallbacks_around_ > start->fallbacks_around) throw infinite_fallback_error({issue});
    issues_.push_back(issue);
  }

  void check(const plan& stage) {
    if (stage.kind() == plan_kind::step || stage.kind() == plan_kind::use) {
      if (stage.given_name().empty()) add(stage, "", "has no name; every step needs one");
    }
    if (auto missing = missing_children(stage); !missing.empty()) add(stage, "", missing);
    if (stage.kind() == plan_kind::pause && undoing_ > 0) {
      add(stage, "", "is part of a compensation, which cannot wait for a person");
    }
    if (has_keys(stage.kind())) check_keys(stage);
    if (stage.kind() == plan_kind::fallback && (in_fallback_.empty() || !in_fallback_.back())) {
      check_fallbacks(stage);
    }
    if (stage.options()) check_options(stage, *stage.options());
  }

  void check_keys(const plan& stage) {
    std::set<std::string> seen;
    std::set<std::string> told;
    for (const auto& one : stage.children()) {
      if (one.key.empty() || seen.insert(one.key).second || !told.insert(one.key).second) continue;
      add(stage, "", "has two branches with the key \"" + one.key + "\"; keys must differ");
    }
  }

  void check_options(const plan& stage, const plan_options& options) {
    const auto kind = std::string(to_string(stage.kind()));
    option_check report(where(stage), stage.kind() == plan_kind::step ? "" : kind, issues_);
    options.check(report);
    // A map has as many branches as its list has items.
    if (stage.kind() != plan_kind::map) options.check_children(report, stage.children().size());
    if (stage.kind() == plan_kind::step && hedges_ > 0 && !options.idempotent()) {
      add(stage, "hedge", "runs this step more than once, but it is not marked idempotent");
    }
    const auto name = is_shareable(stage.kind()) ? options.shared_name() : std::string();
    if (name.empty()) return;
    auto described = options.describe_shared();
    const auto [known, is_new] = shared_.try_emplace({stage.kind(), name}, described);
    if (is_new || known->second == described) return;
    add(stage, kind + " \"" + name + "\"", "is declared with different options elsewhere");
  }

  // A fallback leads on to the levels of every fallback among its own levels. Stops at the first
  // level that comes up a second time, so a stage that is shared many times costs nothing.
  void check_fallbacks(const plan& stage) {
    fallback_levels levels;
    add_levels(stage, 0, levels);
  }

  struct fallback_levels {
    std::vector<std::string> names;
    std::map<std::pair<const void*, std::string>, std::size_t> places;
  };

  void add_levels(const plan& stage, std::size_t depth, fallback_levels& levels) {
    if (depth >= detail::max_plan_levels) return;
    for (const auto& one : stage.children()) {
      if (levels.names.size() > detail::max_plan_stages) return;
      if (one.stage.kind() == plan_kind::fallback) {
        add_levels(one.stage, depth + 1, levels);
        continue;
      }
      const auto place = levels.places.try_emplace(identity_of(one.stage), levels.names.size());
      levels.names.push_back(one.stage.name());
      if (!place.second) refuse_fallback(stage, levels.names, place.first->second);
    }
  }

  [[noreturn]] void refuse_fallback(const plan& stage, const std::vector<std::string>& names,
                                    std::size_t first) const {
    auto cycle = names[first];
    for (auto i = first + 1; i < names.size(); ++i) cycle += " → " + names[i];
    throw infinite_fallback_error({{where(stage), "", "falls back to itself: " + cycle}});
  }

  extent refuse(const plan_error& why) {
    full_ = true;
    issues_.insert(issues_.end(), why.issues().begin(), why.issues().end());
    return {};
  }

  void add(const plan& stage, std::string field, std::string message) {
    issues_.push_back({where(stage), std::move(field), std::move(message)});
  }

  void add_here(std::string field, std::string message) {
    issues_.push_back({joined_path(), std::move(field), std::move(message)});
  }

  [[nodiscard]] std::string joined_path() const {
    std::string text;
    for (const auto& name : path_) text += (text.empty() ? "" : "/") + name;
    return text;
  }

  [[nodiscard]] std::string where(const plan& stage) const {
    const auto outside = joined_path();
    return outside.empty() ? stage.name() : outside + "/" + stage.name();
  }

  const plan::resolver& find_;
  std::vector<plan_issue> issues_;
  std::vector<std::string> path_;
  std::vector<bool> in_fallback_;
  std::vector<open_use> open_;
  std::map<std::pair<std::string, int>, extent> walked_; // by name and what is around it
  std::map<std::pair<plan_kind, std::string>, value> shared_;
  std::size_t count_ = 0;
  std::size_t hedges_ = 0;
  std::size_t fallbacks_around_ = 0;
  std::size_t undoing_ = 0;
  bool full_ = false;
};

} // namespace

void plan::validate(const resolver& find) const {
  plan_validator(find).run(*this);
}

} // namespace troupe
