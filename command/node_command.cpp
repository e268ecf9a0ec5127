#include "command_error.hpp"
#include "commands.hpp"
#include "interrupts.hpp"
#include "node_settings.hpp"
#include "process_file.hpp"
#include "service_manager.hpp"

#include <troupe/nodes/node.hpp>
#include <troupe/protocol/json.hpp>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <utility>

namespace troupe::detail {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How soon it is noticed that a link stands, or that a coordinator sends the node away.
constexpr milliseconds look_every(50);
// How often the node shows that it is not stuck, at least.
constexpr std::chrono::microseconds sign_every = std::chrono::seconds(5);

/// A message of the node that begins with the name of a setting also says where that came from.
std::string with_origin(const std::string& message, const node_settings& settings) {
  const auto path = message.substr(0, message.find(':'));
  return settings.given(path) ? message + " (" + settings.origin(path) + ")" : message;
}

/// From the signal on that says so, a node has this long to notice that its parent is gone, and to
/// end what it runs. Nobody else would end it.
void bound_life_without_parent() {
  struct sigaction action {};
  action.sa_handler = [](int) { alarm(5); };
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
}

/// What a node is made from, and who wants to know about it.
struct node_surroundings {
  console& speaker;
  const node_request& request;
  const service_manager& manager;
};

/// A node from its start to its end, which a signal or its coordinator asks for.
class node_process {
public:
  node_process(const node_surroundings& around, node_options options)
      : console_(around.speaker), request_(around.request), manager_(around.manager),
        options_(std::move(options)), node_(options_) {}

  int run() {
    // A worker counts as started while nobody answers yet: it goes on trying.
    manager_.tell("READY=1\nSTATUS=looking for coordinators");
    if (!is_worker()) announce();
    while (!signals_.happened() && !node_.wants_to_leave() && !is_orphan()) {
      look();
      pollfd signal{signals_.descriptor(), POLLIN, 0};
      poll(&signal, 1, static_cast<int>(look_every.count()));
    }
    return is_orphan() ? exit_cancelled : leave();
  }

private:
  [[nodiscard]] bool is_orphan() const { return request_.ends_with_parent && getppid() != parent_; }

  [[nodiscard]] bool is_worker() const { return options_.role == node_role::worker; }

  void look() {
    if (is_worker() && !announced_ && node_.connections() > 0) announce();
    show_life();
  }

  void show_life() {
    const auto now = steady_clock::now();
    if (now < next_sign_) return;
    node_.ping();
    manager_.tell("WATCHDOG=1");
    if (ready_) ready_->renew();
    next_sign_ = now + std::min(manager_.watchdog().value_or(sign_every), sign_every);
  }

  [[nodiscard]] std::string addresses() const {
    if (is_worker()) {
      std::string list;
      for (const auto& each : options_.coordinators) {
        list += (list.empty() ? "" : ", ") + to_string(each);
      }
      return "works for " + list;
    }
    const auto http = node_.http_address();
    return "workers at " + to_string(node_.listen_address())
           + (http.port == 0 ? "" : ", API at " + url_of(http));
  }

  [[nodiscard]] std::string url_of(const endpoint& where) const {
    return (options_.tls.given() ? "https://" : "http://") + to_string(where);
  }

  [[nodiscard]] value facts() const {
    value::map_type all{{"name", node_.name()},
                        {"role", std::string(to_string(options_.role))},
                        {"pid", static_cast<std::int64_t>(getpid())}};
    if (is_worker()) {
      value::list_type list;
      for (const auto& each : options_.coordinators) list.emplace_back(to_string(each));
      all.emplace_back("coordinators", value::list(std::move(list)));
    } else {
      all.emplace_back("listen", to_string(node_.listen_address()));
      all.emplace_back("url", url_of(node_.http_address()));
      if (options_.tls.given())
        all.emplace_back("ca", std::filesystem::absolute(options_.tls.ca).string());
    }
    return value::map(std::move(all));
  }

  void announce() {
    announced_ = true;
    const auto text = addresses();
    console_.say(node_.name() + " is ready: " + text);
    const auto file =
        request_.ready_file ? request_.ready_file : variable_of_process(ready_file_variable);
    if (file) ready_.emplace(*file, write_json(facts()) + '\n');
    if (request_.json) console_.out.line(write_json(facts()));
    manager_.tell("STATUS=" + text);
  }

  int leave() {
    const auto asked = node_.wants_to_leave() && !signals_.happened();
    manager_.tell("STOPPING=1\nSTATUS=finishing");
    console_.say(node_.name() + (asked ? " was asked to leave" : " ends")
                 + ": finishes what is running, at most " + to_string(options_.drain_limit));
    auto drained = std::async(std::launch::async, [this] { return node_.drain(); });
    while (drained.wait_for(look_every) != std::future_status::ready) show_life();
    const auto finished = drained.get();
    const auto rest = is_worker() ? "what was not finished goes to other workers"
                                  : "what was not finished is cancelled";
    console_.say(node_.name() + " has ended" + (finished ? "" : std::string("; ") + rest));
    return exit_done;
  }

  console& console_;
  const node_request& request_;
  const service_manager& manager_;
  const pid_t parent_ = getppid();
  const node_options options_;
  interrupts signals_;
  node node_;
  std::optional<process_file> ready_;
  bool announced_ = false;
  steady_clock::time_point next_sign_{};
};

} // namespace

int node_command(console& speaker, const node_request& request, const step_registry& registry) {
  const service_manager manager; // before there are threads
  if (request.ends_with_parent) bound_life_without_parent();
  const auto settings = settings_of_process(speaker.program(), request.config, request.settings);
  if (!settings.given("role")) {
    throw usage_error("node: --role is missing: coordinator or worker");
  }
  for (const auto& each : misspelled_variables()) speaker.say("warning: " + each);
  auto options = settings.options();
  options.registry = registry;
  try {
    return node_process({speaker, request, manager}, std::move(options)).run();
  } catch (const node_error& error) {
    throw usage_error("node: " + with_origin(error.what(), settings));
  }
}

} // namespace troupe::detail
