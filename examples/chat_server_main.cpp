#include "chat_server.hpp"

#include <signal.h>

#include <cstdlib>
#include <exception>
#include <iostream>

// Usage: chat_server [port [api-key]]
int main(int count, char** arguments) try {
  // Before the server's threads exist, so that they inherit it and the signals wait for us.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  troupe::examples::chat_server_options options;
  options.port = count > 1 ? std::stoi(arguments[1]) : 8'080;
  if (count > 2) options.api_key = arguments[2];
  const troupe::examples::chat_server server(options);
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
