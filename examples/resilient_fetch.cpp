// Fetches a document from a server that is down, and falls back to a mirror.
// Shows: http_request, retry, timeout, breaker, fallback, and how a failure looks.
// Prints what each server had to say.
#include <troupe/troupe.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using namespace troupe;

int main() {
  // Nobody listens on port 1: the connection is refused, which is worth a retry.
  auto origin = http_request("origin", http_request_options{.url = "http://127.0.0.1:1/report"})
                | timeout{.after = 2s} | breaker{.failure_threshold = 5, .wait = 10s}
                | retry{.max_retries = 2, .initial_delay = 50ms};
  auto mirror = inline_step("mirror", [](const value&) { return value("the report"); });

  runtime rt{{.log = false}};
  auto live = rt.deploy(origin | fallback(mirror));

  const auto run = live.start("today");
  const auto& result = run.result();
  const auto& entry = result.step_history.at(0);
  std::cout << "origin: " << entry.metadata().primary_attempt_result->feedback() << '\n'
            << "attempts: " << entry.attempts << '\n'
            << to_string(result.output) << ", answered by the mirror\n";
}
