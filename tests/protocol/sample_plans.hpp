#pragma once

#include <troupe/protocol/plan.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

/// Stands for the options of a step.
struct sample_step {
  std::string identity;
  bool idempotent = false;
};
inline value troupe_describe(const sample_step& step) {
  return value::map(
      {{"identity", step.identity}, {"idempotent", step.idempotent ? value(true) : value()}});
}
inline void troupe_check(const sample_step&, option_check&) {}
inline bool troupe_idempotent(const sample_step& step) {
  return step.idempotent;
}

/// Stands for the options of a policy.
struct sample_policy {
  std::string name{};
  std::int64_t limit = 1;
};
inline value troupe_describe(const sample_policy& policy) {
  return value::map(
      {{"name", policy.name.empty() ? value() : value(policy.name)}, {"limit", policy.limit}});
}
inline void troupe_check(const sample_policy& policy, option_check& report) {
  report.at_least("limit", policy.limit, 0);
}
inline void troupe_check_children(const sample_policy& policy, option_check& report,
                                  std::size_t branches) {
  report.require(policy.limit <= 5 || branches >= 5, "limit", "needs more branches");
}

inline plan step(std::string name, bool idempotent = false) {
  auto identity = "does " + name;
  return plan::make(plan_kind::step, std::move(name), {},
                    sample_step{std::move(identity), idempotent});
}

inline plan around(plan_kind kind, const plan& inner, sample_policy options = {}) {
  return plan::make(kind, "", {{"", inner}}, std::move(options));
}

inline plan fallback(const std::vector<plan>& levels) {
  std::vector<plan::child> children;
  for (const auto& level : levels) children.push_back({"", level});
  return plan::make(plan_kind::fallback, "", std::move(children));
}

inline plan parallel(std::string name, const std::vector<plan>& branches) {
  std::vector<plan::child> children;
  for (const auto& branch : branches) children.push_back({branch.name(), branch});
  return plan::make(plan_kind::parallel, std::move(name), std::move(children));
}

/// Named pipelines, as a runtime holds them.
class sample_registry {
public:
  explicit sample_registry(std::map<std::string, plan> plans) : plans_(std::move(plans)) {}

  [[nodiscard]] plan::resolver find() const {
    return [this](const std::string& name) {
      const auto found = plans_.find(name);
      return found == plans_.end() ? nullptr : &found->second;
    };
  }

private:
  std::map<std::string, plan> plans_;
};

} // namespace troupe
