#include "cluster_access.hpp"

#include "command_error.hpp"
#include "json_input.hpp"
#include "terminal_text.hpp"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace troupe::detail {

namespace {

constexpr std::size_t most_workflow_bytes = std::size_t{2} << 20;
constexpr std::size_t most_token_bytes = 4'096;

std::string variable(const char* name) {
  const char* content = std::getenv(name);
  return content ? content : "";
}

std::string read_token(const std::string& path) {
  auto token = read_text(path, "the token", most_token_bytes);
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.empty()) throw usage_error("--token-file: " + path + " is empty");
  return token;
}

} // namespace

std::unique_ptr<cluster_client> connect(const cluster_access& given) {
  const auto url = given.url.value_or(variable("TROUPE_CLUSTER"));
  if (url.empty()) {
    throw usage_error("which cluster? Give --cluster http://HOST:PORT, or set TROUPE_CLUSTER");
  }
  cluster_options options;
  options.token = given.token_file ? read_token(*given.token_file) : variable("TROUPE_TOKEN");
  if (options.token.find_first_of("\r\n") != std::string::npos) {
    throw usage_error("the token must be one line");
  }
  options.ca_file = given.ca.value_or(variable("TROUPE_CA"));
  if (!options.ca_file.empty() && ::access(options.ca_file.c_str(), R_OK) != 0) {
    throw usage_error("--ca: cannot read " + options.ca_file);
  }
  try {
    return std::make_unique<cluster_client>(url, std::move(options));
  } catch (const std::invalid_argument& error) {
    throw usage_error(std::string("--cluster: ") + error.what());
  }
}

void refuse(const failure& why) {
  const auto message = printable(why.message);
  switch (problem_of(why)) {
  case cluster_problem::unreachable: throw cluster_error(exit_unreachable, message);
  case cluster_problem::not_authorized:
    throw cluster_error(exit_unreachable,
                        message + "; the token is that of TROUPE_TOKEN or --token-file");
  case cluster_problem::not_found: throw usage_error(message);
  case cluster_problem::other: break;
  }
  // A workflow that is wrong comes with its errors rendered.
  const auto rendered = message.find(": error: ") != std::string::npos;
  if (why.kind == failure_kind::malformed) throw usage_error(message, rendered);
  throw cluster_error(exit_run_failed, message);
}

std::optional<std::string> workflow_text(const std::string& file_or_name) {
  if (file_or_name == "-" || ::access(file_or_name.c_str(), F_OK) == 0) {
    return read_text(file_or_name, "the workflow", most_workflow_bytes);
  }
  const auto looks_like_a_file =
      file_or_name.find('/') != std::string::npos || file_or_name.ends_with(".yaml")
      || file_or_name.ends_with(".yml") || file_or_name.ends_with(".json");
  if (looks_like_a_file) throw usage_error("there is no file " + file_or_name);
  return std::nullopt;
}

} // namespace troupe::detail
