#include "node_parser.hpp"

#include "command_error.hpp"
#include "near_miss.hpp"
#include "node_settings.hpp"
#include "option_makers.hpp"

#include <algorithm>
#include <string_view>

namespace troupe::detail {

namespace {

using settings_map = std::map<std::string, std::string>;

// Lists may be given in parts.
void add_setting(CLI::App& to, const node_setting& which, settings_map& into) {
  const std::string path = which.path;
  if (*which.type == '\0') {
    to.add_flag_callback(
        which.option(), [&into, path] { into[path] = "true"; }, which.summary);
    return;
  }
  const auto is_list = std::string_view(which.type).ends_with("…");
  auto& made = value_option(
      to, which.option(), which.type,
      [&into, path, is_list](const std::string& given) {
        auto& content = into[path];
        content = is_list && !content.empty() ? content + ',' + given : given;
      },
      which.summary);
  if (is_list) made.multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_config(CLI::App& to, std::optional<std::string>& into) {
  text_option(to, "--config", "FILE", into,
              "A file with settings, instead of those of the system and the user; TROUPE_CONFIG");
}

class node_commands {
public:
  node_commands(CLI::App& app, node_requests& into)
      : app_(app), into_(into), me_("  " + app.get_name() + ' ') {}

  void add_all() {
    add_up();
    add_node();
    add_config_command();
    add_certs();
    add_health();
  }

private:
  void add_up() {
    auto& to = add_command(app_, "up", "Run a cluster of processes on this machine",
                           me_ + "up\n" + me_ + "up --workers 8 --port 7800 --labels gpu=true\n");
    auto& given = into_.up;
    text_option(to, "--workers", "N", given.workers, "How many workers, 0 to 1000; 2");
    text_option(to, "--port", "PORT", given.port, "Of the HTTP API; any free one");
    text_option(to, "--data", "DIR", given.data,
                "Where to keep files that name the processes and their addresses");
    for (const auto& each : all_node_settings()) {
      const std::string_view path = each.path;
      if (path == "labels" || path == "credit" || path == "drain_limit") {
        add_setting(to, each, given.settings);
      }
    }
    text_option(to, "--config", "FILE", given.config, "A file with settings for every node; none");
    to.add_flag("--json", given.json, "Write what there is as JSON once it is up");
  }

  void add_node() {
    auto& to = add_command(
        app_, "node", "Run one node of a cluster",
        me_ + "node --role coordinator --http 127.0.0.1:7800 --listen 127.0.0.1:7801\n" + me_
            + "node --role worker --coordinators 127.0.0.1:7801 --labels gpu=true\n");
    add_settings(to, into_.node);
    text_option(to, "--ready-file", "FILE", into_.node.ready_file,
                "Write its addresses there, as JSON, once it is ready; removed at the end; "
                "TROUPE_READY_FILE");
    to.add_flag("--json", into_.node.json, "Write the same to standard output");
    to.add_flag("--ends-with-parent", into_.node.ends_with_parent,
                "End at once with who started it")
        ->group("");
  }

  void add_config_command() {
    auto& to = add_command(app_, "config", "Show the settings that a node would have",
                           me_ + "config show\n" + me_ + "config show --origin --credit 64\n");
    word_option(to, "ACTION", into_.config.action, "show");
    add_settings(to, into_.config);
    to.add_flag("--origin", into_.config.origin, "Also show where each came from");
    to.add_flag("--json", into_.config.json, "Write JSON");
  }

  void add_settings(CLI::App& to, node_request& into) {
    for (const auto& each : all_node_settings()) add_setting(to, each, into.settings);
    add_config(to, into.config);
  }

  void add_certs() {
    auto& to = add_command(app_, "certs", "Make the certificates of a cluster",
                           me_ + "certs init certs\n" + me_ + "certs node certs worker-1 worker-2\n"
                               + me_ + "certs node certs coordinator --host troupe.example\n");
    auto& given = into_.certs;
    word_option(to, "ACTION", given.action,
                "init, for the authority, or node, for nodes that it signs");
    word_option(to, "DIR", given.folder, "The folder of the certificates");
    to.add_option("NAME", given.names, "Of nodes")->type_name("");
    value_option(
        to, "--host", "HOST", [&given](const std::string& host) { given.hosts.push_back(host); },
        "Name or address that clients know the node by; NAME and those of loopback; may be "
        "repeated")
        .multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    text_option(to, "--days", "N", given.days, "How long they are valid; 3650 or 825");
    to.add_flag("--replace", given.replace, "Make them anew where they are there already");
  }

  void add_health() {
    auto& to = add_command(app_, "health", "Say whether a node works and takes work",
                           me_ + "health --cluster http://127.0.0.1:7800\n" + me_
                               + "health --ready-file /run/troupe/node.json\n");
    auto& given = into_.health;
    text_option(to, "--cluster", "URL", given.url, "Of a coordinator");
    text_option(to, "--ca", "FILE", given.ca,
                "The certificate of the authority that has signed its certificate; TROUPE_CA");
    text_option(to, "--ready-file", "FILE", given.ready_file,
                "Of a node on this machine, the file it was started with; TROUPE_READY_FILE");
  }

  CLI::App& app_;
  node_requests& into_;
  const std::string me_;
};

void must_be(const std::string& command, const std::string& given,
             const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), given) != known.end()) return;
  std::string all;
  for (const auto& each : known) all += (all.empty() ? "" : " or ") + each;
  throw usage_error(command + ": ACTION must be " + all + ", not " + given
                    + did_you_mean(given, known));
}

} // namespace

void add_node_commands(CLI::App& app, node_requests& into) {
  node_commands(app, into).add_all();
}

void check_node_words(const std::string& program, const std::string& command,
                      const node_requests& given) {
  const auto missing = [&](const std::string& word) {
    throw usage_error(command + ": " + word + " is missing; see " + program + " " + command
                      + " --help");
  };
  if (command == "config") {
    if (given.config.action.empty()) missing("ACTION");
    must_be(command, given.config.action, {"show"});
  }
  if (command != "certs") return;
  const auto& certs = given.certs;
  if (certs.action.empty()) missing("ACTION");
  must_be(command, certs.action, {"init", "node"});
  if (certs.folder.empty()) missing("DIR");
  if (certs.action == "node" && certs.names.empty()) missing("NAME");
  if (certs.action == "init" && !certs.names.empty()) {
    throw usage_error("certs: init does not take another word: " + certs.names.front());
  }
  if (certs.action == "init" && !certs.hosts.empty()) {
    throw usage_error("certs: --host is for nodes, not for the authority");
  }
}

} // namespace troupe::detail
