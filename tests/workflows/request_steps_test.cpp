#include "step_fixture.hpp"
#include "support/test_server.hpp"

#include <troupe/runtime/protect.hpp>

#include <cstdlib>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// Requests as steps, over real connections. The clock is virtual and stands meanwhile.
class RequestSteps : public StepFixture {
protected:
  static test_server::answer echo(const test_server::request& asked) {
    const auto seen = value::map({{"method", asked.method},
                                  {"path", asked.path},
                                  {"query", asked.query},
                                  {"body", asked.body},
                                  {"type", asked.header("Content-Type")},
                                  {"x", asked.header("X-Test")}});
    return {200, write_json(seen), "application/json"};
  }
  /// `with` with `URL` replaced by the server's address.
  [[nodiscard]] std::string at(std::string with, const std::string& path = "/") const {
    const auto place = with.find("URL");
    return place == std::string::npos ? with : with.replace(place, 3, server.url(path));
  }
  run_result request(const std::string& with, value input = {}) {
    return run("http.request", at(with), std::move(input));
  }

  std::function<test_server::answer(const test_server::request&)> reply = echo;
  test_server server{[this](const test_server::request& asked) { return reply(asked); }};
};

using HttpRequestStep = RequestSteps;

TEST_F(HttpRequestStep, GivesStatusHeadersAndDecodedBody) {
  const auto result = request(R"({"url": "URL"})");

  ASSERT_TRUE(result.success()) << result.feedback();
  EXPECT_EQ(result.output.at("status"), value(200));
  EXPECT_EQ(result.output.at("headers").at("content-type"), value("application/json"));
  EXPECT_EQ(result.output.at("body").at("method"), value("GET"));
  EXPECT_EQ(elapsed(), 0s);
}

TEST_F(HttpRequestStep, SendsEverythingItIsTold) {
  const auto result = request(R"({"method": "PUT", "url": "URL", "json": {"a": "${{ input }}"},
      "headers": {"X-Test": 5}, "query": {"q": "a b", "n": 1.5, "t": true}})",
                              7);

  ASSERT_TRUE(result.success()) << result.feedback();
  const auto seen = result.output.at("body");
  EXPECT_EQ(seen.at("method"), value("PUT"));
  EXPECT_EQ(seen.at("query"), value("n=1.5&q=a%20b&t=true"));
  EXPECT_EQ(seen.at("body"), value(R"({"a":7})"));
  EXPECT_EQ(seen.at("type"), value("application/json"));
  EXPECT_EQ(seen.at("x"), value("5"));
}

TEST_F(HttpRequestStep, SendsABodyAsItIs) {
  const auto text = request(R"({"method": "POST", "url": "URL", "body": "${{ input }}"})", "plain");
  const auto bytes = request(R"({"method": "POST", "url": "URL", "body": "${{ input }}"})",
                             value::binary({'a', 'b'}));

  EXPECT_EQ(text.output.at("body").at("body"), value("plain"));
  EXPECT_EQ(bytes.output.at("body").at("body"), value("ab"));
}

TEST_F(HttpRequestStep, TakesItsUrlFromTheInput) {
  const auto result = request(R"({"url": "${{ input }}"})", server.url("/there"));

  EXPECT_EQ(result.output.at("body").at("path"), value("/there"));
}

TEST_F(HttpRequestStep, FailsByTheStatus) {
  reply = [](const test_server::request& asked) {
    return test_server::answer{
        std::stoi(asked.path.substr(1)), "no", "text/plain", {{"Retry-After", "7"}}};
  };
  const auto kind = [&](const std::string& status) {
    return run("http.request", at(R"({"url": "URL"})", "/" + status)).why->kind;
  };

  EXPECT_EQ(kind("503"), failure_kind::transient);
  EXPECT_EQ(kind("408"), failure_kind::transient);
  EXPECT_EQ(kind("404"), failure_kind::permanent);
  EXPECT_EQ(kind("429"), failure_kind::rate_limited);
  EXPECT_EQ(run("http.request", at(R"({"url": "URL"})", "/429")).why->retry_after, 7s);
}

TEST_F(HttpRequestStep, ExpectsTheStatusItIsTold) {
  reply = [](const test_server::request&) { return test_server::answer{404, "gone"}; };

  EXPECT_TRUE(request(R"({"url": "URL", "expect_status": 404})").success());
  EXPECT_TRUE(request(R"({"url": "URL", "expect_status": [200, "${{ input }}"]})", 404).success());
  EXPECT_FALSE(request(R"({"url": "URL", "expect_status": [200]})").success());
}

TEST_F(HttpRequestStep, KeepsToItsLimits) {
  reply = [](const test_server::request&) {
    return test_server::answer{200, std::string(5'000, 'x')};
  };

  const auto result = request(R"({"url": "URL", "max_body": 1000})");

  EXPECT_EQ(result.why->kind, failure_kind::permanent);
  EXPECT_THAT(result.feedback(), HasSubstr("1000 bytes"));
}

TEST_F(HttpRequestStep, TimesOutByItself) {
  const holding_server silent;

  const auto result =
      run("http.request", R"({"timeout": "50ms", "url": ")" + silent.url() + R"("})");

  EXPECT_EQ(result.why->kind, failure_kind::timed_out);
}

TEST_F(HttpRequestStep, EndsWithItsRun) {
  runtime real({.log = false});
  holding_server silent;
  const auto live = real.deploy(make("http.request", R"({"url": ")" + silent.url() + R"("})"));
  const auto started = live.start_value({});
  ASSERT_TRUE(silent.wait_for_requests(1));

  EXPECT_TRUE(started.cancel());

  EXPECT_EQ(started.result().status, run_status::cancelled);
  EXPECT_TRUE(silent.wait_for_connections(0));
}

TEST_F(HttpRequestStep, IsHarmlessWhereItsMethodOrTheFileSaysSo) {
  const auto harmless = [&](const char* with) {
    return definition("http.request", with).idempotent;
  };

  EXPECT_TRUE(harmless(R"({"url": "http://a"})"));
  EXPECT_TRUE(harmless(R"({"url": "${{ input }}"})"));
  EXPECT_TRUE(harmless(R"({"url": "${{ input }}", "method": "HEAD"})"));
  EXPECT_TRUE(harmless(R"({"url": "http://a", "method": "POST", "idempotent": true})"));
  EXPECT_FALSE(harmless(R"({"url": "http://a", "method": "POST"})"));
  EXPECT_FALSE(harmless(R"({"url": "http://a", "method": "${{ input }}"})"));
}

TEST_F(HttpRequestStep, RefusesBadMembers) {
  const auto faults = [&](const std::string& member) {
    return complaints("http.request", R"({"url": "http://a", )" + member + "}");
  };

  EXPECT_THAT(complaints("http.request", R"({"url": "ftp://a"})"),
              ElementsAre("url: must begin with http:// or https://"));
  EXPECT_THAT(complaints("http.request", R"({"url": "http://a b"})"),
              ElementsAre(StartsWith("url: must not have spaces")));
  EXPECT_THAT(faults(R"("method": "G T")"), ElementsAre(StartsWith("method: must be")));
  EXPECT_THAT(faults(R"("headers": {"A": [1]})"), ElementsAre(StartsWith("headers.A: must be")));
  EXPECT_THAT(faults(R"("headers": {"A": "b\nC: d"})"),
              ElementsAre(AllOf(StartsWith("headers.A: "), HasSubstr("control characters"))));
  EXPECT_THAT(
      faults(R"("headers": {"Content-Length": 5})"),
      ElementsAre(AllOf(StartsWith("headers.Content-Length: "), HasSubstr("client itself"))));
  EXPECT_THAT(faults(R"("headers": {"A B": "c"})"), ElementsAre(StartsWith("headers.A B: ")));
  EXPECT_THAT(faults(R"("query": {"a": null})"), ElementsAre(StartsWith("query.a: must be")));
  EXPECT_THAT(faults(R"("json": 1, "body": "x")"), ElementsAre(StartsWith("body: is given")));
  EXPECT_THAT(faults(R"("body": {"a": 1})"), ElementsAre(StartsWith("body: must be text")));
  EXPECT_THAT(faults(R"("expect_status": 99)"), ElementsAre(StartsWith("expect_status: must be")));
  EXPECT_THAT(faults(R"("expect_status": [200, "x"])"),
              ElementsAre(StartsWith("expect_status.1: must be an integer")));
  EXPECT_THAT(faults(R"("expect_status": "ok")"), ElementsAre(StartsWith("expect_status: must")));
  EXPECT_THAT(faults(R"("follow_redirects": 21)"),
              ElementsAre("follow_redirects: must be at most 20"));
  EXPECT_THAT(faults(R"("max_body": 0)"), ElementsAre("max_body: must be at least 1"));
  EXPECT_THAT(faults(R"("timeout": "0s")"), ElementsAre("timeout: must be greater than 0"));
}

TEST_F(HttpRequestStep, ChecksWhatDependsOnTheCallWhenItIsCalled) {
  EXPECT_THAT(complaints("http.request", R"({"url": "${{ input }}", "method": "${{ input }}",
                  "headers": {"A": "${{ input }}"}, "expect_status": ["${{ input }}"]})"),
              IsEmpty());
  const auto url = request(R"({"url": "${{ input }}"})", "ftp://a");
  const auto missing = request(R"({"url": "${{ input }}"})", value());
  const auto header = request(R"({"url": "URL", "headers": {"A": "${{ input }}"}})", value::list());

  EXPECT_EQ(url.why->kind, failure_kind::permanent);
  EXPECT_THAT(url.feedback(), StartsWith("`url` must begin with http://"));
  EXPECT_EQ(missing.feedback(), "`url` is missing");
  EXPECT_THAT(header.feedback(), StartsWith("`headers.A` must be text"));
  EXPECT_THAT(server.received(), IsEmpty());
}

class LlmChatStep : public RequestSteps {
protected:
  static constexpr auto answer = R"({"model": "gpt-4",
      "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
      "usage": {"prompt_tokens": 1000, "completion_tokens": 500}})";

  LlmChatStep() {
    surroundings.prices = {{"gpt-4", {.input_usd = 30, .output_usd = 60}}};
    reply = [](const test_server::request&) {
      return test_server::answer{200, answer, "application/json"};
    };
  }
  [[nodiscard]] std::string with(const std::string& more = "") const {
    return R"({"base_url": ")" + server.url("/v1") + R"(", "model": "gpt-4", "messages": [
        {"role": "system", "content": "be brief"}, {"role": "user", "content": "${{ input }}"}])"
           + more + "}";
  }
};

TEST_F(LlmChatStep, AsksTheModelAndCountsWhatItCosts) {
  const auto result = run("llm.chat", with(R"(, "options": {"temperature": 0.5})"), "hello");

  ASSERT_TRUE(result.success()) << result.feedback();
  EXPECT_EQ(write_json(result.output),
            R"({"finish_reason":"stop","model":"gpt-4","response":"hi","usage":)"
            R"({"completion_tokens":500,"prompt_tokens":1000,"total_tokens":1500}})");
  EXPECT_TRUE(result.output.is_map());
  EXPECT_EQ(result.total_tokens, 1500);
  EXPECT_DOUBLE_EQ(result.total_cost_usd, 0.06);
  ASSERT_THAT(server.received(), SizeIs(1));
  EXPECT_EQ(server.received()[0].path, "/v1/chat/completions");
  EXPECT_EQ(parse_json(server.received()[0].body).value(), parse_json(R"({"model": "gpt-4",
      "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
      "temperature": 0.5})")
                                                               .value());
}

TEST_F(LlmChatStep, TakesAllOfItsMessagesFromTheInput) {
  const auto all = R"({"base_url": ")" + server.url("/v1")
                   + R"(", "model": "gpt-4", "messages": "${{ input }}"})";

  EXPECT_TRUE(
      run("llm.chat", all, parse_json(R"([{"role": "user", "content": "a"}])").value()).success());
  EXPECT_THAT(run("llm.chat", all, 5).feedback(), StartsWith("`messages` must be a list"));
  EXPECT_THAT(
      run("llm.chat", all, parse_json(R"([{"role": "user", "content": 5}])").value()).feedback(),
      StartsWith("`messages.0.content` must be text"));
}

TEST_F(LlmChatStep, SendsTheKeyOfItsVariable) {
  ASSERT_EQ(setenv("TROUPE_TEST_KEY", "s3cr3t", 1), 0);

  EXPECT_TRUE(run("llm.chat", with(R"(, "api_key_env": "TROUPE_TEST_KEY")"), "a").success());
  EXPECT_TRUE(run("llm.chat", with(R"(, "api_key_env": "TROUPE_TEST_UNSET")"), "a").success());

  EXPECT_EQ(server.received().at(0).header("Authorization"), "Bearer s3cr3t");
  EXPECT_FALSE(server.received().at(1).has_header("Authorization"));
}

TEST_F(LlmChatStep, CallsAnAnswerWithoutTextMalformed) {
  reply = [](const test_server::request&) {
    return test_server::answer{200, "{}", "application/json"};
  };

  EXPECT_EQ(run("llm.chat", with(), "a").why->kind, failure_kind::malformed);
}

TEST_F(LlmChatStep, FailsByTheStatus) {
  reply = [](const test_server::request&) { return test_server::answer{500, "busy"}; };

  EXPECT_EQ(run("llm.chat", with(), "a").why->kind, failure_kind::transient);
}

TEST_F(LlmChatStep, RefusesBadMembers) {
  const auto faults = [&](const std::string& messages, const std::string& more = "") {
    return complaints("llm.chat", R"({"model": "m", "messages": )" + messages + more + "}");
  };
  const std::string fine = R"([{"role": "user", "content": "a"}])";

  EXPECT_THAT(faults(fine), IsEmpty());
  EXPECT_THAT(faults("[]"), ElementsAre("messages: must have at least one message"));
  EXPECT_THAT(faults("[5]"), ElementsAre(StartsWith("messages.0: must be a map")));
  EXPECT_THAT(faults(R"([{"role": "user"}])"), ElementsAre("messages.0.content: is missing"));
  EXPECT_THAT(faults(R"([{"role": "", "content": ""}])"),
              ElementsAre("messages.0.role: must not be empty"));
  EXPECT_THAT(faults(R"([{"role": "user", "contents": "a", "content": "b"}])"),
              ElementsAre(AllOf(StartsWith("messages.0.contents: is unknown"),
                                HasSubstr("did you mean content"))));
  EXPECT_THAT(faults(fine, R"(, "options": {"model": "x", "stream": true})"),
              ElementsAre(StartsWith("options.model: "), StartsWith("options.stream: ")));
  EXPECT_THAT(faults(fine, R"(, "base_url": "ftp://a")"), ElementsAre(StartsWith("base_url: ")));
  EXPECT_THAT(faults(fine, R"(, "timeout": "-1s")"), ElementsAre("timeout: must not be negative"));
  EXPECT_THAT(complaints("llm.chat", R"({"model": "", "messages": )" + fine + "}"),
              ElementsAre("model: must not be empty"));
}

TEST_F(LlmChatStep, MayBeHedgedWhereItSaysSo) {
  const auto careful = make("llm.chat", with());
  const auto harmless = make("llm.chat", with(R"(, "idempotent": true)"));

  EXPECT_THROW(static_cast<void>(rt.deploy(careful | hedge{.delay = 1s})), plan_error);
  EXPECT_NO_THROW(static_cast<void>(rt.deploy(harmless | hedge{.delay = 1s})));
}

} // namespace
} // namespace troupe::testing
