#include "cluster_parser.hpp"

#include "command_error.hpp"
#include "near_miss.hpp"
#include "option_makers.hpp"

#include <algorithm>
#include <map>

namespace troupe::detail {

namespace {

/// The word that a command cannot do without; empty when it takes none.
const std::map<std::string, std::string> words_of_commands{
    {"submit", "FILE"}, {"list", ""},     {"show", "RUN"},   {"why", "RUN"}, {"cancel", "RUN"},
    {"resume", "RUN"},  {"retry", "RUN"}, {"events", "RUN"}, {"nodes", ""},  {"drain", "NODE"},
    {"breakers", ""},   {"caches", ""},   {"top", ""}};

class cluster_commands {
public:
  cluster_commands(CLI::App& app, cluster_request& into, console_options& speaks)
      : app_(app), into_(into), speaks_(speaks), me_("  " + app.get_name() + ' ') {}

  void add_all() {
    add_submit();
    add_list();
    auto& show = add("show", "Show a run of a cluster: its status, or its result",
                     me_ + "show 0190a1\n" + me_ + "show 0190a1 --follow\n" + me_
                         + "show 0190a1 --json | jq .output\n");
    run_word(show);
    show.add_flag("-f,--follow", into_.follow, "Show events as they happen until it ends");
    run_word(add("why", "Say what a run of a cluster waits for", me_ + "why 0190a1\n"));
    run_word(add("cancel", "Cancel a run of a cluster", me_ + "cancel 0190a1\n"));
    add_resume();
    run_word(
        add("retry", "Run once more what a run of a cluster has done", me_ + "retry 0190a1\n"));
    auto& events = add("events", "Show the events of a run of a cluster",
                       me_ + "events 0190a1 --follow\n" + me_ + "events 0190a1 --json\n");
    run_word(events);
    events.add_flag("-f,--follow", into_.follow, "Go on until the run ends");
    add_operations();
  }

private:
  CLI::App& add(const std::string& name, const std::string& summary, const std::string& examples) {
    auto& made = add_command(app_, name, summary, examples);
    add_access(made, into_.access);
    made.add_flag("--json", into_.json, "Write JSON");
    made.add_flag_callback(
        "--no-color", [this] { speaks_.colored = false; }, "No colors; so does NO_COLOR");
    return made;
  }

  void run_word(CLI::App& to) {
    word_option(to, "RUN", into_.word, "The id of a run, or an unambiguous beginning of it");
  }

  void add_submit() {
    auto& to = add("submit", "Start a run on a cluster",
                   me_ + "submit answer.yaml --input '{\"query\": \"What is C++?\"}'\n" + me_
                       + "submit answer --input @question.json --wait\n");
    word_option(to, "FILE", into_.word,
                "A workflow file, - for standard input, or the NAME of a workflow that the "
                "cluster knows");
    text_option(to, "--input", "JSON", into_.input,
                "The input: JSON, @FILE, or - for standard input; else that of the file");
    text_option(to, "--context", "JSON", into_.context,
                "Entries of the context, over those of the file: a JSON object or @FILE");
    value_option(
        to, "--set", "KEY=VALUE",
        [this](const std::string& given) { into_.settings.push_back(given); },
        "One entry of the context; JSON if it parses, else text; may be repeated")
        .multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    text_option(to, "--correlation-id", "TEXT", into_.correlation_id,
                "The correlation id of the run; else one is made");
    to.add_flag("--wait", into_.wait, "Wait for the end, and show the result");
    to.add_flag("-q,--quiet", speaks_.quiet, "No progress and no summary");
  }

  void add_list() {
    auto& to =
        add("list", "List the runs of a cluster, the newest first",
            me_ + "list --status failed\n" + me_ + "list --name answer --limit 200 --json\n");
    text_option(to, "--status", "STATUS", into_.status,
                "Only these: running, paused, completed, failed or cancelled");
    text_option(to, "--name", "NAME", into_.name, "Only runs of this workflow");
    text_option(to, "--limit", "N", into_.limit, "How many, 1 to 1000; 50");
    text_option(to, "--cursor", "RUN", into_.cursor,
                "Go on after this run, where a list has ended");
  }

  void add_resume() {
    auto& to =
        add("resume", "Answer a paused run of a cluster",
            me_ + "resume 0190a1 --answer true\n" + me_ + "resume 0190a1 --answer @answer.json\n");
    run_word(to);
    text_option(to, "--answer", "JSON", into_.answer,
                "What to answer; JSON if it parses, else text; @FILE, or - for standard input");
  }

  void add_operations() {
    add("nodes", "List the nodes of a cluster", me_ + "nodes\n" + me_ + "nodes --json\n");
    auto& drain = add("drain", "Ask a node to take no new work, finish and leave",
                      me_ + "drain worker-3 --wait\n");
    word_option(drain, "NODE", into_.word, "The name of a node");
    drain.add_flag("--wait", into_.wait, "Wait until it has left");
    auto& breakers = add("breakers", "List the circuit breakers of a cluster, or reset one",
                         me_ + "breakers\n" + me_ + "breakers reset gpt4\n");
    action(breakers, "reset", "reset, to let the next call through");
    auto& caches = add("caches", "List the caches of a cluster, or clear one",
                       me_ + "caches\n" + me_ + "caches clear answers\n");
    action(caches, "clear", "clear, to forget everything in it");
    add("top", "Watch a cluster in the terminal; elsewhere show it once",
        me_ + "top\n" + me_ + "top --json\n");
  }

  void action(CLI::App& to, const char* name, const char* summary) {
    into_.actions[to.get_name()] = name;
    word_option(to, "ACTION", into_.word, summary);
    word_option(to, "NAME", into_.target, "Of which one");
  }

  CLI::App& app_;
  cluster_request& into_;
  console_options& speaks_;
  const std::string me_;
};

} // namespace

void add_cluster_commands(CLI::App& app, cluster_request& into, console_options& speaks) {
  cluster_commands(app, into, speaks).add_all();
}

void add_access(CLI::App& to, cluster_access& into) {
  text_option(to, "--cluster", "URL", into.url,
              "Where the cluster is: http://HOST:PORT or https://…; TROUPE_CLUSTER");
  text_option(to, "--token-file", "FILE", into.token_file,
              "A file with the token of the cluster; else TROUPE_TOKEN");
  text_option(to, "--ca", "FILE", into.ca,
              "The certificate of the authority that has signed the cluster's; TROUPE_CA");
}

bool is_cluster_command(const std::string& name) {
  return words_of_commands.contains(name);
}

void check_cluster_words(const std::string& program, const std::string& command,
                         const cluster_request& given) {
  const auto missing = [&](const std::string& word) {
    throw usage_error(command + ": " + word + " is missing; see " + program + " " + command
                      + " --help");
  };
  const auto& word = words_of_commands.at(command);
  if (!word.empty() && given.word.empty()) missing(word);
  if (command == "resume" && !given.answer) missing("--answer JSON");
  const auto action = given.actions.find(command);
  if (action == given.actions.end() || given.word.empty()) return;
  if (given.word != action->second) {
    throw usage_error(command + ": ACTION must be " + action->second + ", not " + given.word
                      + did_you_mean(given.word, {action->second}));
  }
  if (given.target.empty()) missing("NAME");
}

} // namespace troupe::detail
