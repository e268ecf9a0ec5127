#include "stage_reader.hpp"

#include <troupe/actors/pauser.hpp>
#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <array>

namespace troupe {

namespace {

// What every stage takes, and what each kind takes beside it.
const std::vector<std::string> attributes{"name", "policies", "place", "compensate", "save_as"};

struct stage_form {
  std::string_view kind;
  std::vector<std::string> takes;
};

const std::vector<stage_form>& forms() {
  static const std::vector<stage_form> all{
      {"step", {"uses", "with", "idempotent"}},
      {"sequence", {}},
      {"parallel", {"join", "merge", "include_keys", "max_in_flight"}},
      {"map", {"over", "join", "merge", "include_keys", "max_in_flight"}},
      {"branch", {"cases", "default"}},
      {"loop", {"until", "max_iterations"}},
      {"race", {"merge", "include_keys", "max_in_flight"}},
      {"pause", {}},
      {"pipeline", {}},
  };
  return all;
}

std::string kinds() {
  std::string list;
  for (const auto& form : forms()) list += (list.empty() ? "" : ", ") + std::string(form.kind);
  return list;
}

[[noreturn]] void refuse(const expression& from, const std::string& message) {
  throw step_error(failure_kind::permanent, "expression `" + from.source() + "` " + message);
}

const value& checked(const outcome<value>& result) {
  if (!result) throw step_error(result.why());
  return *result;
}

std::string identity(const expression& of) {
  return "cel:" + of.source();
}

// The name a stage was given, or that of its step; empty where it only has that of its kind.
const std::string& chosen_name(const plan& stage) {
  const auto* at = &stage;
  while (at->is_policy() && at->given_name().empty()) at = &at->children().front().stage;
  return at->given_name();
}

} // namespace

stage_reader::stage_reader(file_reader& file, const step_registry& registry,
                           std::shared_ptr<const step_surroundings> surroundings)
    : file_(file), registry_(registry), surroundings_(std::move(surroundings)) {}

std::optional<plan> stage_reader::read(const yaml_node& node) {
  if (node.kind == yaml_node::shape::list) return read_sequence(node);
  if (const auto* name = node.scalar.if_text()) {
    return read_reference(*name, node.at);
  }
  if (node.kind != yaml_node::shape::map) {
    file_.error(node.at, "wrong-type",
                "a stage is a list, or a map with one of: " + kinds() + "; it is "
                    + std::string(node.kind_name()));
    return std::nullopt;
  }
  const stage_form* chosen = nullptr;
  for (const auto& form : forms()) {
    const auto* member = node.find(form.kind);
    if (!member) continue;
    if (!chosen) {
      chosen = &form;
      continue;
    }
    file_.error(member->key_at, "ambiguous-stage",
                "a stage has one kind; this one is a `" + std::string(chosen->kind) + "` and a `"
                    + std::string(form.kind) + "`");
    return std::nullopt;
  }
  if (!chosen && node.find("uses")) chosen = &forms().front();
  auto known = attributes;
  if (chosen) {
    known.emplace_back(chosen->kind);
    known.insert(known.end(), chosen->takes.begin(), chosen->takes.end());
  } else {
    for (const auto& form : forms()) known.emplace_back(form.kind);
  }
  const auto errors_before = file_.errors();
  file_.check_keys(node, chosen ? "`" + std::string(chosen->kind) + "`" : "a stage", known);
  if (!chosen) {
    if (file_.errors() == errors_before) {
      file_.error(node.at, "missing-key", "a stage needs one of: " + kinds());
    }
    return std::nullopt;
  }
  const auto kind = std::string(chosen->kind);
  auto made = kind == "step" ? read_step(node) : read_kind(kind, node.find(kind)->content, node);
  return add_attributes(std::move(made), node);
}

std::optional<plan> stage_reader::read_kind(const std::string& kind, const yaml_node& content,
                                            const yaml_node& holder) {
  if (kind == "sequence") {
    if (!file_.is_list(content, kind)) return std::nullopt;
    return read_sequence(content);
  }
  if (kind == "parallel") return read_parallel(content, holder, false);
  if (kind == "race") return read_parallel(content, holder, true);
  if (kind == "map") return read_map(content, holder);
  if (kind == "branch") return read_branch(content, holder);
  if (kind == "loop") return read_loop(content, holder);
  if (kind == "pause") return read_pause(content);
  return read_pipeline(content);
}

std::optional<plan> stage_reader::read_sequence(const yaml_node& list) {
  if (list.items.empty()) {
    file_.error(list.at, "empty-block", "a sequence has no stages; it needs at least one");
    return std::nullopt;
  }
  std::vector<plan::child> children;
  bool fine = true;
  for (const auto& item : list.items) {
    auto stage = read(item);
    fine = fine && stage;
    if (!stage) continue;
    // Sequences without a name and policies are part of the one around them.
    if (stage->is_spliced()) {
      children.insert(children.end(), stage->children().begin(), stage->children().end());
    } else {
      children.push_back({"", *std::move(stage)});
    }
  }
  if (!fine) return std::nullopt;
  return plan::make(plan_kind::sequence, "", std::move(children));
}

bool stage_reader::read_branches(const yaml_node& content, std::string_view what,
                                 std::vector<plan::child>& branches) {
  if (content.kind == yaml_node::shape::scalar) {
    file_.error(content.at, "wrong-type",
                "`" + std::string(what) + "` must be a map or list of stages; it is "
                    + std::string(content.kind_name()));
    return false;
  }
  if (content.items.empty() && content.members.empty()) {
    file_.error(content.at, "empty-block",
                "`" + std::string(what) + "` has no branches; it needs at least one");
    return false;
  }
  bool fine = true;
  std::set<std::string> names;
  for (const auto& item : content.items) {
    auto stage = read(item);
    fine = fine && stage;
    if (!stage) continue;
    if (const auto& name = chosen_name(*stage); !name.empty() && !names.insert(name).second) {
      file_.error(item.at, "duplicate-branch",
                  "two branches are called `" + name
                      + "`; give one another `name`, or write the branches as a map");
      fine = false;
    }
    branches.push_back({"", *std::move(stage)});
  }
  for (const auto& [key, at, stage_node] : content.members) {
    if (key.empty()) {
      file_.error(at, "bad-value", "a branch needs a name");
      fine = false;
    }
    auto stage = read(stage_node);
    fine = fine && stage;
    if (stage) branches.push_back({key, *std::move(stage)});
  }
  return fine;
}

void stage_reader::read_join(const yaml_node& node, join& rule) {
  if (node.kind == yaml_node::shape::map) {
    file_.check_keys(node, "`join`", {"quorum"});
    const auto* needed = node.find("quorum");
    if (!needed) {
      file_.error(node.at, "missing-key", "`join` as a map needs `quorum: NUMBER`");
      return;
    }
    const auto count = file_.small_integer(needed->content, "quorum");
    if (!count) return;
    rule = {join_mode::quorum, *count};
    if (*count < 1) {
      file_.error(needed->content.at, "bad-value",
                  "`quorum` is " + std::to_string(*count) + "; it must be at least 1");
    }
    return;
  }
  const auto mode = file_.word(node, "join", {"all", "collect", "first"});
  if (!mode) return;
  rule.mode = *mode == "all"       ? join_mode::all
              : *mode == "collect" ? join_mode::collect
                                   : join_mode::first;
}

// What parallel, race and map have in common.
void stage_reader::read_block(const yaml_node& holder, block_options& options) {
  if (const auto* joined = holder.find("join")) read_join(joined->content, options.joined);
  if (const auto* merge = holder.find("merge")) {
    const auto rule = file_.word(merge->content, "merge",
                                 {"last_declared", "first_declared", "fail_on_conflict", "none"});
    if (rule) {
      options.merge = *rule == "last_declared"    ? merge_rule::last_declared
                      : *rule == "first_declared" ? merge_rule::first_declared
                      : *rule == "none"           ? merge_rule::none
                                                  : merge_rule::fail_on_conflict;
    }
  }
  if (const auto* keys = holder.find("include_keys")) {
    if (auto names = file_.texts(keys->content, "include_keys")) {
      options.context_include_keys = *std::move(names);
    }
  }
  if (const auto* limit = holder.find("max_in_flight")) {
    if (const auto count = file_.small_integer(limit->content, "max_in_flight")) {
      options.max_in_flight = *count;
      file_.check_options(options, holder, "max_in_flight");
    }
  }
}

std::optional<plan> stage_reader::read_parallel(const yaml_node& content, const yaml_node& holder,
                                                bool race) {
  block_options options;
  if (race) options.joined.mode = join_mode::first;
  read_block(holder, options);
  const auto count = content.items.size() + content.members.size();
  const auto* joined = holder.find("join");
  if (options.joined.mode == join_mode::quorum && joined && count > 0
      && options.joined.quorum > static_cast<int>(count)) {
    file_.error(joined->content.at, "bad-value",
                "`quorum` is " + std::to_string(options.joined.quorum) + "; the block has only "
                    + std::to_string(count) + (count == 1 ? " branch" : " branches"));
  }
  std::vector<plan::child> branches;
  if (!read_branches(content, race ? "race" : "parallel", branches)) return std::nullopt;
  return plan::make(plan_kind::parallel, race ? "race" : "", std::move(branches),
                    std::move(options));
}

std::optional<plan> stage_reader::read_map(const yaml_node& content, const yaml_node& holder) {
  block_options options;
  options.max_in_flight = 16;
  read_block(holder, options);
  if (const auto* over = holder.find("over")) {
    auto made = file_.compile(over->content, "over", expression_scope::names);
    if (made && made->source() != "input") {
      auto id = identity(*made);
      options.over = {[made = *made, env = surroundings_->env](
                          const value& input, const context& ctx, const step_request& request) {
                        const auto scope = expression_scope::of(input, ctx, request, env);
                        return checked(made.evaluate(scope.variables()));
                      },
                      std::move(id)};
    }
  }
  auto body = read(content);
  if (!body) return std::nullopt;
  return plan::make(plan_kind::map, "", {{"", *std::move(body)}}, std::move(options));
}

std::optional<plan> stage_reader::read_branch(const yaml_node& content, const yaml_node& holder) {
  branch_options options;
  if (auto made = file_.compile(content, "branch", expression_scope::names)) {
    auto id = identity(*made);
    options.key = {[made = *made, env = surroundings_->env](const value& input, const context& ctx,
                                                            const step_request& request) {
                     const auto scope = expression_scope::of(input, ctx, request, env);
                     const auto chosen = made.evaluate(scope.variables());
                     const auto& key = checked(chosen);
                     if (const auto* text = key.if_text()) return *text;
                     if (key.is_list() || key.is_map() || key.is_null()) {
                       refuse(made, "must give a key; it gave " + write_json(key).substr(0, 100));
                     }
                     return write_json(key);
                   },
                   std::move(id)};
  }
  std::vector<plan::child> branches;
  const auto* cases = holder.find("cases");
  if (!cases) {
    file_.error(holder.at, "missing-key", "a `branch` needs `cases: {KEY: stage}`");
    return std::nullopt;
  }
  if (!file_.is_map(cases->content, "cases")) return std::nullopt;
  auto fine = read_branches(cases->content, "cases", branches);
  if (const auto* otherwise = holder.find("default")) {
    if (cases->content.find("default")) {
      file_.error(otherwise->key_at, "duplicate-branch",
                  "`default` is given twice: among the cases and beside them");
      fine = false;
    }
    auto stage = read(otherwise->content);
    fine = fine && stage;
    if (stage) branches.push_back({"default", *std::move(stage)});
  }
  if (!fine || !options.key) return std::nullopt;
  return plan::make(plan_kind::branch, "", std::move(branches), std::move(options));
}

std::optional<plan> stage_reader::read_loop(const yaml_node& content, const yaml_node& holder) {
  static constexpr std::array<std::string_view, 6> variables{"input", "context", "run",
                                                             "env",   "output",  "iteration"};
  loop_options options;
  const auto* until = holder.find("until");
  if (!until) {
    file_.error(holder.at, "missing-key", "a `loop` needs `until: EXPR`, which ends it");
  } else if (auto made = file_.compile(until->content, "until", variables)) {
    auto id = identity(*made);
    options.until = {
        [made = *made, env = surroundings_->env](const value& output, std::uint64_t iteration,
                                                 const context& ctx, const step_request& request) {
          const auto scope = expression_scope::of(request.input, ctx, request, env);
          const auto [input, entries, run, environment] = scope.variables();
          const value turn(iteration);
          const std::array<expression_variable, 6> all{input,       entries, run,
                                                       environment, output,  turn};
          const auto answer = made.evaluate(all);
          const auto* holds = checked(answer).if_bool();
          if (!holds) {
            refuse(made, "must give true or false; it gave " + write_json(*answer).substr(0, 100));
          }
          return *holds;
        },
        std::move(id)};
  }
  if (const auto* most = holder.find("max_iterations")) {
    if (const auto count = file_.small_integer(most->content, "max_iterations")) {
      options.max_iterations = *count;
      if (options.until) file_.check_options(options, holder, "max_iterations");
    }
  }
  auto body = read(content);
  if (!body || !options.until) return std::nullopt;
  return plan::make(plan_kind::loop, "", {{"", *std::move(body)}}, std::move(options));
}

std::optional<plan> stage_reader::read_pause(const yaml_node& content) {
  pause_options options;
  const yaml_node* prompt = &content;
  if (content.kind != yaml_node::shape::scalar) {
    if (!file_.is_map(content, "pause")) return std::nullopt;
    file_.check_keys(content, "`pause`", {"prompt", "expects", "choices"});
    const auto* given = content.find("prompt");
    if (!given) {
      file_.error(content.at, "missing-key", "a `pause` needs `prompt: TEXT`");
      return std::nullopt;
    }
    prompt = &given->content;
    if (const auto* expects = content.find("expects")) {
      const auto word = file_.word(expects->content, "expects",
                                   {"any", "text", "integer", "number", "boolean", "list", "map"});
      if (word) options.rule.expects = answer_type_from(*word).value_or(answer_rule::type::any);
    }
    if (const auto* choices = content.find("choices")) {
      if (file_.is_list(choices->content, "choices")) {
        options.rule.choices = *choices->content.to_value().if_list();
      }
    }
  }
  if (!file_.text(*prompt, "prompt")) return std::nullopt;
  const auto made = file_.templates(*prompt, expression_scope::names);
  auto id = write_json(made.raw());
  options.prompt = {[made, env = surroundings_->env](const value& input, const context& ctx,
                                                     const step_request& request) {
                      const auto text =
                          made.evaluate(expression_scope::of(input, ctx, request, env));
                      const auto& shown = checked(text);
                      return shown.is_text() ? *shown.if_text() : write_json(shown);
                    },
                    std::move(id)};
  file_.check_options(options, content, "pause");
  return plan::make(plan_kind::pause, "", {}, std::move(options));
}

std::optional<plan> stage_reader::read_pipeline(const yaml_node& content) {
  const auto name = file_.text(content, "pipeline");
  if (!name) return std::nullopt;
  if (!pipelines_.contains(*name) && !registry_.pipelines().contains(*name)) {
    std::vector<std::string> known;
    for (const auto& [each, node] : pipelines_) known.push_back(each);
    for (const auto& [each, tree] : registry_.pipelines()) known.push_back(each);
    file_.error(content.at, "unknown-pipeline",
                "there is no pipeline `" + *name + "` under `pipelines:`"
                    + near_miss(*name, known));
    return std::nullopt;
  }
  used_pipelines_.try_emplace(*name, content.at);
  return plan::use(*name);
}

void stage_reader::note_pipelines(const yaml_node& node) {
  if (!file_.is_map(node, "pipelines")) return;
  file_.check_names(node, "a pipeline");
  for (const auto& member : node.members) pipelines_[member.key] = &member.content;
}

std::map<std::string, plan> stage_reader::read_pipelines() {
  std::map<std::string, plan> all = registry_.pipelines();
  for (const auto& [name, node] : pipelines_) {
    if (auto made = read(*node)) all.insert_or_assign(name, *std::move(made));
  }
  return all;
}

} // namespace troupe
