#pragma once

#include "support/test_server.hpp"

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::testing {

/// What the documents call by HTTP: a shop with one lamp, that is busy at first, and a chat model.
class chat_and_shop {
public:
  /// Where they are, as `SHOP_URL` and `OPENAI_BASE_URL`.
  [[nodiscard]] std::map<std::string, std::optional<std::string>> environment() const {
    return {{"SHOP_URL", server_.url("")}, {"OPENAI_BASE_URL", server_.url("/v1")}};
  }
  [[nodiscard]] std::vector<test_server::request> received() const { return server_.received(); }

private:
  static test_server::answer reply(const test_server::request& asked, int number) {
    const std::string json = "application/json";
    if (asked.path == "/v1/chat/completions") {
      return {.body = R"({"model":"gpt-4","choices":[{"message":{"role":"assistant",)"
                      R"("content":"We open at nine."},"finish_reason":"stop"}],)"
                      R"("usage":{"prompt_tokens":12,"completion_tokens":5}})",
              .type = json};
    }
    if (!asked.path.starts_with("/products/")) return {.status = 404, .body = "no such page"};
    if (number == 0) return {.status = 503, .body = "busy"};
    return {.body = R"({"name":"lamp","price":40})", .type = json};
  }

  std::atomic<int> number_{0};
  test_server server_{
      [this](const test_server::request& asked) { return reply(asked, number_++); }};
};

} // namespace troupe::testing
