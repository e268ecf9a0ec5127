// Fetches a document, has it summarized three ways at the same time, and selects the best summary.
// Shows: http_request, llm_chat, parallel, typed results of a block, cost of a run.
// Prints the best summary, and what the three together cost.
#include "chat_server.hpp"

#include <troupe/troupe.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;
using namespace troupe;

namespace {

using three_answers = std::tuple<chat_answer, chat_answer, chat_answer>;

// One way to ask for a summary, as a step of its own that survives a hiccup of the service.
auto summary(const std::string& style, const std::string& base_url) {
  llm_chat_options options{.base_url = base_url, .model = "gpt-3.5-turbo"};
  options.messages = {{"system", "Summarize the text " + style + "."}};
  options.prices = {{"gpt-3.5-turbo", {.input_usd = 0.5, .output_usd = 1.5}}};
  return llm_chat(style, options) | timeout{.after = 5s}
         | retry{.max_retries = 5, .initial_delay = 50ms, .max_delay = 1s};
}

chat_answer best_of(const three_answers& answers) {
  const auto& [first, second, third] = answers;
  return std::max({first, second, third}, [](const chat_answer& left, const chat_answer& right) {
    return left.response.size() < right.response.size();
  });
}

} // namespace

int main() {
  examples::chat_server server{{.hangs = 0}};
  const auto url = server.document_url("returns");

  auto fetch =
      http_request("fetch", [url](const std::string&) { return http_request_options{.url = url}; })
      | timeout{.after = 5s} | retry{.max_retries = 3, .initial_delay = 50ms};
  auto text = inline_step("text", [](const value& reply) {
    const auto body = reply.at("body");
    return body.is_text() ? *body.if_text() : to_string(body);
  });
  auto summaries = parallel(summary("in one sentence", server.base_url()),
                            summary("for a beginner", server.base_url()),
                            summary("as a list", server.base_url()));
  auto select = step("select", best_of);

  runtime rt;
  auto live = rt.deploy(fetch >> text >> summaries >> select);
  const auto run = live.start("release notes");
  if (auto best = run.wait()) {
    std::cout << "best summary: " << best->response << '\n'
              << "cost of all three: $" << run.result().total_cost_usd << '\n';
  } else {
    std::cout << "failed: " << best.why().message << '\n';
    return 1;
  }
}
