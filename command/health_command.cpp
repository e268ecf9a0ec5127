#include "command_error.hpp"
#include "commands.hpp"
#include "json_input.hpp"
#include "node_settings.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/service/cluster_client.hpp>

#include <signal.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace troupe::detail {

namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr std::size_t most_file_bytes = 65'536;
constexpr seconds answer_limit(5);
// A node renews its ready file every few seconds, see `node_command.cpp`.
constexpr seconds longest_silence(30);

[[noreturn]] void unhealthy(const std::string& why) {
  throw cluster_error(exit_run_failed, why);
}

std::string text_of(const value& content) {
  const auto* text = content.if_text();
  return text ? *text : std::string();
}

/// Where a coordinator is that listens on all addresses of this machine.
std::string seen_from_here(std::string url) {
  for (const std::string everywhere : {"://0.0.0.0:", "://[::]:"}) {
    const auto at = url.find(everywhere);
    if (at != std::string::npos) url.replace(at, everywhere.size(), "://localhost:");
  }
  return url;
}

void ask(const std::string& url, const std::string& ca) {
  cluster_options options;
  options.ca_file = ca;
  options.connect_limit = answer_limit;
  options.limit = answer_limit;
  try {
    const auto answer = cluster_client(url, options).ready();
    if (answer) return;
    const auto& why = answer.why();
    if (problem_of(why) == cluster_problem::unreachable)
      throw cluster_error(exit_unreachable, why.message);
    unhealthy(url + ": " + why.message);
  } catch (const std::invalid_argument& error) {
    throw usage_error(std::string("health: ") + error.what());
  }
}

void must_show_life(const std::string& path, const std::string& name, const value& pid) {
  const auto* number = pid.if_integer();
  if (!number || *number < 1) unhealthy(path + " is no ready file of a node");
  if (::kill(static_cast<pid_t>(*number), 0) != 0 && errno != EPERM)
    unhealthy(name + " has gone without removing " + path);
  std::error_code error;
  const auto age = fs::file_time_type::clock::now() - fs::last_write_time(path, error);
  if (!error && age > longest_silence) {
    unhealthy(name + " has not shown life for "
              + std::to_string(std::chrono::duration_cast<seconds>(age).count()) + " s");
  }
}

std::string look_at(const std::string& path, const health_request& request) {
  std::error_code error;
  if (!fs::exists(path, error)) unhealthy("no node is ready: there is no " + path);
  const auto facts = parse_json(read_text(path, "the ready file", most_file_bytes));
  if (!facts) unhealthy(path + " is no ready file of a node");
  const auto name = text_of(facts->at("name"));
  must_show_life(path, name, facts->at("pid"));
  const auto url = text_of(facts->at("url"));
  if (!url.empty()) ask(seen_from_here(url), request.ca.value_or(text_of(facts->at("ca"))));
  return text_of(facts->at("role")) + ' ' + name;
}

} // namespace

int health_command(console& speaker, const health_request& request) {
  auto healthy = request.url.value_or("");
  if (!healthy.empty()) {
    ask(healthy, request.ca.value_or(variable_of_process("TROUPE_CA").value_or("")));
  } else if (const auto file =
                 request.ready_file ? request.ready_file : variable_of_process(ready_file_variable))
    healthy = look_at(*file, request);
  else throw usage_error("health: which node? Give --cluster URL or --ready-file FILE");
  speaker.out.line(healthy + " is healthy");
  return speaker.out.good() ? exit_done : exit_run_failed;
}

} // namespace troupe::detail
