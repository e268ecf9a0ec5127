#include "stage_reader.hpp"

#include <troupe/actors/context_saver.hpp>
#include <troupe/policies/bulkhead.hpp>
#include <troupe/policies/hedge.hpp>
#include <troupe/policies/rate_limit.hpp>
#include <troupe/policies/retry.hpp>
#include <troupe/policies/timeout.hpp>
#include <troupe/protocol/json.hpp>

#include <algorithm>

namespace troupe {

namespace {

const std::vector<std::string> policy_names{"retry", "timeout",  "fallback",   "cache", "breaker",
                                            "hedge", "bulkhead", "rate_limit", "place"};

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

// The first step in a plan that must not run twice for one request, or null.
const plan* unsafe_step(const plan& stage) {
  if (stage.kind() == plan_kind::step) {
    return stage.options() && !stage.options()->idempotent() ? &stage : nullptr;
  }
  for (const auto& child : stage.children()) {
    if (const auto* found = unsafe_step(child.stage)) return found;
  }
  return nullptr;
}

} // namespace

// Policies are written from the outside in, and everything else is around them.
std::optional<plan> stage_reader::add_attributes(std::optional<plan> inner,
                                                 const yaml_node& holder) {
  if (const auto* policies = holder.find("policies")) {
    if (file_.is_list(policies->content, "policies")) {
      const auto& list = policies->content.items;
      for (auto policy = list.rbegin(); policy != list.rend(); ++policy) {
        inner = add_policy(std::move(inner), *policy);
      }
    } else {
      inner.reset();
    }
  }
  if (const auto* place = holder.find("place")) {
    inner = add_place(std::move(inner), place->content);
  }
  if (const auto* saved = holder.find("save_as")) {
    const auto key = file_.text(saved->content, "save_as");
    const save_as options{key.value_or("output")};
    if (key && key->empty()) {
      file_.error(saved->content.at, "bad-value",
                  "`save_as` is empty; the output needs a name in the context");
    }
    inner = wrapped(plan_kind::save_as, std::move(inner), options);
  }
  if (const auto* undo = holder.find("compensate")) {
    auto other = read(undo->content);
    if (!inner || !other) return std::nullopt;
    inner =
        plan::make(plan_kind::compensate, "", {{"", *std::move(inner)}, {"", *std::move(other)}});
  }
  if (const auto* name = holder.find("name")) {
    const auto given = file_.text(name->content, "name");
    if (given && given->empty()) file_.error(name->content.at, "bad-value", "`name` is empty");
    if (inner && given) inner = inner->renamed(*given);
  }
  return inner;
}

std::optional<plan> stage_reader::add_policy(std::optional<plan> inner, const yaml_node& node) {
  // A policy without options may be written as its name alone.
  std::string name;
  yaml_node no_options;
  no_options.at = node.at;
  const yaml_node* options = &no_options;
  auto at = node.at;
  if (const auto* text = node.scalar.if_text()) {
    name = *text;
  } else if (node.kind == yaml_node::shape::map && node.members.size() == 1) {
    name = node.members.front().key;
    at = node.members.front().key_at;
    options = &node.members.front().content;
  } else {
    file_.error(node.at, "wrong-type",
                "a policy is a map with one key, one of: " + list_of(policy_names));
    return std::nullopt;
  }
  if (std::find(policy_names.begin(), policy_names.end(), name) == policy_names.end()) {
    auto hint = near_miss(name, policy_names);
    if (hint.empty()) hint = "; there are: " + list_of(policy_names);
    file_.error(at, "unknown-policy", "unknown policy `" + name + "`" + hint);
    return std::nullopt;
  }
  const auto& given = *options;
  const auto wrap = [&](plan_kind kind, auto made) -> std::optional<plan> {
    if (!made) return std::nullopt;
    return wrapped(kind, std::move(inner), *std::move(made));
  };
  if (name == "retry") return wrap(plan_kind::retry, read_retry(given));
  if (name == "timeout") return wrap(plan_kind::timeout, read_timeout(given));
  if (name == "breaker") return wrap(plan_kind::breaker, read_breaker(given));
  if (name == "cache") return wrap(plan_kind::cache, read_cache(given));
  if (name == "bulkhead") return wrap(plan_kind::bulkhead, read_bulkhead(given));
  if (name == "rate_limit") return wrap(plan_kind::rate_limit, read_rate_limit(given));
  if (name == "hedge") return add_hedge(std::move(inner), given);
  if (name == "place") return add_place(std::move(inner), given);
  return add_fallback(std::move(inner), given);
}

std::optional<plan> stage_reader::add_fallback(std::optional<plan> inner, const yaml_node& node) {
  std::vector<plan::child> levels;
  bool fine = inner.has_value();
  if (inner) levels.push_back({"", *std::move(inner)});
  const auto add = [&](const yaml_node& level) {
    ++fallbacks_around_;
    auto stage = read(level);
    --fallbacks_around_;
    fine = fine && stage;
    if (stage) levels.push_back({"", *std::move(stage)});
  };
  if (node.kind == yaml_node::shape::list) {
    if (node.items.empty()) {
      file_.error(node.at, "empty-block", "`fallback` has nothing to fall back to");
      return std::nullopt;
    }
    for (const auto& level : node.items) add(level);
  } else if (node.kind == yaml_node::shape::scalar && node.scalar.is_null()) {
    file_.error(node.at, "wrong-type", "`fallback` must be a list of steps or stages");
    return std::nullopt;
  } else {
    add(node);
  }
  if (!fine) return std::nullopt;
  return plan::make(plan_kind::fallback, "", std::move(levels));
}

std::optional<plan> stage_reader::add_hedge(std::optional<plan> inner, const yaml_node& node) {
  if (!file_.is_map(node, "hedge")) return std::nullopt;
  file_.check_keys(node, "`hedge`", {"delay", "quantile", "max_hedges"});
  hedge options;
  if (const auto* delay = node.find("delay")) options.delay = file_.length(delay->content, "delay");
  if (const auto* share = node.find("quantile")) {
    options.quantile = file_.number(share->content, "quantile");
  }
  if (const auto* most = node.find("max_hedges")) {
    options.max_hedges = file_.small_integer(most->content, "max_hedges").value_or(1);
  }
  file_.check_options(options, node, "hedge");
  const auto* unsafe = inner ? unsafe_step(*inner) : nullptr;
  if (unsafe) {
    file_.error(node.at, "not-idempotent",
                "`hedge` may run the step `" + unsafe->name()
                    + "` twice; mark the step `idempotent: true` if that does no harm");
    return std::nullopt;
  }
  return wrapped(plan_kind::hedge, std::move(inner), options);
}

std::optional<plan> stage_reader::add_place(std::optional<plan> inner, const yaml_node& node) {
  if (!file_.is_map(node, "place")) return std::nullopt;
  file_.check_keys(node, "`place`", {"labels"});
  place options;
  if (const auto* labels = node.find("labels")) {
    if (!file_.is_map(labels->content, "labels")) return std::nullopt;
    for (const auto& [name, at, content] : labels->content.members) {
      if (content.kind != yaml_node::shape::scalar || content.scalar.is_null()) {
        file_.error(content.at, "wrong-type",
                    "the label `" + name + "` must be text; it is "
                        + std::string(content.kind_name()));
        continue;
      }
      const auto* text = content.scalar.if_text();
      options.labels.emplace_back(name, text ? *text : write_json(content.scalar));
    }
  }
  file_.check_options(options, node, "place");
  return wrapped(plan_kind::place, std::move(inner), std::move(options));
}

} // namespace troupe
