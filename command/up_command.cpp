#include "child_node.hpp"
#include "command_error.hpp"
#include "commands.hpp"
#include "interrupts.hpp"
#include "json_input.hpp"
#include "local_cluster.hpp"
#include "node_settings.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace troupe::detail {

namespace {

// What is on the machine of a person may be cut shorter than on a server.
constexpr duration drain_limit = std::chrono::seconds(10);

/// The folder, made if need be; nobody else uses it while this lives.
file_descriptor claim(const std::string& folder) {
  const auto refuse = [&](int error) {
    throw usage_error("--data: " + folder + ": " + std::generic_category().message(error));
  };
  if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) refuse(errno);
  file_descriptor made(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!made) refuse(errno);
  if (flock(made.get(), LOCK_EX | LOCK_NB) != 0) {
    throw usage_error("--data: " + folder + " is that of another cluster, which is still up");
  }
  return made;
}

} // namespace

int up_command(console& speaker, const up_request& request) {
  auto settings = request.settings;
  settings.emplace("drain_limit", to_string(drain_limit));
  local_cluster_options options;
  options.workers = request.workers ? whole_number("--workers", *request.workers, 0, 1'000) : 2;
  const auto port = request.port ? whole_number("--port", *request.port, 0, 65'535) : 0;
  options.http = {"127.0.0.1", static_cast<std::uint16_t>(port)};
  // What is wrong is said once, and not by every process.
  const node_settings checked(speaker.program(), {{}, variable_of_process, settings});
  options.drain_limit = checked.options().drain_limit;
  for (const auto& each : all_node_settings()) {
    const auto given = settings.find(each.path);
    if (given == settings.end()) continue;
    options.arguments.insert(options.arguments.end(), {each.option(), given->second});
  }
  // A cluster to try things out has nothing to do with the settings of this machine.
  options.arguments.insert(options.arguments.end(),
                           {"--config", request.config.value_or("/dev/null")});
  options.json = request.json;
  file_descriptor folder;
  if (request.data) {
    folder = claim(*request.data);
    options.data = *request.data;
  }
  interrupts signals;
  return local_cluster(speaker, signals, options).run();
}

} // namespace troupe::detail
