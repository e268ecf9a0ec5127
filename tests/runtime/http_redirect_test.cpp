#include "runtime/http_client_fixture.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>

#include <string>

namespace troupe {
namespace {

using testing::test_server;

using HttpRedirect = HttpClient;

test_server::answer moved(std::string where, int status = 302) {
  return {.status = status, .body = "moved", .headers = {{"Location", std::move(where)}}};
}

TEST_F(HttpRedirect, IsAReplyLikeAnyOtherByDefault) {
  test_server server([](const auto&) { return moved("/other"); });

  const auto reply = ask(to(server.url("/first")));

  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 302);
  EXPECT_EQ(server.received().size(), 1u);
}

TEST_F(HttpRedirect, IsFollowedWhenAskedTo) {
  test_server server([](const test_server::request& seen) {
    return seen.path == "/last" ? test_server::answer{.body = "here"} : moved("/last");
  });
  auto call = to(server.url("/first"));
  call.follow_redirects = 1;
  call.headers = {{"Authorization", "Bearer abc"}};

  const auto reply = ask(call);

  ASSERT_TRUE(reply.has_value()) << reply.why().message;
  EXPECT_EQ(reply->body, "here");
  EXPECT_EQ(server.received().at(1).header("Authorization"), "Bearer abc");
}

TEST_F(HttpRedirect, EndsAtItsLimit) {
  test_server server([](const auto&) { return moved("/again"); });
  auto call = to(server.url("/first"));
  call.follow_redirects = 3;

  expect_failure(ask(call), failure_kind::permanent, "redirected more than 3 times");
  EXPECT_EQ(server.received().size(), 4u);
}

TEST_F(HttpRedirect, TakesNoSecretToAnotherPort) {
  test_server other([](const auto&) { return test_server::answer{.body = "other"}; });
  test_server server([&](const auto&) { return moved(other.url("/there")); });
  auto call = to(server.url("/first"));
  call.follow_redirects = 5;
  call.headers = {{"Authorization", "Bearer abc"},
                  {"X-Api-Key", "abc"},
                  {"Cookie", "id=abc"},
                  {"My-Secret", "abc"},
                  {"X-Color", "green"}};

  ASSERT_TRUE(ask(call).has_value());

  const auto seen = other.received().at(0);
  EXPECT_EQ(seen.header("X-Color"), "green");
  for (const auto* name : {"Authorization", "X-Api-Key", "Cookie", "My-Secret"})
    EXPECT_FALSE(seen.has_header(name)) << name;
}

TEST_F(HttpRedirect, TurnsAPostIntoAGetWhereTheStatusMeansThat) {
  test_server server([](const test_server::request& seen) {
    if (seen.path == "/last") return test_server::answer{};
    return moved("/last", std::stoi(seen.path.substr(1)));
  });

  for (const auto& [status, method] :
       {std::pair{301, "GET"}, {302, "GET"}, {303, "GET"}, {307, "POST"}, {308, "POST"}}) {
    auto call = to(server.url('/' + std::to_string(status)));
    call.method = "POST";
    call.body = "payload";
    call.follow_redirects = 1;
    ASSERT_TRUE(ask(call).has_value());
    const auto last = server.received().back();
    EXPECT_EQ(last.method, method) << status;
    EXPECT_EQ(last.body, last.method == "GET" ? "" : "payload") << status;
  }
}

TEST_F(HttpRedirect, KeepsAPutAPut) {
  test_server server([](const test_server::request& seen) {
    return seen.path == "/last" ? test_server::answer{} : moved("/last");
  });
  auto call = to(server.url("/first"));
  call.method = "PUT";
  call.body = "payload";
  call.follow_redirects = 1;

  ASSERT_TRUE(ask(call).has_value());

  EXPECT_EQ(server.received().back().method, "PUT");
  EXPECT_EQ(server.received().back().body, "payload");
}

TEST_F(HttpRedirect, LeadsToNoFile) {
  test_server server([](const auto&) { return moved("file:///etc/passwd"); });
  auto call = to(server.url("/first"));
  call.follow_redirects = 1;

  expect_failure(ask(call), failure_kind::permanent, "neither http nor https");
}

} // namespace
} // namespace troupe
