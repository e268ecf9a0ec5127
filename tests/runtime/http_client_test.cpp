#include "http_client.hpp"
#include "runtime/http_client_fixture.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::holding_server;
using ::testing::Not;
using testing::test_server;

constexpr auto empty_reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

TEST_F(HttpClient, ReturnsStatusHeadersAndBody) {
  test_server server([](const auto&) {
    return test_server::answer{.status = 203, .body = "hello", .headers = {{"X-Color", "green"}}};
  });

  const auto reply = ask(to(server.url("/greeting")));

  ASSERT_TRUE(reply.has_value()) << reply.why().message;
  EXPECT_EQ(reply->status, 203);
  EXPECT_EQ(reply->body, "hello");
  EXPECT_THAT(reply->headers,
              ::testing::Contains(std::pair<std::string, std::string>{"x-color", "green"}));
}

TEST_F(HttpClient, SendsMethodHeadersAndBodyAsTheyAre) {
  test_server server([](const auto&) { return test_server::answer{}; });
  auto call = to(server.url("/items?sort=up"));
  call.method = "PUT";
  call.headers = {{"X-Color", "green"}, {"Content-Type", "text/csv"}};
  call.body = std::string("a,b\0c", 5);

  ASSERT_TRUE(ask(call).has_value());

  const auto seen = server.received().at(0);
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.query, "sort=up");
  EXPECT_EQ(seen.body, call.body);
  EXPECT_EQ(seen.header("Content-Type"), "text/csv");
  EXPECT_EQ(seen.header("X-Color"), "green");
}

TEST_F(HttpClient, SendsHeadersWithoutContent) {
  holding_server server;
  server.release(empty_reply);
  auto call = to(server.url());
  call.headers = {{"X-Empty", ""}};

  ASSERT_TRUE(ask(call).has_value());

  EXPECT_THAT(server.last_head(), HasSubstr("\r\nX-Empty:\r\n"));
}

TEST_F(HttpClient, InventsNoContentType) {
  test_server server([](const auto&) { return test_server::answer{}; });
  auto call = to(server.url());
  call.method = "POST";
  call.body = "x";

  ASSERT_TRUE(ask(call).has_value());

  EXPECT_FALSE(server.received().at(0).has_header("Content-Type"));
}

TEST_F(HttpClient, TakesAnyStatusForAReply) {
  test_server server([](const auto&) { return test_server::answer{.status = 503, .body = "no"}; });

  const auto reply = ask(to(server.url()));

  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 503);
}

TEST_F(HttpClient, StartsItsThreadWithTheFirstRequest) {
  holding_server server;
  server.release(empty_reply);
  const auto before = testing::thread_count();
  answers all;
  http_client lazy;
  EXPECT_EQ(testing::thread_count(), before);

  lazy.start(to(server.url()), all.expect());
  ASSERT_TRUE(all.wait_for(1));

  EXPECT_EQ(testing::thread_count(), before + 1);
}

TEST_F(HttpClient, SaysThatAConnectionWasRefused) {
  const auto reply = ask(to("http://127.0.0.1:" + std::to_string(testing::free_port()) + "/x"));

  expect_failure(reply, failure_kind::transient, "Connection refused");
}

TEST_F(HttpClient, SaysThatAHostNameDoesNotResolve) {
  auto call = to("http://no-such-host.invalid/");
  call.limit = 10s;

  const auto reply = ask(call);

  ASSERT_FALSE(reply.has_value());
  EXPECT_THAT(reply.why().kind, ::testing::AnyOf(failure_kind::transient, failure_kind::timed_out));
  EXPECT_THAT(reply.why().message, HasSubstr("GET http://no-such-host.invalid/: "));
}

TEST_F(HttpClient, SaysThatTheServerHungUp) {
  holding_server server;
  server.hang_up();

  expect_failure(ask(to(server.url())), failure_kind::transient, "without an answer");
}

TEST_F(HttpClient, SaysThatTheAnswerBrokeOff) {
  holding_server server;
  server.hang_up("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");

  expect_failure(ask(to(server.url())), failure_kind::transient, "the connection broke");
}

TEST_F(HttpClient, SaysThatTheAnswerIsNoHttp) {
  holding_server server;
  server.release("SSH-2.0-OpenSSH_9.2\r\n\r\n");

  expect_failure(ask(to(server.url())), failure_kind::malformed, "is no HTTP");
}

TEST_F(HttpClient, GivesUpAtTheLimitAndNamesIt) {
  holding_server server;
  auto call = to(server.url("/slow?key=123"));
  call.limit = 50ms;

  const auto begun = std::chrono::steady_clock::now();
  const auto reply = ask(call);

  expect_failure(reply, failure_kind::timed_out, "/slow: no answer within 50ms");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  EXPECT_THAT(reply.why().message, Not(HasSubstr("123")));
}

TEST_F(HttpClient, GivesUpAtOnceWithoutTimeLeft) {
  auto call = to("http://127.0.0.1:1/");
  call.limit = 0s;

  expect_failure(ask(call), failure_kind::timed_out, "no answer within 0");
}

TEST_F(HttpClient, EndsWhatIsCancelledAndClosesItsConnection) {
  holding_server server;
  answers all;
  const auto id = client.start(to(server.url()), all.expect());
  ASSERT_TRUE(server.wait_for_requests(1));

  client.cancel(id);

  ASSERT_TRUE(all.wait_for(1));
  expect_failure(all.received().front(), failure_kind::cancelled, "cancelled");
  EXPECT_TRUE(server.wait_for_connections(0));
  EXPECT_EQ(client.in_flight(), 0u);
}

TEST_F(HttpClient, IgnoresACancelThatComesTooLate) {
  holding_server server;
  server.release(empty_reply);
  answers all;
  const auto id = client.start(to(server.url()), all.expect());
  ASSERT_TRUE(all.wait_for(1));

  client.cancel(id);
  client.start(to(server.url()), all.expect());

  ASSERT_TRUE(all.wait_for(2));
  EXPECT_EQ(all.received().size(), 2u);
  EXPECT_TRUE(all.received().back().has_value());
}

TEST_F(HttpClient, CancelsEverythingWhenItIsDestroyed) {
  holding_server server;
  answers all;
  {
    http_client short_lived({.max_connections = 2});
    for (int i = 0; i < 5; ++i) short_lived.start(to(server.url()), all.expect());
    ASSERT_TRUE(server.wait_for_requests(2));
  }

  ASSERT_EQ(all.received().size(), 5u);
  for (const auto& each : all.received()) expect_failure(each, failure_kind::cancelled, "closing");
}

TEST_F(HttpClient, MayBeDestroyedByAnAnswer) {
  holding_server server;
  answers all;
  auto owner = std::make_shared<std::unique_ptr<http_client>>(std::make_unique<http_client>());
  auto* fragile = owner->get();
  server.release(empty_reply);
  fragile->start(to(server.url()), [owner, answer = all.expect()](outcome<http_reply> reply) {
    owner->reset();
    answer(std::move(reply));
  });

  EXPECT_TRUE(all.wait_for(1));
}

TEST_F(HttpClient, StopsReadingABodyThatIsTooLarge) {
  test_server server(
      [](const auto&) { return test_server::answer{.body = std::string(1'001, 'x')}; });
  auto call = to(server.url());
  call.max_body = 1'000;

  expect_failure(ask(call), failure_kind::permanent, "the body is larger than 1000 bytes");
}

TEST_F(HttpClient, StopsReadingALargeBodyOfUnknownLength) {
  holding_server server;
  server.release("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(2'000, 'x'));
  auto call = to(server.url());
  call.max_body = 1'000;

  expect_failure(ask(call), failure_kind::permanent, "the body is larger than 1000 bytes");
}

TEST_F(HttpClient, TakesABodyOfExactlyTheLargestSize) {
  test_server server(
      [](const auto&) { return test_server::answer{.body = std::string(1'000, 'x')}; });
  auto call = to(server.url());
  call.max_body = 1'000;

  EXPECT_TRUE(ask(call).has_value());
}

TEST_F(HttpClient, DecompressesTheBody) {
  test_server server(
      [](const auto&) { return test_server::answer{.body = std::string(100'000, '0')}; });

  const auto reply = ask(to(server.url()));

  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->body, std::string(100'000, '0'));
  EXPECT_THAT(reply->headers, ::testing::Contains(::testing::Key("content-encoding")));
}

TEST_F(HttpClient, CountsTheBytesAfterDecompression) {
  test_server server(
      [](const auto&) { return test_server::answer{.body = std::string(100'000, '0')}; });
  auto call = to(server.url());
  call.max_body = 1'000; // compressed it would fit

  expect_failure(ask(call), failure_kind::permanent, "the body is larger than 1000 bytes");
}

TEST_F(HttpClient, RefusesCallsThatSmuggleInALine) {
  const std::vector<http_call> calls{
      {.url = "http://127.0.0.1/", .headers = {{"X-Name", "a\r\nX-Other: b"}}},
      {.url = "http://127.0.0.1/", .headers = {{"X-Name\r\nX-Other", "b"}}},
      {.url = "http://127.0.0.1/", .headers = {{"", "b"}}},
      {.method = "GET /x HTTP/1.1\r\n", .url = "http://127.0.0.1/"},
      {.url = "http://127.0.0.1/\r\nX-Other: b"},
      {.url = "http://127.0.0.1/", .headers = {{"Content-Length", "5"}}},
  };

  for (const auto& call : calls)
    expect_failure(ask(call), failure_kind::permanent, "http://127.0.0.1/");
}

TEST_F(HttpClient, NeverQuotesAValueItRefuses) {
  auto call = to("http://127.0.0.1/");
  call.headers = {{"Authorization", "Bearer hidden\n"}};

  const auto reply = ask(call);

  expect_failure(reply, failure_kind::permanent, "header Authorization");
  EXPECT_THAT(reply.why().message, Not(HasSubstr("hidden")));
}

TEST_F(HttpClient, RefusesUrlsThatAreNeitherHttpNorHttps) {
  for (const auto* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "",
                          "127.0.0.1/x", "http://", "http://127.0.0.1:99999/", "no url"})
    expect_failure(ask(to(url)), failure_kind::permanent, "the URL");
}

TEST_F(HttpClient, RefusesWhatExceedsTheQueue) {
  holding_server server;
  answers all;
  http_client small({.max_connections = 1, .max_queued = 2});
  for (int i = 0; i < 4; ++i) small.start(to(server.url()), all.expect());

  ASSERT_TRUE(all.wait_for(1));
  expect_failure(all.received().front(), failure_kind::rejected, "too many requests");

  server.release(empty_reply);
  ASSERT_TRUE(all.wait_for(4));
  EXPECT_EQ(server.most_held(), 1u);
}

TEST_F(HttpClient, CountsWaitingTowardsTheLimit) {
  holding_server server;
  answers all;
  http_client small({.max_connections = 1});
  small.start(to(server.url()), all.expect());
  ASSERT_TRUE(server.wait_for_requests(1));
  auto second = to(server.url("/second"));
  second.limit = 30ms;

  small.start(second, all.expect());

  ASSERT_TRUE(all.wait_for(1));
  expect_failure(all.received().front(), failure_kind::timed_out, "/second: no answer within 30ms");
}

TEST_F(HttpClient, UsesAConnectionAgain) {
  holding_server server;
  server.release(empty_reply);

  for (int i = 0; i < 4; ++i) ASSERT_TRUE(ask(to(server.url())).has_value());

  EXPECT_EQ(server.accepted(), 1u);
}

void expect_many_on_one_thread(std::size_t count) {
  holding_server server;
  const auto before = testing::thread_count();
  answers all;
  http_client client;
  http_call call;
  call.url = server.url();

  for (std::size_t i = 0; i < count; ++i) client.start(call, all.expect());
  ASSERT_TRUE(server.wait_for_requests(count));
  EXPECT_EQ(server.most_held(), count);
  EXPECT_LE(testing::thread_count(), before + 1);
  EXPECT_EQ(client.in_flight(), count);
  server.release(empty_reply);

  ASSERT_TRUE(all.wait_for(count));
  EXPECT_EQ(all.threads(), 1u);
  for (const auto& each : all.received()) ASSERT_TRUE(each.has_value()) << each.why().message;
}

TEST_F(HttpClient, HoldsTwoHundredRequestsOnOneThread) {
  expect_many_on_one_thread(200);
}

TEST_F(HttpClient, HoldsSevenHundredRequestsOnOneThread) {
  expect_many_on_one_thread(700);
}

TEST_F(HttpClient, LooksForOneNameOnFewThreads) {
  const auto before = testing::thread_count();
  answers all;
  for (int i = 0; i < 100; ++i) {
    auto call = to("http://no-such-host.invalid/");
    call.limit = 15s;
    client.start(call, all.expect());
  }

  std::size_t most = 0;
  while (client.in_flight() > 0) most = std::max(most, testing::thread_count());

  EXPECT_LE(most, before + 1 + 8);
  EXPECT_TRUE(all.wait_for(100));
}

} // namespace
} // namespace troupe
