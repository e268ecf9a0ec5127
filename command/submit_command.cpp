#include "cluster_access.hpp"
#include "cluster_run.hpp"
#include "cluster_text.hpp"
#include "command_error.hpp"
#include "commands.hpp"
#include "json_input.hpp"
#include "run_setup.hpp"
#include "terminal_text.hpp"

#include <troupe/protocol/json.hpp>

#include <utility>

namespace troupe::detail {

namespace {

void check(const cluster_request& request) {
  int readers = request.word == "-" ? 1 : 0;
  for (const auto& each : {request.input, request.context}) {
    if (each == "-") ++readers;
  }
  if (readers > 1) throw usage_error("standard input can be read once: give one - only");
  if (request.correlation_id && request.correlation_id->empty()) {
    throw usage_error("--correlation-id: must not be empty");
  }
}

service::submission submission_of(const cluster_request& request) {
  service::submission what;
  if (auto text = workflow_text(request.word)) {
    what.workflow = *std::move(text);
    what.file = request.word == "-" ? "<stdin>" : request.word;
  } else {
    what.name = request.word;
  }
  if (request.input) what.input = json_option("--input", *request.input);
  what.context = read_context(request.context, request.settings, {});
  what.correlation_id = request.correlation_id.value_or("");
  return what;
}

} // namespace

int submit_command(console& speaker, const cluster_request& request,
                   const std::vector<std::string>& words) {
  check(request);
  const auto cluster = connect(request.access);
  auto what = submission_of(request);
  if (request.wait) {
    cluster_run given{.what = std::move(what), .file = request.word, .again = line_again(words)};
    given.json = request.json;
    given.cancels = false;
    return run_one(speaker, *cluster, given, {});
  }
  const auto run = expect(cluster->submit(what));
  if (request.json) speaker.out.line(write_json(run));
  else speaker.out.line(one_line(text_at(run, "run_id")));
  return speaker.out.good() ? exit_done : exit_run_failed;
}

} // namespace troupe::detail
