#include "api.hpp"
#include "api_fixture.hpp"

#include <set>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Api : public ApiTest {
protected:
  Api() { serve(); }
};

TEST_F(Api, RunsAWorkflowFromItsTextToItsResult) {
  const auto made = post("/v1/runs", value::map({{"workflow", echo_file},
                                                 {"input", "hello"},
                                                 {"context", value::map({{"tenant", "acme"}})},
                                                 {"correlation_id", "order-17"}}));
  ASSERT_EQ(made.status, 201) << made.message();
  const auto id = *made.body.at("run_id").if_text();
  EXPECT_THAT(made.head, HasSubstr("Location: /v1/runs/" + id));
  (void)follow(id);

  const auto shown = get("/v1/runs/" + id);
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body.at("status"), value("completed"));
  EXPECT_EQ(shown.body.at("output"), value("hello"));
  EXPECT_EQ(shown.body.at("correlation_id"), value("order-17"));
  EXPECT_EQ(shown.body.at("final_context").at("tenant"), value("acme"));
  EXPECT_EQ(shown.body.at("step_history").at(std::size_t{0}).at("name"), value("echo"));
}

TEST_F(Api, TakesAFileAsItIs) {
  raw_client client(server->address());
  const std::string text = hang_file;
  client.send(head_of("POST", "/v1/runs", "Content-Type: application/yaml\r\nContent-Length: ")
              + std::to_string(text.size()) + "\r\n\r\n" + text);
  EXPECT_EQ(read(client).body.at("name"), value("hang"));
}

TEST_F(Api, SaysEverythingThatIsWrongWithAWorkflow) {
  const auto refused = post(
      "/v1/runs", value::map({{"workflow", "troupe: 1\nname: x\nflow: { step: s, uses: valeu }\n"},
                              {"file", "x.yaml"}}));
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("x.yaml:3:"), HasSubstr("did you mean")));
}

TEST_F(Api, RefusesBodiesThatMakeNoSense) {
  EXPECT_THAT(post("/v1/runs", value::map({{"workflw", "x"}})).message(),
              HasSubstr("no member `workflw`"));
  EXPECT_THAT(post("/v1/runs", value::map({{"workflow", 3}})).message(),
              HasSubstr("`workflow` must be a text, not integer"));
  EXPECT_THAT(post("/v1/runs", value::list()).message(), HasSubstr("must be a JSON object"));
  EXPECT_THAT(
      post("/v1/runs", value::map({{"name", "x"}, {"limits", value::map({{"tokens", -1}})}}))
          .message(),
      HasSubstr("`limits.tokens` must be a whole number"));
  EXPECT_EQ(post("/v1/runs", value::map({{"name", "nobody"}})).status, 404);
  EXPECT_EQ(post("/v1/runs").status, 400);

  raw_client client(server->address());
  client.send(
      head_of("POST", "/v1/runs", "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"));
  EXPECT_EQ(read(client).status, 415);
  client.send(
      head_of("POST", "/v1/runs", "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{x"));
  EXPECT_THAT(read(client).message(), HasSubstr("is no JSON"));
}

TEST_F(Api, KnowsPathsAndMethods) {
  EXPECT_EQ(get("/v2/runs").status, 404);
  EXPECT_EQ(get("/v1/runs/0000").code(), "not_found");
  EXPECT_EQ(get("/v1/runs/%zz").status, 400);
  const auto wrong = ask("DELETE", "/v1/runs");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_THAT(wrong.head, HasSubstr("Allow: POST, GET"));
  EXPECT_EQ(get("/v1/runs/a/b/c").code(), "not_found");
}

TEST_F(Api, ListsRunsPageByPage) {
  for (int n = 0; n < 5; ++n) start(hang_file);

  std::set<value::map_type::size_type> sizes;
  std::set<std::string> ids;
  std::string target = "/v1/runs?limit=2&status=running&name=hang";
  for (;;) {
    const auto page = get(target);
    ASSERT_EQ(page.status, 200);
    for (const auto& each : *page.body.at("runs").if_list()) {
      ids.insert(*each.at("run_id").if_text());
    }
    if (page.body.at("next").is_null()) break;
    target = "/v1/runs?limit=2&status=running&name=hang&cursor=" + *page.body.at("next").if_text();
  }

  EXPECT_EQ(ids.size(), 5U);
  EXPECT_EQ(get("/v1/runs?status=failed").body.at("runs").size(), 0U);
  for (const auto* bad : {"limit=0", "limit=1001", "limit=x", "status=odd", "cursor=1", "sort=1"}) {
    EXPECT_EQ(get(std::string("/v1/runs?") + bad).status, 400) << bad;
  }
}

TEST_F(Api, CancelsResumesAndRetries) {
  const auto hanging = start(hang_file);
  EXPECT_EQ(post("/v1/runs/" + hanging + "/cancel").status, 202);
  EXPECT_THAT(follow(hanging), HasSubstr("data: {\"status\":\"cancelled\"}"));
  EXPECT_EQ(post("/v1/runs/" + hanging + "/cancel").code(), "conflict");

  const auto asking = start(ask_file);
  EXPECT_THAT(follow(asking), HasSubstr("data: {\"status\":\"paused\"}"));
  EXPECT_EQ(get("/v1/runs/" + asking).body.at("pause").at("prompt"), value("Go on?"));
  EXPECT_EQ(post("/v1/runs/" + asking + "/resume").status, 400);
  const auto misfit = post("/v1/runs/" + asking + "/resume", value::map({{"answer", "x"}}));
  EXPECT_EQ(misfit.status, 400);
  EXPECT_THAT(misfit.message(), HasSubstr("must be of type boolean"));
  EXPECT_EQ(post("/v1/runs/" + asking + "/resume", value::map({{"answer", true}})).status, 202);
  EXPECT_THAT(follow(asking), HasSubstr("data: {\"status\":\"completed\"}"));

  const auto again = post("/v1/runs/" + asking + "/retry");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body.at("retry_of"), value(asking));
}

TEST_F(Api, SaysWhatARunWaitsFor) {
  cluster.reasons = {{"no_worker", "no worker with label gpu=true", "0/9", "train", "", 7}};
  const auto run = start(hang_file);

  const auto why = get("/v1/runs/" + run + "/why");
  EXPECT_EQ(why.body.at("status"), value("running"));
  bool found = false;
  for (const auto& each : *why.body.at("waits").if_list()) {
    found |= each.at("code") == value("no_worker");
  }
  EXPECT_TRUE(found);
}

TEST_F(Api, PagesThroughEvents) {
  const auto run = start(echo_file);
  (void)follow(run);

  const auto first = get("/v1/runs/" + run + "/events?limit=2");
  EXPECT_EQ(first.body.at("events").size(), 2U);
  EXPECT_TRUE(first.body.at("ended").is_null());
  const auto next = *first.body.at("next").if_integer();
  const auto rest = get("/v1/runs/" + run + "/events?after=" + std::to_string(next));
  EXPECT_EQ(rest.body.at("events").at(std::size_t{0}).at("seq"), value(next + 1));
  EXPECT_EQ(rest.body.at("ended"), value("completed"));
  EXPECT_EQ(get("/v1/runs/" + run + "/events?after=x").status, 400);
}

TEST_F(Api, StreamsEventsFromWhereAViewerHasBeen) {
  const auto run = start(echo_file);
  const auto all = follow(run);
  EXPECT_THAT(all, AllOf(HasSubstr("Content-Type: text/event-stream"),
                         HasSubstr("id: 1\nevent: run_started\n"),
                         HasSubstr("event: step_finished\n"), HasSubstr("event: end\n")));

  const auto rest = follow(run, "Last-Event-ID: 2\r\n");
  EXPECT_THAT(rest,
              AllOf(Not(HasSubstr("id: 2\n")), HasSubstr("id: 3\n"), HasSubstr("event: end\n")));
}

TEST_F(Api, ShowsAndOperatesTheCluster) {
  EXPECT_EQ(get("/v1/nodes").body.at("nodes").at(std::size_t{0}).at("name"), value("here"));
  EXPECT_EQ(post("/v1/nodes/here/drain").status, 202);
  EXPECT_EQ(post("/v1/nodes/gone/drain").status, 404);
  EXPECT_EQ(get("/v1/breakers").body.at("breakers").size(), 1U);
  EXPECT_EQ(post("/v1/breakers/gpt4/reset").body.at("state"), value("half_open"));
  EXPECT_EQ(post("/v1/breakers/none/reset").status, 404);
  EXPECT_EQ(get("/v1/caches").body.at("caches").size(), 1U);
  EXPECT_EQ(post("/v1/caches/answers/clear").status, 200);
  EXPECT_EQ(post("/v1/caches/none/clear").status, 404);
  EXPECT_EQ(cluster.drained.size(), 1U);
}

TEST_F(Api, CountsWhatItDoes) {
  start(hang_file);
  const auto status = get("/v1/status");
  EXPECT_EQ(status.body.at("runs").at("running"), value(1));
  EXPECT_GE(status.body.at("http").at("requests").to_double(), 2);
  EXPECT_TRUE(status.body.at("version").is_text());
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(Api, IsReadyWhenItsOwnerSaysSo) {
  std::atomic<bool> ready{false};
  service::api_options options;
  options.ready = [&ready] { return ready.load(); };
  serve(options);

  EXPECT_EQ(get("/readyz").status, 503);
  ready = true;
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(Api, RefusesRunsBeyondItsLimit) {
  serve({}, {.max_open = 1});
  start(hang_file);

  const auto refused = post("/v1/runs", value::map({{"workflow", echo_file}}));
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: 1"));
}

TEST_F(Api, LetsInWhoShowsTheToken) {
  service::api_options options;
  options.token = "s3cret";
  serve(options);
  EXPECT_EQ(get("/v1/runs").status, 200);

  for (const auto* wrong : {"", "s3cre", "s3crets", "other"}) {
    token = wrong;
    const auto refused = get("/v1/runs");
    EXPECT_EQ(refused.status, 401);
    EXPECT_THAT(refused.head, HasSubstr("WWW-Authenticate: Bearer"));
  }
  token = "";
  EXPECT_EQ(get("/v1/nothing").status, 401) << "a stranger learns nothing about paths";
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(Api, RefusesWebPagesOfOthers) {
  const auto status = [&](const std::string& host, const std::string& origin) {
    raw_client client(server->address());
    client.send("POST /v1/runs HTTP/1.1\r\nHost: " + host + "\r\n"
                + (origin.empty() ? "" : "Origin: " + origin + "\r\n") + "\r\n");
    return read(client).status;
  };
  EXPECT_EQ(status("localhost:7800", ""), 400) << "let in, and told that the body is missing";
  EXPECT_EQ(status("[::1]:7800", "http://[::1]:7800"), 400);
  EXPECT_EQ(status("evil.example", ""), 403) << "a name that was made to lead here";
  EXPECT_EQ(status("localhost", "http://evil.example"), 403);
  EXPECT_EQ(status("localhost", "null"), 403);
}

TEST_F(Api, AsksForATokenAndTlsOutsideOfLoopback) {
  service::api_options options;
  options.where.host = "0.0.0.0";
  EXPECT_THROW(serve(options), std::invalid_argument);
  options.token = "x";
  EXPECT_THROW(serve(options), std::invalid_argument);
  options.insecure = true;
  EXPECT_NO_THROW(serve(options));
}

TEST_F(Api, NamesAPortThatIsInUse) {
  service::api_options options;
  options.where = server->address();
  try {
    const service::api_server second(options, *book, cluster);
    FAIL() << "two servers on one port";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr(to_string(options.where)), HasSubstr("in use")));
  }
}

TEST_F(Api, IsDescribedCompletely) {
  const auto document = parse_json(service::openapi_text);
  ASSERT_TRUE(document) << document.why().message;
  service::api described({*book, cluster});

  std::set<std::string> routed;
  for (const auto& each : described.routes()) routed.insert(each.method + ' ' + each.pattern);
  std::set<std::string> written;
  for (const auto& [path, methods] : *document->at("paths").if_map()) {
    for (const auto& [method, about] : *methods.if_map()) {
      std::string upper;
      for (const char letter : method) upper += static_cast<char>(letter - 'a' + 'A');
      written.insert(upper + ' ' + path);
    }
  }

  EXPECT_EQ(routed, written);
  EXPECT_EQ(get("/v1/openapi.json").body, *document);
}

} // namespace
} // namespace troupe::testing
