#include "api_fixture.hpp"
#include "event_reader.hpp"

#include <troupe/service/cluster_client.hpp>
#include <troupe/service/submission.hpp>

#include <cstdlib>
#include <filesystem>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> events_in(const std::vector<std::string>& parts) {
  std::vector<std::string> all;
  service::event_reader reader([&](const service::sent_event& event) {
    all.push_back(event.kind + '|' + event.id + '|' + event.data);
    return true;
  });
  for (const auto& each : parts) reader.feed(each);
  return all;
}

TEST(EventReader, TakesAStreamApart) {
  EXPECT_THAT(events_in({"data: a\n\n"}), ElementsAre("message||a"));
  EXPECT_THAT(events_in({"id: 1\nevent: x\ndata: a\ndata:b\n\ndata: c\n\n"}),
              ElementsAre("x|1|a\nb", "message|1|c"));
  EXPECT_THAT(events_in({"\xEF\xBB\xBF"
                         "data: a\r\n\r\n",
                         ": nothing\rdata: b\r\r"}),
              ElementsAre("message||a", "message||b"));
  EXPECT_THAT(events_in({"da", "ta: a\r", "\n\r\n", "event: y\n\n", "data\n\n"}),
              ElementsAre("message||a", "message||"));
  EXPECT_THAT(events_in({"data: unfinished"}), ElementsAre());
}

class ClusterClient : public ApiTest {
protected:
  ClusterClient() {
    serve();
    connect();
  }
  void connect(cluster_options options = {}, const std::string& scheme = "http") {
    options.patience = 1s;
    client =
        std::make_unique<cluster_client>(scheme + "://" + to_string(server->address()), options);
  }
  std::string submit(const std::string& workflow, std::optional<value> input = {}) {
    const auto run = client->submit(of(workflow, std::move(input)));
    EXPECT_TRUE(run) << (run ? "" : run.why().message);
    return run ? *run->at("run_id").if_text() : std::string();
  }

  std::unique_ptr<cluster_client> client;
};

TEST_F(ClusterClient, SubmitsAndWaitsForTheResult) {
  const auto run = submit(echo_file, value::map({{"q", "ä \"x\""}}));

  const auto result = client->result(run);
  ASSERT_TRUE(result) << result.why().message;
  EXPECT_EQ(result->at("output").at("q"), value("ä \"x\""));
  EXPECT_EQ(client->start("echo", value(3))->at("name"), value("echo"));
}

TEST_F(ClusterClient, WatchesARunToItsEnd) {
  const auto run = submit(fail_file);
  std::vector<std::string> kinds;
  const auto status = client->watch(run, [&](const value& event) {
    kinds.push_back(*event.at("kind").if_text());
    return true;
  });

  ASSERT_TRUE(status) << status.why().message;
  EXPECT_EQ(*status, "failed");
  EXPECT_EQ(kinds.front(), "run_started");
  EXPECT_THAT(kinds, Contains("step_finished"));
  EXPECT_EQ(*client->watch(run, [](const value&) { return false; }), "");
}

TEST_F(ClusterClient, OperatesRuns) {
  const auto hanging = submit(hang_file);
  EXPECT_TRUE(client->cancel(hanging));
  EXPECT_EQ(client->result(hanging)->at("status"), value("cancelled"));
  const auto asking = submit(ask_file);
  EXPECT_EQ(client->result(asking)->at("status"), value("paused"));
  EXPECT_EQ(client->why(asking)->at("waits").at(std::size_t{0}).at("code"), value("paused"));
  EXPECT_TRUE(client->resume(asking, value(true)));
  EXPECT_EQ(client->result(asking)->at("output"), value(true));
  EXPECT_TRUE(client->retry(asking));
  EXPECT_EQ(client->list({.limit = 2})->at("runs").size(), 2U);
  EXPECT_EQ(client->list({.status = "cancelled"})->at("runs").size(), 1U);
  EXPECT_GE(client->events(asking)->at("events").size(), 4U);
}

TEST_F(ClusterClient, OperatesTheCluster) {
  EXPECT_EQ(client->nodes()->at("nodes").size(), 1U);
  EXPECT_TRUE(client->drain("here"));
  EXPECT_EQ(client->breakers()->at("breakers").size(), 1U);
  EXPECT_TRUE(client->reset_breaker("gpt4"));
  EXPECT_EQ(client->caches()->at("caches").size(), 1U);
  EXPECT_TRUE(client->clear_cache("answers"));
  EXPECT_TRUE(client->status()->at("version").is_text());
  EXPECT_EQ(problem_of(client->drain("a b/c?").why()), cluster_problem::not_found);
  EXPECT_THAT(client->drain("a b/c?").why().message, HasSubstr("a b/c?"));
}

TEST_F(ClusterClient, TellsWhatKindOfNoItGot) {
  EXPECT_EQ(problem_of(client->show("0000").why()), cluster_problem::not_found);
  const auto invalid = client->submit(of("nonsense"));
  EXPECT_EQ(invalid.why().kind, failure_kind::malformed);
  EXPECT_EQ(problem_of(invalid.why()), cluster_problem::other);
  const auto run = submit(fail_file);
  (void)client->result(run);
  EXPECT_EQ(problem_of(client->cancel(run).why()), cluster_problem::other);

  server->shut_down();
  const auto gone = client->nodes();
  ASSERT_FALSE(gone);
  EXPECT_EQ(problem_of(gone.why()), cluster_problem::unreachable);
  EXPECT_THAT(gone.why().message, HasSubstr("cannot reach the cluster at http://127.0.0.1:"));
}

TEST_F(ClusterClient, IsTurnedAwayWithoutTheToken) {
  service::api_options options;
  options.token = "s3cret";
  serve(options);
  connect();
  EXPECT_EQ(problem_of(client->nodes().why()), cluster_problem::not_authorized);
  EXPECT_EQ(problem_of(client->result("x").why()), cluster_problem::not_authorized);
  connect({.token = "s3cret"});
  EXPECT_TRUE(client->nodes());
}

TEST_F(ClusterClient, GoesOnWatchingOverABrokenConnection) {
  const auto run = submit(hang_file);
  const auto where = server->address();
  std::size_t started = 0;
  const auto status = client->watch(run, [&](const value& event) {
    if (event.at("kind") != value("step_started")) return true;
    ++started;
    service::api_options options;
    options.where = where;
    server.reset();
    server = std::make_unique<service::api_server>(options, *book, cluster);
    EXPECT_TRUE(book->cancel(*book->find(run)));
    return true;
  });

  ASSERT_TRUE(status) << status.why().message;
  EXPECT_EQ(*status, "cancelled");
  EXPECT_EQ(started, 1U) << "nothing comes twice";
}

TEST_F(ClusterClient, SpeaksTlsToWhomItsAuthorityKnows) {
  std::string folder = (std::filesystem::temp_directory_path() / "troupe-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  service::api_options options;
  options.tls = {folder + "/certificate.pem", folder + "/certificate.pem", folder + "/key.pem"};
  const auto make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                    "-subj /CN=troupe-test -addext subjectAltName=IP:127.0.0.1 -keyout "
                    + options.tls.key + " -out " + options.tls.certificate + " 2>/dev/null";
  ASSERT_EQ(std::system(make.c_str()), 0);
  serve(options);

  connect({.ca_file = options.tls.certificate}, "https");
  EXPECT_EQ(client->result(submit(echo_file, value(1)))->at("output"), value(1));
  connect({}, "https");
  EXPECT_EQ(problem_of(client->nodes().why()), cluster_problem::unreachable);
  connect();
  EXPECT_FALSE(client->nodes()) << "there is no plain HTTP on that port";
  std::filesystem::remove_all(folder);

  options.where = {};
  EXPECT_THROW(serve(options), std::runtime_error) << "the files are gone";
}

TEST(ClusterAddress, MustBeOne) {
  for (const auto* wrong :
       {"", "localhost:1", "ftp://x", "http://", "http://:1", "http://a@b", "http://a?b"}) {
    EXPECT_THROW(cluster_client{wrong}, std::invalid_argument) << wrong;
  }
  EXPECT_EQ(cluster_client("https://host:1/").url(), "https://host:1");
}

} // namespace
} // namespace troupe::testing
