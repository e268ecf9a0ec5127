#include "command_error.hpp"
#include "commands.hpp"
#include "json_input.hpp"

#include <troupe/nodes/certificates.hpp>

#include <filesystem>
#include <stdexcept>

namespace troupe::detail {

namespace {

void init(console& speaker, const certs_request& request, int days) {
  ca_options options;
  options.replace = request.replace;
  if (days > 0) options.days = days;
  const auto made = make_cluster_ca(request.folder, options);
  speaker.out.line(made.certificate + "\n" + made.key);
  if (speaker.quiet()) return;
  speaker.say("every node needs " + made.certificate + "; who has " + made.key
              + " can make members of the cluster, and no node needs it");
}

void make_nodes(console& speaker, const certs_request& request, int days) {
  if (!std::filesystem::exists(std::filesystem::path(request.folder) / "ca.pem")) {
    throw usage_error("certs: there is no authority in " + request.folder
                      + "; make one with: " + speaker.program() + " certs init " + request.folder);
  }
  for (const auto& name : request.names) {
    node_certificate_options options;
    options.replace = request.replace;
    if (days > 0) options.days = days;
    options.hosts = request.hosts;
    if (options.hosts.empty()) options.hosts = {name, "localhost", "127.0.0.1", "::1"};
    const auto made = make_node_certificate(request.folder, name, options);
    speaker.out.line(made.certificate + "\n" + made.key);
  }
}

} // namespace

int certs_command(console& speaker, const certs_request& request) {
  const auto days =
      request.days ? static_cast<int>(whole_number("--days", *request.days, 1, 36'500)) : 0;
  try {
    if (request.action == "init") init(speaker, request, days);
    else make_nodes(speaker, request, days);
  } catch (const usage_error&) {
    throw;
  } catch (const std::exception& error) {
    const std::string text = error.what();
    const auto is_there = text.ends_with("is there already");
    throw usage_error("certs: " + text + (is_there ? "; --replace makes it anew" : ""));
  }
  return speaker.out.good() ? exit_done : exit_run_failed;
}

} // namespace troupe::detail
