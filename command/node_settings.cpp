#include "node_settings.hpp"

#include "command_error.hpp"
#include "json_input.hpp"
#include "near_miss.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/workflows/settings_file.hpp>

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <type_traits>

namespace troupe::detail {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_token_bytes = 4'096;
constexpr auto credential = "api_token";
constexpr std::uint16_t http_port = 7800;
constexpr std::uint16_t link_port = 7801;

using labels = std::map<std::string, std::string>;

template <class T>
constexpr bool goes_to(const setting_place& place) {
  return std::holds_alternative<T& (*)(node_setup&)>(place);
}

std::string in_capitals(std::string text) {
  for (auto& letter : text) {
    if (letter == '.') letter = '_';
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return text;
}

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const auto end = std::min(text.find(',', from), text.size());
    if (end > from) parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

/// Reads the text of an option or a variable into what a file would have.
value read_text_of(const node_setting& which, const std::string& text, const field_report& report) {
  if (goes_to<bool>(which.place)) {
    if (text == "true" || text == "1") return true;
    if (text != "false" && text != "0") report("", "must be true or false, not " + text);
    return false;
  }
  if (goes_to<std::size_t>(which.place)) {
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc() && stop == end) return number;
    report("", "must be a whole number, not " + text);
    return {};
  }
  if (goes_to<std::vector<endpoint>>(which.place)) {
    const auto parts = parts_of(text);
    return value::list({parts.begin(), parts.end()});
  }
  if (!goes_to<labels>(which.place)) return text;
  value::map_type all;
  for (const auto& part : parts_of(text)) {
    const auto sign = part.find('=');
    if (sign == std::string::npos || sign == 0) report("", "must be KEY=VALUE, not " + part);
    else all.emplace_back(part.substr(0, sign), part.substr(sign + 1));
  }
  return value::map(std::move(all));
}

// Each reads the content of a setting as a file has it.

void take(std::string& into, const value& content, const node_setting&, const field_report&) {
  if (const auto* text = content.if_text()) into = *text;
}

void take(bool& into, const value& content, const node_setting&, const field_report&) {
  if (const auto* flag = content.if_bool()) into = *flag;
}

void take(node_role& into, const value& content, const node_setting&, const field_report& report) {
  const auto* text = content.if_text();
  if (!text) return;
  if (*text == "coordinator" || *text == "worker") {
    into = *text == "worker" ? node_role::worker : node_role::coordinator;
  } else {
    report("", "must be coordinator or worker, not " + *text
                   + did_you_mean(*text, {"coordinator", "worker"}));
  }
}

void take(std::size_t& into, const value& content, const node_setting& which,
          const field_report& report) {
  const auto* number = content.if_integer();
  if (!number) return;
  const auto given = std::to_string(*number);
  if (*number < which.least) {
    report("", "must be at least " + std::to_string(which.least) + ", not " + given);
  } else if (*number > which.most) {
    report("", "must be at most " + std::to_string(which.most) + ", not " + given);
  } else {
    into = static_cast<std::size_t>(*number);
  }
}

void take(duration& into, const value& content, const node_setting& which,
          const field_report& report) {
  const auto* text = content.if_text();
  if (!text) return;
  const auto length = parse_duration(*text);
  if (!length) {
    report("", "must be a duration such as 250ms, 30s or 1h30m, not " + *text);
  } else if (length->count() < which.least) {
    report("", (which.least > 0 ? "must be more than 0, not " : "must not be negative: ") + *text);
  } else {
    into = *length;
  }
}

void take(endpoint& into, const value& content, const node_setting& which,
          const field_report& report) {
  const auto* text = content.if_text();
  if (!text) return report("", "must be HOST:PORT");
  const auto read = parse_endpoint(*text, which.port);
  if (read) into = *read;
  else report("", "cannot be read: " + read.why().message);
}

void take(std::vector<endpoint>& into, const value& content, const node_setting& which,
          const field_report& report) {
  into.clear();
  for (std::size_t at = 0; at < content.size(); ++at) {
    take(into.emplace_back(), content.at(at), which,
         [&](const std::string&, const std::string& message) {
           report(std::to_string(at), message);
         });
  }
}

void take(labels& into, const value& content, const node_setting&, const field_report& report) {
  into.clear();
  const auto* members = content.if_map();
  if (!members) return;
  for (const auto& [name, each] : *members) {
    // `gpu: true` is a label too, as it is in a workflow's `place`.
    const auto* text = each.if_text();
    if (text || each.if_bool() || each.is_number()) into[name] = text ? *text : write_json(each);
    else report(name, "must be text");
  }
}

void take_into(node_setup& setup, const node_setting& which, const value& content,
               const field_report& report) {
  std::visit([&](auto place) { take(place(setup), content, which, report); }, which.place);
}

field_kind kind_in_file(const setting_place& place) {
  if (goes_to<bool>(place)) return field_kind::boolean;
  if (goes_to<std::size_t>(place)) return field_kind::integer;
  if (goes_to<duration>(place)) return field_kind::length;
  if (goes_to<std::vector<endpoint>>(place)) return field_kind::list;
  return goes_to<labels>(place) ? field_kind::map : field_kind::text;
}

std::vector<setting_field> fields_of_files() {
  std::vector<setting_field> fields;
  for (const auto& each : all_node_settings()) {
    const auto check = [&each](const value& content, const field_report& report) {
      node_setup scratch;
      take_into(scratch, each, content, report);
    };
    fields.push_back({each.path, kind_in_file(each.place), check});
  }
  return fields;
}

std::vector<std::string> standard_files() {
  std::vector<std::string> files{"/etc/troupe/troupe.yaml"};
  if (const auto folder = variable_of_process("XDG_CONFIG_HOME")) {
    files.push_back(*folder + "/troupe/troupe.yaml");
  } else if (const auto home = variable_of_process("HOME")) {
    files.push_back(*home + "/.config/troupe/troupe.yaml");
  }
  std::erase_if(files, [](const auto& each) { return ::access(each.c_str(), F_OK) != 0; });
  return files;
}

// What files name, they name from where they are.
value beside(const std::string& file, const value& path) {
  return (fs::path(file).parent_path() / *path.if_text()).string();
}

value as_value(const std::string& text) {
  return text.empty() ? value() : value(text);
}

value as_value(bool flag) {
  return flag;
}

value as_value(node_role role) {
  return std::string(to_string(role));
}

value as_value(std::size_t number) {
  return static_cast<std::int64_t>(number);
}

value as_value(duration length) {
  return to_string(length);
}

value as_value(const endpoint& where) {
  return to_string(where);
}

value as_value(const std::vector<endpoint>& all) {
  value::list_type list;
  for (const auto& each : all) list.push_back(as_value(each));
  return value::list(std::move(list));
}

value as_value(const labels& all) {
  value::map_type map;
  for (const auto& [name, content] : all) map.emplace_back(name, content);
  return value::map(std::move(map));
}

} // namespace

const std::vector<node_setting>& all_node_settings() {
  using in = node_setup&;
  constexpr auto largest = std::numeric_limits<std::uint32_t>::max();
  static const std::vector<node_setting> all{
      {"role", "ROLE", "coordinator, which owns runs, or worker, which does their work",
       +[](in to) -> node_role& { return to.options.role; }},
      {"name", "NAME", "What people call the node; HOST:PROCESS",
       +[](in to) -> std::string& { return to.options.name; }},
      {"labels", "KEY=VALUE,…", "Of a worker, for `place` in workflows",
       +[](in to) -> labels& { return to.options.labels; }},
      {"listen", "HOST:PORT", "Of a coordinator: where its workers connect; 127.0.0.1:7801",
       +[](in to) -> endpoint& { return to.options.listen; }, 0, 0, link_port},
      {"http", "HOST:PORT", "Of a coordinator: where its HTTP API is; 127.0.0.1:7800",
       +[](in to) -> endpoint& { return to.options.http; }, 0, 0, http_port},
      {"coordinators", "HOST:PORT,…", "Of a worker: whom to work for; of a coordinator: others",
       +[](in to) -> std::vector<endpoint>& { return to.options.coordinators; }, 0, 0, link_port},
      {"tls.ca", "FILE", "Certificate of the cluster's authority, see `certs`",
       +[](in to) -> std::string& { return to.options.tls.ca; }},
      {"tls.certificate", "FILE", "Certificate of the node, signed by it",
       +[](in to) -> std::string& { return to.options.tls.certificate; }},
      {"tls.key", "FILE", "Private key of the node",
       +[](in to) -> std::string& { return to.options.tls.key; }},
      {"insecure", "", "Allow addresses outside of loopback without certificates",
       +[](in to) -> bool& { return to.options.insecure; }},
      {"api_token_file", "FILE",
       "A file with the token that clients of the API must show; else TROUPE_TOKEN",
       +[](in to) -> std::string& { return to.api_token_file; }},
      {"credit", "N", "Of a worker: branches it takes at a time; 256",
       +[](in to) -> std::size_t& { return to.options.credit; }, 1, 1'000'000},
      {"max_queued", "N", "Of a coordinator: branches that wait, for each placement; 100000",
       +[](in to) -> std::size_t& { return to.options.max_queued; }, 1, largest},
      {"placement_wait", "TIME", "How long work waits for a worker that fits; 30s",
       +[](in to) -> duration& { return to.options.placement_wait; }},
      {"heartbeat", "TIME", "How often nodes say that they are there; 500ms",
       +[](in to) -> duration& { return to.options.heartbeat; }, 1},
      {"lost_after", "TIME", "Silence after which a node is given up; 10s",
       +[](in to) -> duration& { return to.options.lost_after; }, 1},
      {"orphan_grace", "TIME", "How long work outlives the link to its coordinator; 5s",
       +[](in to) -> duration& { return to.options.orphan_grace; }},
      {"drain_limit", "TIME", "At the end: how long to finish what is running; 30s",
       +[](in to) -> duration& { return to.options.drain_limit; }},
      {"max_runs_kept", "N", "Ended runs that a coordinator remembers; 10000",
       +[](in to) -> std::size_t& { return to.options.max_runs_kept; }, 0, largest},
      {"runtime.workers", "N", "Threads that run stages; 0: one per processor",
       +[](in to) -> std::size_t& { return to.options.runtime.workers; }, 0, 4'096},
      {"runtime.blocking_threads", "N", "Threads for blocking steps; 32",
       +[](in to) -> std::size_t& { return to.options.runtime.blocking_threads; }, 1, 65'536},
  };
  return all;
}

std::string node_setting::option() const {
  std::string name = "--";
  for (const char letter : std::string_view(path)) {
    name += letter == '.' || letter == '_' ? '-' : letter;
  }
  return name;
}

std::string node_setting::variable() const {
  return "TROUPE_" + in_capitals(path);
}

bool node_setting::is_file() const {
  return std::string_view(type) == "FILE";
}

node_settings::node_settings(const std::string& program, const settings_sources& from) {
  setup_.options.listen.port = link_port;
  setup_.options.http.port = http_port;
  std::string errors;
  const auto find = [](const std::string& path) -> const node_setting& {
    const auto& all = all_node_settings();
    return *std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.path == path; });
  };
  for (const auto& name : from.files) {
    const auto file = read_settings_file(name, fields_of_files());
    errors += file.errors;
    for (const auto& [path, content, line] : file.settings) {
      const auto& which = find(path);
      take_into(setup_, which, which.is_file() ? beside(name, content) : content,
                [](const std::string&, const std::string&) {});
      origins_[path] = name + ':' + std::to_string(line);
    }
  }
  const auto take_text = [&](const node_setting& which, const std::string& origin,
                             const std::string& text) {
    const auto report = [&](const std::string&, const std::string& message) {
      errors += program + ": " + origin + ' ' + message + '\n';
    };
    const auto content = read_text_of(which, text, report);
    take_into(setup_, which, content, report);
    origins_[which.path] = origin;
  };
  for (const auto& each : all_node_settings()) {
    if (const auto text = from.environment(each.variable()))
      take_text(each, each.variable(), *text);
  }
  for (const auto& [path, text] : from.options) take_text(find(path), find(path).option(), text);
  if (!errors.empty()) throw usage_error(errors, true);
  find_token(from);
}

// Of a token and a file with one in the environment, the token itself counts.
void node_settings::find_token(const settings_sources& from) {
  const auto& file = setup_.api_token_file;
  const auto token = from.environment("TROUPE_TOKEN");
  if (token && !from.options.contains("api_token_file")) {
    token_ = *token;
    token_origin_ = "TROUPE_TOKEN";
  } else if (!file.empty()) {
    token_file_ = file;
    token_origin_ = origin("api_token_file");
  } else if (const auto folder = from.environment("CREDENTIALS_DIRECTORY")) {
    const auto path = (fs::path(*folder) / credential).string();
    if (::access(path.c_str(), F_OK) != 0) return;
    token_file_ = path;
    token_origin_ = std::string("$CREDENTIALS_DIRECTORY/") + credential;
  }
}

const std::string& node_settings::origin(const std::string& path) const {
  static const std::string nowhere = "default";
  const auto found = origins_.find(path);
  return found == origins_.end() ? nowhere : found->second;
}

value node_settings::content(const node_setting& which) const {
  // There is no role that a node has unless it is told another one.
  if (goes_to<node_role>(which.place) && !given(which.path)) return {};
  auto setup = setup_;
  return std::visit([&](auto place) { return as_value(place(setup)); }, which.place);
}

node_options node_settings::options() const {
  auto options = setup_.options;
  if (options.role == node_role::worker) return options;
  options.api_token = token_;
  if (!token_file_.empty()) {
    options.api_token = read_text(token_file_, "the token", most_token_bytes);
    while (options.api_token.ends_with('\n') || options.api_token.ends_with('\r')) {
      options.api_token.pop_back();
    }
  }
  const auto is_bad = options.api_token.find_first_of("\r\n") != std::string::npos;
  if (is_bad || (options.api_token.empty() && !token_origin_.empty())) {
    throw usage_error(token_origin_ + ": the token must be one line, and not empty");
  }
  return options;
}

std::optional<std::string> variable_of_process(const std::string& name) {
  const char* content = std::getenv(name.c_str());
  if (!content || *content == '\0') return std::nullopt;
  return content;
}

node_settings settings_of_process(const std::string& program,
                                  const std::optional<std::string>& file,
                                  const std::map<std::string, std::string>& options) {
  const auto named = file ? file : variable_of_process("TROUPE_CONFIG");
  return {program, {named ? std::vector{*named} : standard_files(), variable_of_process, options}};
}

std::vector<std::string> misspelled_variables() {
  constexpr std::string_view prefix = "TROUPE_";
  std::vector<std::string> known{"CA", "CLUSTER", "CONFIG", "READY_FILE", "TOKEN"};
  for (const auto& each : all_node_settings()) known.push_back(in_capitals(each.path));
  std::vector<std::string> lines;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with(prefix)) continue;
    const auto name = text.substr(prefix.size(), text.find('=') - prefix.size());
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    auto hint = did_you_mean(name, known);
    if (hint.empty()) continue;
    hint.insert(hint.rfind(' ') + 1, prefix);
    lines.push_back(std::string(prefix) + std::string(name) + " is no setting" + hint);
  }
  return lines;
}

} // namespace troupe::detail
