#include "api_fixture.hpp"

#include <list>
#include <thread>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// What hostile and careless clients do to the server.
class HttpLimits : public ApiTest {
protected:
  static service::api_options quick() {
    service::api_options options;
    options.header_time = 200ms;
    options.body_time = 200ms;
    options.idle_time = 200ms;
    options.write_time = 300ms;
    return options;
  }
  /// The client may see the end before it is counted.
  void wait_for_refusals(std::uint64_t count) const {
    while (server->counts().refused < count) std::this_thread::yield();
    EXPECT_EQ(server->counts().refused, count);
  }
};

TEST_F(HttpLimits, AnswersManyRequestsOnOneConnection) {
  serve();
  raw_client client(server->address());
  for (int n = 0; n < 100; ++n) {
    client.send(head_of("GET", "/livez") + "\r\n");
    EXPECT_EQ(read(client).status, 200);
  }
  EXPECT_EQ(server->counts().connections, 1U);
}

TEST_F(HttpLimits, DropsAClientThatIsSlowWithItsHead) {
  serve(quick());
  raw_client client(server->address());
  client.send("GET /livez HTTP/1.1\r\nHost: loc");

  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(client.has_ended());
  wait_for_refusals(1);
}

TEST_F(HttpLimits, DropsAClientThatTricklesItsHead) {
  serve(quick());
  raw_client client(server->address());
  client.send("GET /livez HTTP/1.1\r\n");
  // Each byte comes in time, all of them together do not.
  while (client.send("x") && server->counts().refused == 0) std::this_thread::yield();

  EXPECT_EQ(server->counts().refused, 1U);
}

TEST_F(HttpLimits, DropsAClientThatIsSlowWithItsBody) {
  serve(quick());
  raw_client client(server->address());
  client.send(head_of("POST", "/v1/runs", "Content-Type: application/json\r\n")
              + "Content-Length: 10\r\n\r\n{");

  EXPECT_EQ(client.read_all(), "");
  wait_for_refusals(1);
}

TEST_F(HttpLimits, ClosesConnectionsThatAreNotUsed) {
  serve(quick());
  raw_client client(server->address());
  client.send(head_of("GET", "/livez") + "\r\n");
  EXPECT_EQ(read(client).status, 200);

  client.read_all();
  EXPECT_TRUE(client.has_ended());
  EXPECT_EQ(server->counts().refused, 0U);
}

TEST_F(HttpLimits, RefusesAHeadThatIsTooLarge) {
  serve();
  raw_client client(server->address());
  client.send(head_of("GET", "/livez", "X-Filler: " + std::string(20'000, 'x') + "\r\n") + "\r\n");
  const auto refused = read(client);
  EXPECT_EQ(refused.status, 431);
  EXPECT_EQ(refused.code(), "header_too_large");
}

TEST_F(HttpLimits, RefusesABodyThatIsTooLarge) {
  service::api_options options;
  options.max_body_bytes = 1'000;
  serve(options);

  raw_client announced(server->address());
  announced.send(head_of("POST", "/v1/runs", "Content-Type: application/json\r\n")
                 + "Content-Length: 1001\r\n\r\n");
  EXPECT_EQ(read(announced).status, 413);

  raw_client chunked(server->address());
  chunked.send(head_of("POST", "/v1/runs", "Content-Type: application/json\r\n")
               + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2'000, ' '));
  EXPECT_EQ(read(chunked).status, 413);
  EXPECT_EQ(server->counts().refused, 2U);
}

TEST_F(HttpLimits, SaysNoToGarbage) {
  serve();
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02\x00\x01\x00", 7) + std::string(200, '\x01'),
        std::string("HELLO\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost : x\r\n\r\n"), std::string(300, '\0'),
        std::string("POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n")}) {
    raw_client client(server->address());
    client.send(garbage);
    EXPECT_EQ(read(client).status, 400) << garbage.substr(0, 20);
  }
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(HttpLimits, RefusesConnectionsBeyondItsLimit) {
  service::api_options options;
  options.max_connections = 2;
  serve(options);
  std::list<raw_client> kept;
  for (int n = 0; n < 2; ++n) {
    kept.emplace_back(server->address());
    kept.back().send(head_of("GET", "/livez") + "\r\n");
    EXPECT_EQ(read(kept.back()).status, 200);
  }

  raw_client third(server->address());
  EXPECT_THAT(third.read_all(), AllOf(HasSubstr("503"), HasSubstr("too many connections")));
}

TEST_F(HttpLimits, InvitesAClientThatAsksBeforeItSendsItsBody) {
  serve();
  raw_client client(server->address());
  const std::string body = R"({"name":"nobody"})";
  client.send(head_of("POST", "/v1/runs", "Content-Type: application/json\r\n")
              + "Expect: 100-continue\r\nContent-Length: " + std::to_string(body.size())
              + "\r\n\r\n");
  ASSERT_TRUE(client.read_until("100 Continue\r\n\r\n"));
  (void)client.read_response();
  client.send(body);
  EXPECT_EQ(read(client).status, 404);
}

TEST_F(HttpLimits, ReadsNoBodyOfAStranger) {
  service::api_options options;
  options.token = "s3cret";
  serve(options);
  token.clear();
  raw_client client(server->address());
  client.send(head_of("POST", "/v1/runs", "Content-Length: 8000000\r\n\r\n"));

  EXPECT_EQ(read(client).status, 401);
  client.read_all();
  EXPECT_TRUE(client.has_ended());
}

TEST_F(HttpLimits, ServesManyViewersAndDropsTheOneThatDoesNotRead) {
  auto options = quick();
  options.send_buffer_bytes = 4'096;
  options.ping_time = 20ms;
  serve(options, {}, {.max_events = 5'000});
  const auto run = start(R"(troupe: 1
name: talkative
flow:
  - { step: first, uses: test.script, with: { script: [ { ok: "${{ input }}" } ] } }
  - { map: { step: item, uses: value, with: { value: 1 } }, over: input }
  - { step: last, uses: test.script, with: { script: [ { hang: true } ] } }
)",
                         value(value::list_type(150, value("x"))));
  const auto ask_for_events =
      head_of("GET", "/v1/runs/" + run + "/events", "Accept: text/event-stream\r\n") + "\r\n";
  raw_client lazy(server->address(), 2'048);
  lazy.send(ask_for_events);
  std::list<raw_client> viewers;
  for (int n = 0; n < 200; ++n) {
    viewers.emplace_back(server->address());
    viewers.back().send(ask_for_events);
  }

  for (auto& each : viewers) EXPECT_TRUE(each.read_until("event: step_started"));
  while (server->counts().dropped_viewers == 0) {
    ASSERT_EQ(get("/livez").status, 200) << "the others are served meanwhile";
  }
  EXPECT_EQ(server->counts().dropped_viewers, 1U);

  EXPECT_EQ(post("/v1/runs/" + run + "/cancel").status, 202);
  for (auto& each : viewers) {
    EXPECT_TRUE(each.read_until("event: end\ndata: {\"status\":\"cancelled\"}"));
  }
}

TEST_F(HttpLimits, ShowsSignsOfLifeToViewers) {
  auto options = quick();
  options.ping_time = 10ms;
  serve(options);
  const auto run = start(hang_file);
  raw_client viewer(server->address());
  viewer.send(head_of("GET", "/v1/runs/" + run + "/events", "Accept: text/event-stream\r\n")
              + "\r\n");

  EXPECT_TRUE(viewer.read_until(": still here\n\n"));
}

TEST_F(HttpLimits, ForgetsViewersThatGoAway) {
  serve();
  const auto run = start(hang_file);
  {
    raw_client viewer(server->address());
    viewer.send(head_of("GET", "/v1/runs/" + run + "/events", "Accept: text/event-stream\r\n")
                + "\r\n");
    EXPECT_TRUE(viewer.read_until("run_started"));
    EXPECT_EQ(server->counts().viewers, 1U);
  }
  while (server->counts().viewers > 0) std::this_thread::yield();
}

TEST_F(HttpLimits, RefusesWhatIsCompleteOnlyWhenItShutsDown) {
  serve();
  raw_client client(server->address());
  client.send(head_of("POST", "/v1/runs") + "Content-Type: application/json\r\n"
              + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  ASSERT_TRUE(client.read_until("100 Continue\r\n\r\n"));
  const auto address = server->address();
  std::jthread ending([&] { server->shut_down(); });
  while (raw_client(address).connected()) std::this_thread::yield();
  client.send("{}");

  EXPECT_THAT(client.read_all(), HasSubstr("HTTP/1.1 503"));
}

TEST_F(HttpLimits, EndsStreamsWhenItShutsDown) {
  serve();
  const auto run = start(hang_file);
  raw_client viewer(server->address());
  viewer.send(head_of("GET", "/v1/runs/" + run + "/events", "Accept: text/event-stream\r\n")
              + "\r\n");
  EXPECT_TRUE(viewer.read_until("step_started"));
  raw_client idle(server->address());
  idle.send(head_of("GET", "/livez") + "\r\n");
  (void)read(idle);

  server->shut_down();

  viewer.read_all();
  idle.read_all();
  EXPECT_TRUE(viewer.has_ended() && idle.has_ended());
  EXPECT_FALSE(raw_client(server->address()).connected());
}

} // namespace
} // namespace troupe::testing
