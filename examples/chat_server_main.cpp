#include "chat_server.hpp"

#include <signal.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

troupe::examples::chat_server_options options_from(int count, char** arguments) {
  troupe::examples::chat_server_options options;
  for (int at = 1; at + 1 < count; at += 2) {
    const std::string name = arguments[at];
    const std::string content = arguments[at + 1];
    if (name == "--port") options.port = std::stoi(content);
    else if (name == "--api-key") options.api_key = content;
    else if (name == "--outage-begins") options.outage_begins = std::stoull(content);
    else if (name == "--outage-time")
      options.outage_time = std::chrono::milliseconds(std::stol(content));
    else if (name == "--latency-scale") options.latency_scale = std::stod(content);
    else throw std::invalid_argument("unknown option " + name);
  }
  return options;
}

} // namespace

// Usage: chat_server [--port N] [--api-key KEY] [--outage-begins REQUEST] [--outage-time MS]
//                    [--latency-scale FACTOR]
// Without a port it takes a free one, and says which.
int main(int count, char** arguments) try {
  // Before the server's threads exist, so that they inherit it and the signals wait for us.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const troupe::examples::chat_server server(options_from(count, arguments));
  std::cout << "listening on " << server.base_url() << std::endl;

  int received = 0;
  sigwait(&signals, &received);
  const auto stats = server.stats();
  std::cout << stats.requests << " requests, " << stats.answered << " answered, "
            << stats.rate_limited << " rate limited, " << stats.server_errors + stats.outage_errors
            << " server errors, " << stats.hung << " hung\n";
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "chat_server: " << error.what() << '\n';
  return EXIT_FAILURE;
}
