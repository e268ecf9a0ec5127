#include "cluster_parser.hpp"
#include "command_error.hpp"
#include "commands.hpp"
#include "near_miss.hpp"
#include "node_parser.hpp"
#include "option_makers.hpp"

#include <troupe/command/command_line.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace troupe {

namespace detail {

namespace {

const std::vector<std::string> graph_formats{"mermaid", "dot", "svg", "text"};
const std::vector<std::string> run_states{"running", "paused", "completed", "failed", "cancelled"};
const std::vector<std::string> shells{"bash", "zsh", "fish"};

/// Writes the words that a command takes the way manuals do.
class help_formatter final : public CLI::Formatter {
public:
  help_formatter() { column_width(28); }
  std::string make_option_usage(const CLI::Option* option) const override {
    const auto name = option->get_name(true);
    if (name == "TYPE") return "[TYPE]...";
    return name + (option->get_items_expected_max() > 1 ? "..." : "");
  }
};

/// The command line of the program: what there is, and what was given.
class command_parser {
public:
  explicit command_parser(const std::string& program)
      : app_("Runs workflows of steps that retry, time out, fall back and cache.", program) {
    app_.set_version_flag("--version", program + " " TROUPE_VERSION, "Show the version");
    app_.set_help_flag("-h,--help", "Show this help");
    app_.require_subcommand(0, 1);
    app_.allow_extras();
    app_.formatter(std::make_shared<help_formatter>());
    app_.footer("Examples:\n"
                "  "
                + program + " validate answer.yaml\n  " + program
                + " run answer.yaml --input '{\"query\": \"What is C++?\"}'\n  " + program
                + " run answer.yaml --inputs questions.jsonl --concurrency 8 --json\n  " + program
                + " submit answer.yaml --cluster http://127.0.0.1:7800 --wait\n\n"
                  "Exit status: 0 done, 1 the run failed, 2 bad usage or invalid file, 3 cluster "
                  "unreachable\nor not authorized, 4 the run is paused, 130 cancelled by Ctrl-C. `"
                + program + " COMMAND --help` says more.");
    add_run();
    add_validate();
    add_graph();
    add_types();
    add_cluster_commands(app_, cluster, speaks);
    add_node_commands(app_, nodes);
    add_completion();
  }

  /// Fills in what was given. Returns a status when there is nothing left to do.
  std::optional<int> parse(int argc, const char* const* argv);

  [[nodiscard]] std::string command() const {
    const auto chosen = app_.get_subcommands();
    return chosen.empty() ? std::string() : chosen.front()->get_name();
  }
  [[nodiscard]] command_tree tree() const { return describe(app_); }

  run_request run{};
  console_options speaks{};
  validate_request validate{};
  graph_request graph{};
  types_request types{};
  cluster_request cluster{};
  node_requests nodes{};
  std::string shell{};

private:
  CLI::App& add(const std::string& name, const std::string& summary, const std::string& examples) {
    return add_command(app_, name, summary, examples);
  }

  void file_word(CLI::App& to, std::string& target) {
    value_option(
        to, "FILE", "", [&target](const std::string& given) { target = given; },
        "A workflow file; - is standard input");
  }

  void add_run();
  void add_run_of_many(CLI::App& to);
  void add_validate();
  void add_graph();
  void add_types();
  void add_completion();
  [[nodiscard]] command_tree describe(const CLI::App& app) const;
  [[nodiscard]] static option_description describe(const CLI::Option& option);
  void check() const;
  void check_leftovers(const CLI::App& app) const;
  void check_words() const;

  CLI::App app_;
};

void command_parser::add_run() {
  const auto me = "  " + app_.get_name() + " run ";
  auto& to = add("run", "Run a workflow, in this process or on a cluster",
                 me + "answer.yaml --input '{\"query\": \"What is C++?\"}'\n" + me
                     + "answer.yaml --input @question.json --json | jq .output\n" + me
                     + "answer.yaml --inputs questions.jsonl --concurrency 8 --json\n" + me
                     + "answer.yaml --virtual-time --seed 7\n" + me
                     + "release.yaml --resume release-….paused.json --answer '\"yes\"'\n" + me
                     + "answer.yaml --cluster https://troupe.example:7800");
  file_word(to, run.file);
  text_option(to, "--input", "JSON", run.input,
              "The input: JSON, @FILE, or - for standard input; else that of the file, or null");
  text_option(to, "--context", "JSON", run.context,
              "Entries of the context, over those of the file: a JSON object or @FILE");
  value_option(
      to, "--set", "KEY=VALUE", [this](const std::string& given) { run.settings.push_back(given); },
      "One entry of the context; JSON if it parses, else text; may be repeated")
      .multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  text_option(to, "--correlation-id", "TEXT", run.correlation_id,
              "The correlation id of the run; else one is made");
  to.add_flag("--json", run.json, "Write the whole result of the run as JSON");
  to.add_flag("--virtual-time", run.virtual_time,
              "Let time pass without waiting; the clock stands while programs and requests work");
  text_option(to, "--seed", "N", run.seed, "Of all that is left to chance: a whole number");
  add_run_of_many(to);
  add_access(to, run.access);
  text_option(to, "--resume", "STATE", run.resume,
              "Go on with a paused run: its state file, or its result by --json");
  text_option(to, "--answer", "JSON", run.answer,
              "What to answer a paused run; JSON if it parses, else text");
  text_option(to, "--state", "FILE", run.state,
              "Where to write the state of a run that pauses; NAME-RUN.paused.json");
  to.add_flag_callback(
      "--no-color", [this] { speaks.colored = false; }, "No colors; so does NO_COLOR");
  to.add_flag("-q,--quiet", speaks.quiet, "No progress and no summary");
  to.add_flag("--unfused", run.unfused, "Each stage is an actor of its own")->group("");
  to.add_flag("--remote-steps", run.remote_steps, "Each step works as if on a worker")->group("");
}

void command_parser::add_run_of_many(CLI::App& to) {
  text_option(to, "--inputs", "FILE", run.inputs,
              "One run for each line, which is a JSON value; - is standard input");
  text_option(to, "--concurrency", "N", run.concurrency, "Runs of --inputs at once; 1");
}

void command_parser::add_validate() {
  const auto me = "  " + app_.get_name() + " validate ";
  auto& to = add("validate", "Check workflow files: all errors, or ok",
                 me + "answer.yaml\n" + me + "workflows/*.yaml --json");
  to.add_option("FILE", validate.files, "Workflow files; - is standard input")->type_name("");
  to.add_flag("--json", validate.json, "Write the verdicts as JSON");
}

void command_parser::add_graph() {
  const auto me = "  " + app_.get_name() + " graph ";
  auto& to = add("graph", "Draw a workflow",
                 me + "answer.yaml\n" + me + "answer.yaml --format svg -o answer.svg");
  file_word(to, graph.file);
  value_option(
      to, "--format", "FORMAT", [this](const std::string& given) { graph.format = given; },
      "mermaid, dot, svg (needs Graphviz) or text; mermaid");
  value_option(
      to, "-o,--output", "FILE", [this](const std::string& given) { graph.output = given; },
      "Where to write it; standard output");
}

void command_parser::add_types() {
  const auto me = "  " + app_.get_name() + " types";
  auto& to = add("types", "List the step types and what they take",
                 me + "\n" + me + " http.request\n" + me + " --json");
  to.add_option("TYPE", types.names, "Only these")->type_name("");
  to.add_flag("--json", types.json, "Write the list as JSON");
}

void command_parser::add_completion() {
  const auto me = "  " + app_.get_name() + " completion ";
  auto& to = add("completion", "Print a script that completes this command line in a shell",
                 me + "bash > /etc/bash_completion.d/" + app_.get_name() + "\n" + me
                     + "zsh > ~/.zfunc/_" + app_.get_name() + "\n" + me
                     + "fish > ~/.config/fish/completions/" + app_.get_name() + ".fish");
  value_option(
      to, "SHELL", "", [this](const std::string& given) { shell = given; }, "bash, zsh or fish");
}

std::optional<int> command_parser::parse(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    text_output(1).write(app_.help());
    return exit_done;
  } catch (const CLI::CallForVersion& version) {
    text_output(1).line(version.what());
    return exit_done;
  } catch (const CLI::ParseError& error) {
    const auto where = command();
    throw usage_error((where.empty() ? "" : where + ": ") + error.what());
  }
  check();
  return std::nullopt;
}

void command_parser::check_leftovers(const CLI::App& app) const {
  const auto left = app.remaining();
  if (left.empty()) return;
  const auto& first = left.front();
  const auto where = &app == &app_ ? std::string() : app.get_name() + ": ";
  const auto name = first.substr(0, first.find('='));
  const auto about = describe(app);
  std::vector<std::string> known;
  if (first.starts_with('-')) {
    for (const auto& option : about.options) {
      known.insert(known.end(), option.names.begin(), option.names.end());
    }
    throw usage_error(where + "there is no option " + name + did_you_mean(name, known));
  }
  if (&app != &app_) throw usage_error(where + "does not take another word: " + first);
  for (const auto& each : about.commands) known.push_back(each.name);
  throw usage_error("there is no command " + first + did_you_mean(first, known));
}

void command_parser::check() const {
  check_leftovers(app_);
  const auto chosen = app_.get_subcommands();
  if (chosen.empty()) throw usage_error(app_.help(), true);
  check_leftovers(*chosen.front());
  check_words();
}

void command_parser::check_words() const {
  const auto name = command();
  if (is_cluster_command(name)) check_cluster_words(app_.get_name(), name, cluster);
  check_node_words(app_.get_name(), name, nodes);
  const auto no_file = (name == "run" && run.file.empty())
                       || (name == "graph" && graph.file.empty())
                       || (name == "validate" && validate.files.empty());
  if (no_file)
    throw usage_error(name + ": FILE is missing; see " + app_.get_name() + " " + name + " --help");
  const auto must_be_one_of = [](const std::string& what, const std::string& given,
                                 const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), given) != known.end()) return;
    std::string all;
    for (const auto& each : known) all += (all.empty() ? "" : ", ") + each;
    throw usage_error(what + " must be one of " + all + (given.empty() ? "" : ", not " + given)
                      + did_you_mean(given, known));
  };
  if (name == "graph") must_be_one_of("graph: --format", graph.format, graph_formats);
  if (name == "completion") must_be_one_of("completion: SHELL", shell, shells);
}

option_description command_parser::describe(const CLI::Option& option) {
  option_description about;
  for (const auto& name : option.get_snames()) about.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) about.names.push_back("--" + name);
  about.summary = option.get_description();
  about.takes_value = option.get_items_expected_max() > 0;
  const auto type = option.nonpositional() ? option.get_type_name() : option.get_name(true);
  about.takes_files = type == "FILE" || type == "STATE" || type == "JSON" || type == "DIR";
  if (type == "FORMAT") about.choices = graph_formats;
  if (type == "STATUS") about.choices = run_states;
  if (type == "SHELL") about.choices = shells;
  if (type == "ROLE") about.choices = {"coordinator", "worker"};
  return about;
}

command_tree command_parser::describe(const CLI::App& app) const {
  command_tree tree{app.get_name(), app.get_description(), {}, {}, {}};
  for (const auto* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    auto& list = option->nonpositional() ? tree.options : tree.words;
    list.push_back(describe(*option));
  }
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    tree.commands.push_back(describe(*command));
  }
  return tree;
}

int dispatch(const command_parser& given, const std::string& program,
             const std::vector<std::string>& words, const step_registry& registry) {
  console speaker(program, given.speaks);
  const auto command = given.command();
  if (command == "run") return run_command(speaker, given.run, words, registry);
  if (command == "validate") return validate_command(speaker, given.validate, registry);
  if (command == "graph") return graph_command(speaker, given.graph, registry);
  if (command == "types") return types_command(speaker, given.types, registry);
  if (command == "submit") return submit_command(speaker, given.cluster, words);
  if (command == "top") return top_command(speaker, given.cluster);
  if (command == "node") return node_command(speaker, given.nodes.node, registry);
  if (command == "config") return config_command(speaker, given.nodes.config);
  if (command == "up") return up_command(speaker, given.nodes.up);
  if (command == "health") return health_command(speaker, given.nodes.health);
  if (command == "certs") return certs_command(speaker, given.nodes.certs);
  if (is_cluster_command(command)) return cluster_command(speaker, command, given.cluster);
  return completion_command(speaker, given.shell, given.tree());
}

std::string name_of_program(int argc, const char* const* argv) {
  const std::string_view path = argc > 0 && argv[0] ? argv[0] : "";
  const auto name = path.substr(path.rfind('/') + 1);
  return name.empty() ? "troupe" : std::string(name);
}

} // namespace

} // namespace detail

int command_line(int argc, const char* const* argv, const step_registry& registry) {
  using namespace detail;
  const auto program = name_of_program(argc, argv);
  text_output errors(2);
  try {
    command_parser given(program);
    if (const auto status = given.parse(argc, argv)) return *status;
    return dispatch(given, program, {argv, argv + argc}, registry);
  } catch (const usage_error& error) {
    const std::string text = error.what();
    errors.write((error.complete() ? "" : program + ": ") + text
                 + (text.ends_with('\n') ? "" : "\n"));
  } catch (const cluster_error& error) {
    errors.line(program + ": " + error.what());
    return error.status();
  } catch (const std::exception& error) {
    errors.line(program + ": " + error.what());
    return exit_run_failed;
  }
  return exit_bad_usage;
}

} // namespace troupe
