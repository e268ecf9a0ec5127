#include "runtime/http_client_fixture.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>

#include <string>

namespace troupe {
namespace {

using testing::test_server;

class HttpTls : public HttpClient {
protected:
  test_server server{[](const auto&) { return test_server::answer{.body = "private"}; }, true};
};

TEST_F(HttpTls, RefusesACertificateThatNobodyVouchesFor) {
  expect_failure(ask(to(server.url())), failure_kind::permanent, "certificate does not verify");
  EXPECT_TRUE(server.received().empty());
}

TEST_F(HttpTls, AcceptsACertificateFromTheGivenFile) {
  auto call = to(server.url());
  call.ca_file = server.certificate();

  const auto reply = ask(call);

  ASSERT_TRUE(reply.has_value()) << reply.why().message;
  EXPECT_EQ(reply->body, "private");
}

TEST_F(HttpTls, RefusesACertificateForAnotherName) {
  auto call = to("https://localhost:" + std::to_string(server.port()) + '/');
  call.ca_file = server.certificate();

  expect_failure(ask(call), failure_kind::permanent, "certificate does not verify");
}

TEST_F(HttpTls, DoesNotLendATrustedConnectionToAnotherCall) {
  auto trusting = to(server.url());
  trusting.ca_file = server.certificate();
  ASSERT_TRUE(ask(trusting).has_value());

  expect_failure(ask(to(server.url())), failure_kind::permanent, "certificate does not verify");
}

TEST_F(HttpTls, NamesAFileOfCertificatesThatIsNotThere) {
  auto call = to(server.url());
  call.ca_file = "/nowhere/ca.pem";

  expect_failure(ask(call), failure_kind::permanent, "/nowhere/ca.pem");
}

TEST_F(HttpTls, SaysThatAPlainServerDoesNotSpeakIt) {
  test_server plain([](const auto&) { return test_server::answer{}; });

  const auto reply = ask(to("https://127.0.0.1:" + std::to_string(plain.port()) + '/'));

  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.why().kind, failure_kind::transient);
}

} // namespace
} // namespace troupe
