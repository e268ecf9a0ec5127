#include "stage_drawing.hpp"

#include "text_index.hpp"

#include <troupe/policies/join.hpp>
#include <troupe/protocol/json.hpp>
#include <troupe/protocol/unicode.hpp>

#include <cmath>

namespace troupe::detail {

namespace {

constexpr std::size_t max_stages = 500;
constexpr std::size_t max_levels = 100;
constexpr std::size_t max_badges = 20;
constexpr std::size_t max_characters = 80;
constexpr std::string_view replacement = "\xEF\xBF\xBD";

std::string one_line(std::string_view text) {
  std::string result;
  std::size_t shown = 0;
  bool is_gap = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto one = first_code_point(text.substr(at));
    const auto bytes = text.substr(at, one.length);
    at += one.length;
    if (bytes == " " || bytes == "\t" || bytes == "\n" || bytes == "\r") {
      is_gap = !result.empty();
      continue;
    }
    if (shown >= max_characters) return result + "…";
    if (is_gap) result += ' ';
    shown += is_gap ? 2 : 1;
    is_gap = false;
    if (!one.valid || one.scalar == 0xFFFE || one.scalar == 0xFFFF) result += replacement;
    else if (is_control(one.scalar)) result += '?';
    else result += bytes;
  }
  return result;
}

/// The options of a stage, whatever they are.
class described_options {
public:
  explicit described_options(const plan& stage) {
    if (!stage.options()) return;
    given_ = stage.options()->describe();
    defaults_ = stage.options()->describe_defaults();
  }

  /// The member as text; empty when it is not there.
  std::string operator[](std::string_view name) const {
    const auto content = given_.at(name);
    if (content.is_null()) return {};
    return one_line(content.is_text() ? *content.if_text() : write_json(content));
  }
  bool is_default(std::string_view name) const { return given_.at(name) == defaults_.at(name); }
  value at(std::string_view name) const { return given_.at(name); }

  /// The source of an expression; empty for C++ code, whose identity says nothing to people.
  std::string expression(std::string_view name) const {
    constexpr std::string_view prefix = "cel:";
    const auto content = given_.at(name);
    const auto* identity = content.if_text();
    if (!identity || !identity->starts_with(prefix)) return {};
    return one_line(identity->substr(prefix.size()));
  }

private:
  value given_;
  value defaults_;
};

std::string joined(std::string_view first, const std::string& second) {
  return second.empty() ? std::string(first) : std::string(first) + ' ' + second;
}

std::string rate_of(const described_options& options) {
  const auto per = options["per"];
  const auto rate = options.at("rate").to_double();
  const auto shown = rate == std::floor(rate) && std::abs(rate) < 1e9
                         ? std::to_string(static_cast<long long>(rate))
                         : options["rate"];
  return shown + '/' + (per.starts_with("1") && per.size() == 2 ? per.substr(1) : per);
}

std::string labels_of(const described_options& options) {
  std::string result;
  const auto labels = options.at("labels");
  if (!labels.is_map()) return "place";
  for (const auto& [name, content] : *labels.if_map()) {
    if (!result.empty()) result += ", ";
    result += name + '=' + (content.is_text() ? *content.if_text() : write_json(content));
  }
  return one_line(result);
}

std::string hedge_of(const described_options& options) {
  const auto quantile = options.at("quantile");
  if (!quantile.is_number()) return joined("hedge", options["delay"]);
  return "hedge p" + write_json(value(static_cast<int>(std::lround(quantile.to_double() * 100))));
}

std::string badge_of(const plan& policy) {
  const described_options options(policy);
  const auto name = options["name"];
  switch (policy.kind()) {
  case plan_kind::retry: return joined("retry", options["max_retries"]);
  case plan_kind::timeout: return joined("timeout", options["after"]);
  case plan_kind::breaker: return joined("breaker", name);
  case plan_kind::cache: return joined("cache", name.empty() ? options["ttl"] : name);
  case plan_kind::hedge: return hedge_of(options);
  case plan_kind::bulkhead:
    return joined("bulkhead", name.empty() ? options["max_in_flight"] : name);
  case plan_kind::rate_limit:
    if (options.at("rate").is_null()) return "rate limit";
    return joined("rate limit", name.empty() ? rate_of(options) : name);
  case plan_kind::save_as: return joined("→", options["key"]);
  case plan_kind::place: return labels_of(options);
  default: return std::string(to_string(policy.kind()));
  }
}

std::string prompt_of(const described_options& options) {
  const auto content = options.at("prompt");
  const auto* identity = content.if_text();
  // Prompts of files are kept as JSON; the identity of C++ code is none.
  if (!identity || !identity->starts_with('"')) return {};
  const auto prompt = parse_json(*identity);
  return prompt && prompt->is_text() ? one_line(*prompt->if_text()) : "";
}

class drawer {
public:
  stage_drawing run(const plan& stage) {
    if (is_full_ || stages_ >= max_stages || level_ >= max_levels) return cut();
    ++stages_;
    ++level_;
    stage_drawing result;
    const auto& core = take_policies(stage, result);
    const auto given = std::move(result.title);
    fill(core, result);
    if (!given.empty()) result.title = given;
    --level_;
    return result;
  }

private:
  stage_drawing cut() {
    is_full_ = true;
    stage_drawing result;
    result.is_cut = true;
    result.title =
        stages_ >= max_stages
            ? "… the rest is left out: more than " + std::to_string(max_stages) + " stages"
            : "… the rest is left out: more than " + std::to_string(max_levels) + " levels";
    return result;
  }

  /// Returns what the policies are around: the first stage that is none, or a fallback.
  const plan& take_policies(const plan& stage, stage_drawing& result) {
    const auto* at = &stage;
    std::size_t badges = 0;
    while (at->is_policy() && at->kind() != plan_kind::fallback && !at->children().empty()) {
      if (result.title.empty()) result.title = one_line(at->given_name());
      const bool is_saga = at->kind() == plan_kind::compensate;
      if (is_saga && at->children().size() > 1) {
        if (!is_full_) result.undone_by.push_back(run(at->children()[1].stage));
      } else if (++badges <= max_badges) {
        result.badges.push_back(badges == max_badges ? "…" : badge_of(*at));
      }
      at = &at->children().front().stage;
    }
    return *at;
  }

  void fill(const plan& core, stage_drawing& result) {
    const described_options options(core);
    result.kind = core.kind();
    result.title = one_line(core.given_name().empty() ? to_string(core.kind()) : core.given_name());
    switch (core.kind()) {
    case plan_kind::step: result.detail = options["type"]; break;
    case plan_kind::pause: result.detail = prompt_of(options); break;
    case plan_kind::use:
      result.detail = core.target() == core.name() ? "pipeline" : "pipeline " + core.target();
      result.detail = one_line(result.detail);
      break;
    case plan_kind::fallback: result.title = "fallback"; break;
    default: fill_block(core, options, result);
    }
    add_children(core, result);
  }

  static void fill_block(const plan& core, const described_options& options,
                         stage_drawing& result) {
    const auto mode = static_cast<join_mode>(options.at("join").to_double());
    const bool is_race = core.kind() == plan_kind::parallel && mode == join_mode::first;
    const std::string kind(is_race ? "race" : to_string(core.kind()));
    const auto name = one_line(core.given_name());
    result.title = name.empty() || name == kind ? kind : kind + ' ' + name;
    std::vector<std::string> about;
    if (!is_race && options.at("join").is_number() && mode != join_mode::all) {
      about.push_back(joined("join " + std::string(to_string(mode)), options["quorum"]));
    }
    if (options.at("max_in_flight").is_number() && !options.is_default("max_in_flight")) {
      about.push_back("at most " + options["max_in_flight"] + " at once");
    }
    if (const auto turns = options["max_iterations"]; !turns.empty()) {
      about.push_back("at most " + turns + " turns");
    }
    result.badges.insert(result.badges.end(), about.begin(), about.end());
    if (core.kind() == plan_kind::branch) result.detail = options.expression("key");
    if (core.kind() == plan_kind::router) result.detail = options.expression("choose");
    if (core.kind() == plan_kind::map) result.detail = options.expression("over");
    if (core.kind() == plan_kind::loop) result.detail = options.expression("until");
  }

  void add_children(const plan& core, stage_drawing& result) {
    const bool has_keys = core.kind() == plan_kind::parallel || core.kind() == plan_kind::branch
                          || core.kind() == plan_kind::router;
    for (const auto& [key, stage] : core.children()) {
      if (is_full_) return;
      const auto& label = key.empty() ? stage.name() : key;
      result.children.push_back({has_keys ? one_line(label) : "", run(stage)});
    }
  }

  std::size_t stages_ = 0;
  std::size_t level_ = 0;
  bool is_full_ = false;
};

} // namespace

stage_drawing draw(const plan& tree) {
  return drawer().run(tree);
}

std::string badge_line(const stage_drawing& stage) {
  std::string result;
  for (const auto& one : stage.badges) result += (result.empty() ? "" : " · ") + one;
  return result;
}

} // namespace troupe::detail
