#include "http_exchange.hpp"

#include <troupe/runtime/http_request.hpp>

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const wall_time now = std::chrono::sys_days{std::chrono::year(2026) / 6 / 1} + 12h;

outcome<value> read(const http_reply& reply, const http_request_options& options = {}) {
  return read_http_reply(options, {"GET http://host/path", {"hidden"}}, reply, now);
}

failure read_failure(const http_reply& reply, const http_request_options& options = {}) {
  const auto result = read(reply, options);
  return result ? failure{failure_kind::unclassified, "succeeded"} : result.why();
}

http_reply json_reply(std::string body, std::string type = "application/json") {
  return {200, {{"content-type", std::move(type)}}, std::move(body)};
}

std::vector<plan_issue> issues_of(const http_request_options& options) {
  std::vector<plan_issue> issues;
  option_check report("step", "http.request", issues);
  troupe_check(options, report);
  return issues;
}

http_request_options valid() {
  http_request_options options;
  options.url = "https://host/path";
  return options;
}

TEST(HttpExchange, SendsJsonWithItsType) {
  auto options = valid();
  options.method = "POST";
  options.json = value::map({{"a", 1}});

  const auto call = http_call_from(options);

  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->body, R"({"a":1})");
  EXPECT_THAT(call->headers,
              ElementsAre(std::pair<std::string, std::string>{"Content-Type", "application/json"}));
}

TEST(HttpExchange, KeepsAContentTypeThatIsGiven) {
  auto options = valid();
  options.json = value::list();
  options.headers = {{"content-type", "application/vnd.api+json"}};

  EXPECT_THAT(http_call_from(options)->headers, SizeIs(1));
}

TEST(HttpExchange, AppendsTheQueryEscaped) {
  auto options = valid();
  options.query = {{"q", "a b&c=d/ä"}, {"page", "2"}};
  EXPECT_EQ(http_call_from(options)->url, "https://host/path?q=a%20b%26c%3Dd%2F%C3%A4&page=2");

  options.url = "https://host/path?x=1#part";
  EXPECT_EQ(http_call_from(options)->url, "https://host/path?x=1&q=a%20b%26c%3Dd%2F%C3%A4&page=2");
}

TEST(HttpExchange, RefusesTwoBodies) {
  auto options = valid();
  options.json = 1;
  options.body = "1";

  EXPECT_EQ(http_call_from(options).why().kind, failure_kind::permanent);
  EXPECT_THAT(issues_of(options), SizeIs(1));
}

TEST(HttpExchange, DecodesJsonBodies) {
  for (const auto* type : {"application/json", "Application/JSON; charset=utf-8",
                           "application/problem+json", "text/json"}) {
    const auto output = read(json_reply(R"({"a":[1,2]})", type));
    ASSERT_TRUE(output.has_value()) << type;
    EXPECT_EQ(output->at("body").at("a").at(1), value(2)) << type;
    EXPECT_EQ(output->at("status"), value(200));
  }
}

TEST(HttpExchange, CallsAnUnreadableJsonBodyMalformedAndSaysWhere) {
  const auto why = read_failure(json_reply(R"({"a": tru})"));

  EXPECT_EQ(why.kind, failure_kind::malformed);
  EXPECT_THAT(why.message, AllOf(HasSubstr("GET http://host/path: the body is no JSON"),
                                 ::testing::ContainsRegex("[0-9]")));
}

TEST(HttpExchange, TakesNoBodyForNullOnlyWhereNoneIsDue) {
  auto reply = json_reply("");
  EXPECT_EQ(read_failure(reply).kind, failure_kind::malformed);

  reply.status = 204;
  EXPECT_TRUE(read(reply)->at("body").is_null());

  reply.status = 200;
  auto options = valid();
  options.method = "HEAD";
  EXPECT_TRUE(read(reply, options)->at("body").is_null());
}

TEST(HttpExchange, TakesOtherBodiesForTextOrElseBinary) {
  EXPECT_EQ(read({200, {}, "gr\xC3\xBC\xC3\x9F"})->at("body"), value("gr\xC3\xBC\xC3\x9F"));
  EXPECT_EQ(read({200, {}, "\xC3("})->at("body"), value::binary({0xC3, '('}));
  EXPECT_EQ(read({200, {}, "\xED\xA0\x80"})->at("body"), value::binary({0xED, 0xA0, 0x80}));
  EXPECT_EQ(read({200, {}, ""})->at("body"), value(""));
}

TEST(HttpExchange, JoinsRepeatedHeaders) {
  const auto output =
      read({200, {{"via", "a"}, {"via", "b"}, {"set-cookie", "a=1"}, {"set-cookie", "b=2"}}, ""});

  EXPECT_EQ(output->at("headers").at("via"), value("a, b"));
  EXPECT_EQ(output->at("headers").at("set-cookie"), value("a=1\nb=2"));
}

TEST(HttpExchange, MapsStatusesToKinds) {
  for (const int status : {408, 425, 500, 502, 503, 504, 599})
    EXPECT_EQ(read_failure({status, {}, ""}).kind, failure_kind::transient) << status;
  EXPECT_EQ(read_failure({429, {}, ""}).kind, failure_kind::rate_limited);
  for (const int status : {301, 304, 400, 401, 403, 404, 409, 422, 451})
    EXPECT_EQ(read_failure({status, {}, ""}).kind, failure_kind::permanent) << status;
}

TEST(HttpExchange, TakesExpectedStatusesForSuccess) {
  auto options = valid();
  options.expect_status = {404, 201};

  EXPECT_TRUE(read({404, {}, ""}, options).has_value());
  EXPECT_EQ(read_failure({200, {}, ""}, options).kind, failure_kind::permanent);
}

TEST(HttpExchange, QuotesTheStatusAndTheStartOfTheBody) {
  const auto why = read_failure({503, {}, "down for\r\nmaintenance"});
  EXPECT_EQ(why.message, "GET http://host/path: 503 Service Unavailable: down for  maintenance");

  const auto longer = read_failure({404, {}, std::string(500, 'x')}).message;
  EXPECT_THAT(longer,
              AllOf(HasSubstr(std::string(200, 'x')), Not(HasSubstr(std::string(201, 'x')))));
}

TEST(HttpExchange, ReadsRetryAfterInSeconds) {
  EXPECT_EQ(read_failure({429, {{"retry-after", "7"}}, ""}).retry_after, duration(7s));
  EXPECT_EQ(read_failure({503, {{"retry-after", "0"}}, ""}).retry_after, duration(0s));
  EXPECT_EQ(read_failure({429, {}, ""}).retry_after, std::nullopt);
  EXPECT_EQ(read_failure({404, {{"retry-after", "7"}}, ""}).retry_after, std::nullopt);
}

TEST(HttpExchange, ReadsRetryAfterAsADate) {
  const std::string when = "Mon, 01 Jun 2026 12:00:30 GMT";
  EXPECT_EQ(retry_after_of({429, {{"retry-after", when}}, ""}, now), duration(30s));
  EXPECT_EQ(retry_after_of({429, {{"retry-after", when}}, ""}, now + 1h), duration(0s));
  // The clock of the server is 10 s ahead of ours.
  EXPECT_EQ(retry_after_of(
                {429, {{"retry-after", when}, {"date", "Mon, 01 Jun 2026 12:00:10 GMT"}}, ""}, now),
            duration(20s));
}

TEST(HttpExchange, BoundsRetryAfterAndIgnoresNonsense) {
  const duration year = std::chrono::hours(24 * 365);
  for (const auto* text :
       {"99999999999", "99999999999999999999999999", "Fri, 01 Jan 2199 00:00:00 GMT"})
    EXPECT_EQ(retry_after_of({429, {{"retry-after", text}}, ""}, now), year) << text;
  for (const auto* text : {"", "-5", "soon", "1.5"})
    EXPECT_EQ(retry_after_of({429, {{"retry-after", text}}, ""}, now), std::nullopt) << text;
}

TEST(HttpExchange, KeepsEverySecretOutOfItsMessages) {
  http_call call;
  call.method = "POST";
  call.url = "https://user:pass%20word@host/path?api_key=query-secret&q=open";
  call.headers = {{"Authorization", "Bearer header-secret"},
                  {"X-Api-Key", "key-secret"},
                  {"Cookie", "id=cookie-secret; theme=dark"},
                  {"X-Color", "green"}};
  const http_reply reply{400,
                         {},
                         "header-secret key-secret cookie-secret query-secret pass word "
                         "pass%20word green"};

  const auto message = status_failure(label_of(call), reply, now).message;

  EXPECT_EQ(message, "POST https://host/path: 400 Bad Request: *** *** *** *** *** *** green");
}

TEST(HttpExchange, CutsNoSecretInHalf) {
  const call_label label{"GET http://host/", {"topsecret"}};

  const auto text = excerpt(label, std::string(197, 'x') + "topsecret and more");

  EXPECT_EQ(text, std::string(197, 'x') + "*** a…");
}

TEST(HttpExchange, DescribesSecretsByTheirSumsOnly) {
  auto options = valid();
  options.url = "https://user:hidden1@host/path?token=hidden2&page=3";
  options.headers = {{"Authorization", "Bearer hidden3"}, {"My-Token", "hidden4"}, {"A", "shown"}};
  options.query = {{"api_key", "hidden5"}, {"q", "visible"}};

  const auto text = to_string(troupe_describe(options));

  EXPECT_THAT(text, Not(HasSubstr("hidden")));
  EXPECT_THAT(text, AllOf(HasSubstr("sha256:"), HasSubstr("shown"), HasSubstr("visible"),
                          HasSubstr("page=3")));
  auto other = options;
  other.headers[0].second = "Bearer hidden9";
  EXPECT_NE(troupe_describe(other), troupe_describe(options));
}

TEST(HttpExchange, ShowsUrlsWithoutCredentialsAndQuery) {
  EXPECT_EQ(shown_url("http://user:p@ss@host:80/a/b?c=d#e"), "http://host:80/a/b");
  EXPECT_EQ(shown_url("http://host"), "http://host");
  EXPECT_EQ(shown_url("http://host/a@b"), "http://host/a@b");
}

TEST(HttpRequestOptions, AreFineWithAUrl) {
  EXPECT_THAT(issues_of(valid()), IsEmpty());
}

TEST(HttpRequestOptions, ReportWhatMakesNoSense) {
  auto options = valid();
  options.url = "host/path";
  options.follow_redirects = 21;
  options.timeout = 0s;
  options.max_body = 0;
  options.expect_status = {200, 42};
  EXPECT_THAT(issues_of(options), SizeIs(5));

  options = valid();
  options.headers = {{"X", "a\nb"}};
  EXPECT_THAT(issues_of(options), SizeIs(1));
  options = valid();
  options.method = "GET IT";
  EXPECT_THAT(issues_of(options), SizeIs(1));
}

} // namespace
} // namespace troupe
