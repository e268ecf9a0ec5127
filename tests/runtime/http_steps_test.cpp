#include "support/test_server.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/runtime/http_steps.hpp>
#include <troupe/runtime/runtime.hpp>

#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string held_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string chat_reply() {
  return R"({"model": "gpt-4", "choices": [{"message": {"role": "assistant", "content": "hi"},
    "finish_reason": "stop"}], "usage": {"prompt_tokens": 1000, "completion_tokens": 500}})";
}

/// HTTP and model steps inside pipelines, over real connections.
class HttpSteps : public ::testing::Test {
protected:
  runtime rt{{.log = false}};
};

TEST_F(HttpSteps, GiveStatusHeadersAndDecodedBody) {
  const test_server server([](const test_server::request& asked) {
    return test_server::answer{200, R"({"path": ")" + asked.path + R"("})", "application/json"};
  });
  auto live = rt.deploy(http_request("get", http_request_options{.url = server.url("/a")}));

  const auto reply = live.run("ignored").value();

  EXPECT_EQ(reply.at("status"), value(200));
  EXPECT_EQ(reply.at("headers").at("content-type"), value("application/json"));
  EXPECT_EQ(reply.at("body").at("path"), value("/a"));
}

TEST_F(HttpSteps, MakeTheirRequestFromTheInput) {
  const test_server server([](const test_server::request& asked) {
    return test_server::answer{200, asked.path};
  });
  auto live = rt.deploy(http_request("get", [&](const std::string& name) {
    return http_request_options{.url = server.url("/" + name)};
  }));

  EXPECT_EQ(live.run("x").value().at("body"), value("/x"));
}

TEST_F(HttpSteps, AreRetriedAfterWhatMayHeal) {
  std::atomic<int> calls = 0;
  const test_server server([&](const test_server::request&) {
    return ++calls < 3 ? test_server::answer{503, "busy"} : test_server::answer{200, "fine"};
  });
  auto live = rt.deploy(http_request("get", http_request_options{.url = server.url()})
                        | retry{.max_retries = 3, .initial_delay = 1ms});

  EXPECT_EQ(live.run({}).value().at("body"), value("fine"));
  EXPECT_EQ(calls, 3);
}

TEST_F(HttpSteps, SayThatAConnectionWasRefused) {
  const auto url = "http://127.0.0.1:" + std::to_string(free_port()) + "/x";
  auto live = rt.deploy(http_request("get", http_request_options{.url = url}));

  const auto reply = live.run({});

  EXPECT_EQ(reply.why().kind, failure_kind::transient);
  EXPECT_THAT(reply.why().message, HasSubstr("refused"));
}

TEST_F(HttpSteps, EndWithTheRunTheyBelongTo) {
  holding_server server;
  auto live = rt.deploy(http_request("get", http_request_options{.url = server.url()}));
  const auto run = live.start({});
  ASSERT_TRUE(server.wait_for_requests(1));

  EXPECT_TRUE(run.cancel());

  EXPECT_EQ(run.result().status, run_status::cancelled);
  EXPECT_TRUE(server.wait_for_connections(0));
}

TEST_F(HttpSteps, HoldNoThreadEach) {
  holding_server server;
  auto live = rt.deploy(http_request("get", http_request_options{.url = server.url()}));
  const auto before = thread_count();
  std::vector<run<value>> runs;
  for (int number = 0; number < 300; ++number) runs.push_back(live.start(number));
  ASSERT_TRUE(server.wait_for_requests(300));

  EXPECT_LE(thread_count(), before + 4);

  server.release(held_answer);
  for (const auto& each : runs) EXPECT_EQ(each.wait().value().at("body"), value("ok"));
}

TEST_F(HttpSteps, RefuseBadOptionsWhenDeployed) {
  const auto bad = http_request("get", http_request_options{.url = "ftp://x", .timeout = -1s});

  EXPECT_THROW(static_cast<void>(rt.deploy(bad)), plan_error);
}

TEST_F(HttpSteps, KeepSecretsOutOfPlans) {
  const auto with_key =
      http_request("get", http_request_options{.url = "http://127.0.0.1/x",
                                               .headers = {{"Authorization", "Bearer s3cr3t"}}});

  EXPECT_THAT(write_json(with_key.tree().describe()), Not(HasSubstr("s3cr3t")));
  EXPECT_THAT(to_string(with_key), Not(HasSubstr("s3cr3t")));
}

TEST_F(HttpSteps, CountTokensAndCostOfAModel) {
  const test_server server([](const test_server::request&) {
    return test_server::answer{200, chat_reply(), "application/json"};
  });
  auto live =
      rt.deploy(llm_chat("ask", {.base_url = server.url("/v1"),
                                 .model = "gpt-4",
                                 .prices = {{"gpt-4", {.input_usd = 30, .output_usd = 60}}}}));

  const auto run = live.start("hello");

  EXPECT_EQ(run.wait().value().response, "hi");
  EXPECT_EQ(run.result().total_tokens, 1500);
  EXPECT_DOUBLE_EQ(run.result().total_cost_usd, 0.06);
  const auto sent = parse_json(server.received().at(0).body).value();
  EXPECT_EQ(sent.at("model"), value("gpt-4"));
  EXPECT_EQ(sent.at("messages").at(std::size_t{0}).at("content"), value("hello"));
}

TEST_F(HttpSteps, CallAnAnswerWithoutJsonMalformed) {
  const test_server server([](const test_server::request&) {
    return test_server::answer{200, "<html>", "application/json"};
  });
  auto live = rt.deploy(llm_chat("ask", {.base_url = server.url("/v1"), .model = "gpt-4"}));

  const auto answer = live.run("hello");

  EXPECT_EQ(answer.why().kind, failure_kind::malformed);
}

TEST_F(HttpSteps, AreHedgedOnlyWhenMarkedIdempotent) {
  const auto careful = llm_chat("ask", {.base_url = "http://127.0.0.1/v1", .model = "m"});
  const auto harmless =
      llm_chat("ask", {.base_url = "http://127.0.0.1/v1", .model = "m", .idempotent = true});

  EXPECT_THROW(static_cast<void>(rt.deploy(careful | hedge{.delay = 1s})), plan_error);
  EXPECT_NO_THROW(static_cast<void>(rt.deploy(harmless | hedge{.delay = 1s})));
}

} // namespace
} // namespace troupe::testing
