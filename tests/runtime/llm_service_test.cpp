#include "chat_server.hpp"
#include "llm_exchange.hpp"
#include "runtime/http_client_fixture.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using examples::chat_server;
using examples::chat_server_options;
using ::testing::HasSubstr;

chat_server_options reliable() {
  return {.rate_limited = 0, .bursts = 0, .hangs = 0, .latency_scale = 0};
}

/// The client and the example service, speaking to each other.
class LlmService : public HttpClient {
protected:
  outcome<llm_reply> chat(const chat_server& server, const std::string& question,
                          const std::string& model = "gpt-4", const std::string& key = {}) {
    llm_chat_options options;
    options.base_url = server.base_url();
    options.model = model;
    options.timeout = limit;
    options.prices = {{"gpt-4", {30, 60}}};
    auto call = llm_call(options, {{"user", question}},
                         [&](const auto&) -> std::optional<std::string> { return key; });
    if (!call) return call.why();
    const auto label = label_of(*call);
    const auto reply = ask(*std::move(call));
    if (!reply) return reply.why();
    return read_llm_reply(options, label, *reply, wall_time());
  }

  duration limit = 10s;
};

TEST_F(LlmService, AnswersWithUsage) {
  const chat_server server(reliable());

  const auto reply = chat(server, "How do I get a REFUND?");

  ASSERT_TRUE(reply.has_value()) << reply.why().message;
  EXPECT_THAT(reply->answer.response, HasSubstr("refund"));
  EXPECT_EQ(reply->answer.finish_reason, "stop");
  EXPECT_GT(reply->answer.prompt_tokens, 0);
  EXPECT_GT(reply->spent.cost_usd, 0);
  EXPECT_EQ(server.stats().answered, 1u);
}

TEST_F(LlmService, AsksForItsKey) {
  auto options = reliable();
  options.api_key = "right";
  const chat_server server(options);

  EXPECT_TRUE(chat(server, "hello", "gpt-4", "right").has_value());
  const auto refused = chat(server, "hello", "gpt-4", "wrong");

  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.why().kind, failure_kind::permanent);
  EXPECT_EQ(server.stats().unauthorized, 1u);
}

TEST_F(LlmService, AsksToSlowDown) {
  auto options = reliable();
  options.rate_limited = 1;
  const chat_server server(options);

  const auto reply = chat(server, "hello");

  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.why().kind, failure_kind::rate_limited);
  ASSERT_TRUE(reply.why().retry_after.has_value());
  EXPECT_LE(*reply.why().retry_after, 1s);
}

TEST_F(LlmService, FailsInBursts) {
  auto options = reliable();
  options.bursts = 1;
  const chat_server server(options);

  const auto reply = chat(server, "hello");

  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.why().kind, failure_kind::transient);
  EXPECT_EQ(server.stats().server_errors, 1u);
}

TEST_F(LlmService, HangsUntilTheClientGivesUpAndStillStops) {
  auto options = reliable();
  options.hangs = 1;
  limit = 500ms;
  const auto begun = std::chrono::steady_clock::now();
  {
    const chat_server server(options);

    const auto reply = chat(server, "hello");

    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.why().kind, failure_kind::timed_out);
    while (server.stats().hung == 0 && std::chrono::steady_clock::now() - begun < 20s)
      std::this_thread::yield();
    EXPECT_EQ(server.stats().hung, 1u);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s);
}

TEST_F(LlmService, LosesOneModelInAnOutage) {
  auto options = reliable();
  options.outage_begins = 2;
  options.outage_time = 1h;
  const chat_server server(options);
  EXPECT_TRUE(chat(server, "hello").has_value());

  const auto down = chat(server, "hello");

  ASSERT_FALSE(down.has_value());
  EXPECT_EQ(down.why().kind, failure_kind::transient);
  EXPECT_TRUE(chat(server, "hello", "gpt-3.5-turbo").has_value());
  EXPECT_EQ(server.stats().outage_errors, 1u);
}

TEST_F(LlmService, MisbehavesTheSameWayForOneSeed) {
  std::vector<std::vector<bool>> runs;
  for (int run = 0; run < 2; ++run) {
    auto options = reliable();
    options.seed = 7;
    options.bursts = 0.1;
    options.rate_limited = 0.2;
    const chat_server server(options);
    auto& seen = runs.emplace_back();
    for (int i = 0; i < 50; ++i) seen.push_back(chat(server, "hello").has_value());
  }

  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_THAT(runs[0], ::testing::Contains(false));
  EXPECT_THAT(runs[0], ::testing::Contains(true));
}

TEST_F(LlmService, ServesDocuments) {
  const chat_server server(reliable());

  EXPECT_THAT(ask(to(server.document_url("returns")))->body, HasSubstr("30 days"));
  EXPECT_EQ(ask(to(server.document_url("nothing")))->status, 404);
  EXPECT_EQ(server.stats().documents, 2u);
}

} // namespace
} // namespace troupe
