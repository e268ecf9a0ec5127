// Answers a file of queries through the complete reliability stack, over real HTTP.
// Shows: cache > overall timeout > fallback of [retry > timeout > breaker > primary model;
// retry > timeout > cheaper model; canned answer], shared by many runs at a time.
// Starts a chat server of its own that misbehaves like a real one. With OPENAI_BASE_URL and
// OPENAI_API_KEY set it talks to that service instead. Usage: reliability_stack [FILE [COUNT]]
#include "chat_server.hpp"
#include "query_report.hpp"

#include <troupe/troupe.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace troupe;

namespace {

const std::map<std::string, token_price> prices{
    {"gpt-4", {.input_usd = 30, .output_usd = 60}},
    {"gpt-3.5-turbo", {.input_usd = 0.5, .output_usd = 1.5}}};

auto model(const std::string& name, const std::string& base_url) {
  return llm_chat(name, {.base_url = base_url, .model = name, .prices = prices});
}

// Shorter limits than for a real service (30 s and 10 s would be usual), so that the show goes on.
auto reliable_answer(const std::string& base_url) {
  auto primary =
      model("gpt-4", base_url)
      | breaker{.name = "gpt-4", .failure_threshold = 5, .success_threshold = 2, .wait = 2s}
      | timeout{.after = 2s}
      | retry{
          .max_retries = 3, .initial_delay = 100ms, .max_delay = 1s, .jitter = jitter_mode::equal};
  auto cheaper = model("gpt-3.5-turbo", base_url) | timeout{.after = 1s}
                 | retry{.max_retries = 2, .initial_delay = 100ms, .max_delay = 1s};
  auto canned = inline_step("canned", [](const std::string&) {
    chat_answer sorry;
    sorry.response = "Please try again in a few minutes.";
    sorry.model = "canned";
    return sorry;
  });
  return primary | fallback(cheaper, canned) | timeout{.after = 12s}
         | cache{
             .name = "answers", .ttl = 1h, .max_size = 10'000, .key = key_by(examples::normalized)};
}

} // namespace

int main(int argc, char** argv) {
  const auto queries =
      examples::read_queries(argc > 1 ? argv[1] : TROUPE_EXAMPLE_DATA "/queries.jsonl",
                             argc > 2 ? std::strtoul(argv[2], nullptr, 10) : SIZE_MAX);
  const auto* real_service = std::getenv("OPENAI_BASE_URL");
  std::optional<examples::chat_server> server;
  if (!real_service)
    server.emplace(examples::chat_server_options{.outage_begins = 60, .outage_time = 4s});
  const std::string base_url = real_service ? real_service : server->base_url();

  examples::query_report report(queries.size(), prices);
  runtime rt{{.observers = {report.breaker_watcher()}, .log = false}};
  auto live = rt.deploy(reliable_answer(base_url));
  std::cout << to_string(reliable_answer(base_url)) << "\n\n";

  std::counting_semaphore<> slots(16); // queries under way at a time
  std::vector<run<chat_answer>> runs;
  for (const auto& query : queries) {
    std::this_thread::sleep_for(25ms); // customers do not all come at once
    slots.acquire();
    runs.push_back(live.start(query, {.on_done = [&](const run_result& result) {
                                report.add(result);
                                slots.release();
                              }}));
  }
  for (const auto& each : runs) each.result();
  report.print(live.metrics());
  return report.all_answered() ? 0 : 1;
}
