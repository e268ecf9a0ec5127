#include "workflow_reader.hpp"

#include "stage_reader.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace troupe {

namespace {

constexpr std::int64_t format_version = 1;

class whole_file {
public:
  whole_file(file_reader& file, const step_registry& registry,
             const environment_reader& environment)
      : file_(file), registry_(registry), environment_(environment) {}

  std::optional<workflow> read(const yaml_node& root) {
    if (!file_.is_map(root, "the file")) return std::nullopt;
    file_.check_keys(root, "the file",
                     {"troupe", "name", "description", "input", "context", "limits", "env",
                      "prices", "breakers", "caches", "steps", "pipelines", "flow"});
    read_version(root);
    if (const auto* about = root.find("description")) {
      (void)file_.text(about->content, "description");
    }
    read_surroundings(root);
    stage_reader stages(file_, registry_, surroundings_);
    if (const auto* node = root.find("breakers")) stages.read_breakers(node->content);
    if (const auto* node = root.find("caches")) stages.read_caches(node->content);
    if (const auto* node = root.find("steps")) stages.note_steps(node->content);
    if (const auto* node = root.find("pipelines")) stages.note_pipelines(node->content);
    stages.read_named_steps();
    auto pipelines = stages.read_pipelines();
    const auto tree = read_flow(root, stages);
    workflow made{.name = name_of(root),
                  .file = file_.source().name,
                  .tree = tree ? *tree : plan::use("nothing")};
    made.pipelines = std::move(pipelines);
    read_start(root, made);
    if (!tree) return std::nullopt;
    if (stages.has_scripts()) made.scripts = surroundings_->scripts;
    if (file_.errors() == 0) check_whole(made);
    return made;
  }

private:
  void read_version(const yaml_node& root) {
    const auto* version = root.find("troupe");
    if (!version) {
      file_.error({}, "missing-key", "`troupe: 1` is missing; it says which format this is");
      return;
    }
    const auto* number = version->content.scalar.if_integer();
    if (number && *number == format_version) return;
    file_.error(version->content.at, "bad-value", "`troupe` must be 1, the version of the format");
  }

  std::string name_of(const yaml_node& root) {
    if (const auto* name = root.find("name")) {
      const auto given = file_.text(name->content, "name");
      if (given && given->empty()) file_.error(name->content.at, "bad-value", "`name` is empty");
      return given.value_or("");
    }
    const auto stem = std::filesystem::path(file_.source().name).stem().string();
    return stem.empty() || stem == "-" ? "workflow" : stem;
  }

  void read_surroundings(const yaml_node& root) {
    auto made = std::make_shared<step_surroundings>();
    made->scripts = std::make_shared<script_book>();
    value::map_type env;
    if (const auto* node = root.find("env")) {
      if (auto names = file_.texts(node->content, "env")) {
        for (const auto& name : *names) {
          file_.listed_env.insert(name);
          if (const auto content = environment_(name)) env.emplace_back(name, *content);
        }
      }
    }
    made->env = value::map(std::move(env));
    if (const auto* node = root.find("prices")) read_prices(node->content, *made);
    surroundings_ = std::move(made);
  }

  void read_prices(const yaml_node& node, step_surroundings& into) {
    if (!file_.is_map(node, "prices")) return;
    for (const auto& [model, at, content] : node.members) {
      if (!file_.is_map(content, model)) continue;
      file_.check_keys(content, "the price of " + model, {"input", "output"});
      token_price price;
      read_amount(content, "input", price.input_usd);
      read_amount(content, "output", price.output_usd);
      into.prices.emplace(model, price);
    }
  }

  void read_amount(const yaml_node& holder, const char* key, double& into) {
    const auto* member = holder.find(key);
    if (!member) return;
    const auto given = file_.number(member->content, key);
    if (!given) return;
    if (std::isfinite(*given) && *given >= 0) {
      into = *given;
      return;
    }
    file_.error(member->content.at, "bad-value",
                "`" + std::string(key) + "` must be a finite number of at least 0");
  }

  void read_start(const yaml_node& root, workflow& made) {
    made.context = value::map({});
    if (const auto* input = root.find("input")) made.input = input->content.to_value();
    if (const auto* context = root.find("context")) {
      if (file_.is_map(context->content, "context")) made.context = context->content.to_value();
    }
    const auto* limits = root.find("limits");
    if (!limits || !file_.is_map(limits->content, "limits")) return;
    file_.check_keys(limits->content, "`limits`", {"cost_usd", "tokens"});
    if (limits->content.find("cost_usd")) {
      double most = 0;
      read_amount(limits->content, "cost_usd", most);
      made.limits.cost_usd = most;
    }
    if (const auto* tokens = limits->content.find("tokens")) {
      const auto most = file_.integer(tokens->content, "tokens");
      if (most && *most < 0) {
        file_.error(tokens->content.at, "bad-value",
                    "`tokens` is " + std::to_string(*most) + "; it must be at least 0");
      }
      made.limits.tokens = most;
    }
  }

  std::optional<plan> read_flow(const yaml_node& root, stage_reader& stages) {
    const auto* flow = root.find("flow");
    if (!flow) {
      file_.error({}, "missing-key", "`flow` is missing; it says what to run");
      return std::nullopt;
    }
    return stages.read(flow->content);
  }

  // What only shows in the whole: circular pipelines, and sizes.
  void check_whole(const workflow& made) {
    const plan::resolver find = [&](const std::string& name) -> const plan* {
      const auto place = made.pipelines.find(name);
      return place == made.pipelines.end() ? nullptr : &place->second;
    };
    const auto check = [&](const plan& tree) {
      try {
        tree.validate(find);
      } catch (const infinite_fallback_error& wrong) {
        report(wrong, "circular-fallback", "InfiniteFallbackError: ");
      } catch (const plan_error& wrong) {
        report(wrong, "bad-plan", "");
      }
    };
    check(made.tree);
    for (const auto& [name, tree] : made.pipelines) {
      if (file_.errors() == 0) check(tree);
    }
  }

  void report(const plan_error& wrong, std::string_view rule, const std::string& prefix) {
    for (const auto& issue : wrong.issues()) file_.error({}, rule, prefix + to_string(issue));
  }

  file_reader& file_;
  const step_registry& registry_;
  const environment_reader& environment_;
  std::shared_ptr<const step_surroundings> surroundings_;
};

} // namespace

workflow read_whole(source_text source, const step_registry& registry,
                    const environment_reader& environment) {
  file_reader file(std::move(source));
  const auto root = read_yaml(file.source(), file.found());
  std::optional<workflow> made;
  if (root) made = whole_file(file, registry, environment).read(*root);
  if (file.errors() > 0 || !made) {
    throw workflow_error(render(file.found(), file.source()), file.errors());
  }
  made->warnings = render(file.found(), file.source());
  return *std::move(made);
}

} // namespace troupe
