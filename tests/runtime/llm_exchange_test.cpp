#include "llm_exchange.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/runtime/convert.hpp>
#include <troupe/runtime/llm_chat.hpp>

#include <gmock/gmock.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

llm_chat_options valid() {
  llm_chat_options options;
  options.base_url = "https://host/v1";
  options.model = "gpt-4";
  options.prices = {{"gpt-4", {.input_usd = 30, .output_usd = 60}}};
  return options;
}

environment variables(std::map<std::string, std::string> known = {}) {
  return [known = std::move(known)](const std::string& name) -> std::optional<std::string> {
    const auto found = known.find(name);
    if (found == known.end()) return {};
    return found->second;
  };
}

value answer_body(const std::string& model = "gpt-4") {
  return *parse_json(R"({"id": "x", "model": ")" + model + R"(", "choices": [{"index": 0,
    "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}})");
}

outcome<llm_reply> read(const std::string& body, int status = 200) {
  return read_llm_reply(valid(), {"POST https://host/v1/chat/completions", {"hidden"}},
                        {status, {{"retry-after", "2"}}, body}, wall_time());
}

std::vector<plan_issue> issues_of(const llm_chat_options& options) {
  std::vector<plan_issue> issues;
  option_check report("step", "llm.chat", issues);
  troupe_check(options, report);
  return issues;
}

TEST(LlmExchange, SendsModelMessagesAndOptions) {
  auto options = valid();
  options.messages = {{"system", "Be brief."}};
  options.options = value::map({{"temperature", 0.5}, {"max_tokens", 100}});

  const auto call = llm_call(options, {{"user", "Hi"}}, variables());

  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->method, "POST");
  EXPECT_EQ(call->url, "https://host/v1/chat/completions");
  EXPECT_THAT(call->headers, Contains(Pair("Content-Type", "application/json")));
  EXPECT_EQ(*parse_json(call->body), *parse_json(R"({"model": "gpt-4", "temperature": 0.5,
    "max_tokens": 100, "messages": [{"role": "system", "content": "Be brief."},
                                    {"role": "user", "content": "Hi"}]})"));
}

TEST(LlmExchange, TakesTheAddressFromTheEnvironment) {
  auto options = valid();
  options.base_url = "";

  EXPECT_EQ(llm_call(options, {}, variables({{"OPENAI_BASE_URL", "http://other/v1/"}}))->url,
            "http://other/v1/chat/completions");
  EXPECT_EQ(llm_call(options, {}, variables())->url, "https://api.openai.com/v1/chat/completions");
}

TEST(LlmExchange, TakesTheKeyFromTheEnvironment) {
  auto options = valid();
  options.api_key_env = "MY_KEY";

  EXPECT_THAT(llm_call(options, {}, variables({{"MY_KEY", "abc\n"}}))->headers,
              Contains(Pair("Authorization", "Bearer abc")));
}

TEST(LlmExchange, SendsNoAuthorizationWithoutAKey) {
  EXPECT_THAT(llm_call(valid(), {}, variables())->headers, Not(Contains(Key("Authorization"))));
  EXPECT_THAT(llm_call(valid(), {}, variables({{"OPENAI_API_KEY", ""}}))->headers,
              Not(Contains(Key("Authorization"))));
}

TEST(LlmExchange, RefusesOptionsThatReplaceWhatItSets) {
  for (const auto* field : {"model", "messages", "stream"}) {
    auto options = valid();
    options.options = value::map({{field, true}});
    const auto call = llm_call(options, {}, variables());
    ASSERT_FALSE(call.has_value());
    EXPECT_EQ(call.why().kind, failure_kind::permanent);
    EXPECT_THAT(issues_of(options), SizeIs(1));
  }
}

TEST(LlmExchange, ReadsTheAnswerAndWhatItCost) {
  const auto reply = read(write_json(answer_body()));

  ASSERT_TRUE(reply.has_value()) << reply.why().message;
  EXPECT_EQ(reply->answer, (chat_answer{"Hello!", "gpt-4", "stop", 1'000, 500}));
  EXPECT_EQ(reply->spent.tokens, 1'500);
  EXPECT_DOUBLE_EQ(reply->spent.cost_usd, 0.06);
  EXPECT_TRUE(reply->price_known);
}

TEST(LlmExchange, FallsBackOnThePriceOfTheModelAskedFor) {
  const auto reply = read(write_json(answer_body("gpt-4-0613")));

  EXPECT_EQ(reply->answer.model, "gpt-4-0613");
  EXPECT_DOUBLE_EQ(reply->spent.cost_usd, 0.06);
}

TEST(LlmExchange, TellsWhenItKnowsNoPrice) {
  auto options = valid();
  options.prices.clear();

  const auto reply = read_llm_reply(options, {}, {200, {}, write_json(answer_body())}, wall_time());

  EXPECT_FALSE(reply->price_known);
  EXPECT_EQ(reply->spent, (usage{0, 1'500}));
}

TEST(LlmExchange, ToleratesMissingAndAbsurdUsage) {
  const auto none = read(write_json(answer_body().with("usage", nullptr)));
  EXPECT_EQ(none->spent, usage());

  const auto absurd = read(write_json(answer_body().with(
      "usage", value::map({{"prompt_tokens", -5},
                           {"completion_tokens", std::numeric_limits<std::int64_t>::max()}}))));
  EXPECT_EQ(absurd->answer.prompt_tokens, 0);
  EXPECT_GT(absurd->spent.tokens, 0);
}

TEST(LlmExchange, CallsAnUnreadableAnswerMalformed) {
  for (const auto* body : {"", "no json", "[]", "{}", R"({"choices": []})", R"({"choices": {}})",
                           R"({"choices": [{"message": {"content": null}}]})",
                           R"({"error": {"message": "overloaded"}})"}) {
    const auto reply = read(body);
    ASSERT_FALSE(reply.has_value()) << body;
    EXPECT_EQ(reply.why().kind, failure_kind::malformed) << body;
  }
}

TEST(LlmExchange, MapsStatusesAsAnyHttpRequest) {
  const auto limited = read("slow down, hidden", 429);
  ASSERT_FALSE(limited.has_value());
  EXPECT_EQ(limited.why().kind, failure_kind::rate_limited);
  EXPECT_EQ(limited.why().retry_after, duration(2s));
  EXPECT_THAT(limited.why().message,
              AllOf(HasSubstr("429 Too Many Requests: slow down"), Not(HasSubstr("hidden"))));

  EXPECT_EQ(read("", 500).why().kind, failure_kind::transient);
  EXPECT_EQ(read("", 401).why().kind, failure_kind::permanent);
}

TEST(LlmExchange, HasOneFormOfOutput) {
  const chat_answer answer{"Hello!", "gpt-4", "stop", 10, 5};

  const auto output = llm_output(answer);

  EXPECT_EQ(output.at("usage").at("total_tokens"), value(15));
  EXPECT_EQ(to_value(answer).plain(), output);
  const auto back = from_value<chat_answer>(output);
  ASSERT_TRUE(back.has_value()) << back.why().message;
  EXPECT_EQ(*back, answer);
}

TEST(LlmChatOptions, AreFineWithAModel) {
  EXPECT_THAT(issues_of(valid()), IsEmpty());
}

TEST(LlmChatOptions, ReportWhatMakesNoSense) {
  auto options = valid();
  options.model = "";
  options.base_url = "host";
  options.messages = {{"", "text"}};
  options.options = "text";
  options.prices = {{"a", {-1, std::numeric_limits<double>::quiet_NaN()}}};
  options.timeout = 0s;

  EXPECT_THAT(issues_of(options), SizeIs(7));
}

TEST(LlmChatOptions, DescribeTheNameOfTheKeyAndNoPassword) {
  auto options = valid();
  options.base_url = "https://user:hidden@host/v1";

  const auto text = to_string(troupe_describe(options));

  EXPECT_THAT(text, AllOf(HasSubstr("OPENAI_API_KEY"), Not(HasSubstr("hidden"))));
}

} // namespace
} // namespace troupe
