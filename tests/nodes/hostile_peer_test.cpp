#include "link_fixture.hpp"

#include <openssl/ssl.h>

#include <random>
#include <thread>

namespace troupe::nodes {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::HasSubstr;

/// A transport with TLS that listens, and another way to get at it.
class HostilePeer : public ::testing::Test {
protected:
  void listen(transport_options options = {}) {
    options.tls = files.node("server");
    server = make_transport(options);
    const auto listening = server->listen({}, seen);
    ASSERT_TRUE(listening.has_value());
    address = *listening;
  }

  /// Connects with these files; returns why that failed.
  std::string refusal_of(const tls_files& own) {
    const auto client = make_transport({.tls = own});
    client->connect(address, 1, other);
    const auto why = other->failed();
    client->shut_down();
    EXPECT_EQ(other->open_count(), 0U);
    return why;
  }

  bool still_serves() {
    const auto client = make_transport({.tls = files.node("friend"), .handshake_limit = patience});
    const auto opened = std::make_shared<recorder>();
    client->connect(address, 1, opened);
    if (!opened->wait_for_opened(1)) ADD_FAILURE() << opened->failed();
    return opened->open_count() == 1;
  }

  static openssl_ptr<ssl_ctx_st> client_context() {
    return openssl_ptr<ssl_ctx_st>(SSL_CTX_new(TLS_client_method()));
  }

  /// Connects, says something, and hears nothing but the end. In TLS 1.3 the client's half of the
  /// handshake is over before the server looks at its certificate.
  bool is_shown_the_door(ssl_ctx_st& context) const {
    const raw_peer peer(address.port);
    const openssl_ptr<ssl_st> session(SSL_new(&context));
    SSL_set_fd(session.get(), peer.descriptor());
    if (SSL_connect(session.get()) != 1) return true;
    const std::string frame("\0\0\0\2hi", 6);
    SSL_write(session.get(), frame.data(), static_cast<int>(frame.size()));
    char answer = 0;
    return SSL_read(session.get(), &answer, 1) <= 0;
  }

  bool refused(std::uint64_t number) const {
    // Counted after the peer was told.
    const auto until = std::chrono::steady_clock::now() + patience;
    while (server->counters().refused < number && std::chrono::steady_clock::now() < until) {
      std::this_thread::yield();
    }
    return server->counters().refused == number;
  }

  cluster_files files;
  std::shared_ptr<recorder> seen = std::make_shared<recorder>();
  std::shared_ptr<recorder> other = std::make_shared<recorder>();
  std::unique_ptr<transport> server;
  endpoint address;
};

TEST_F(HostilePeer, IsRefusedWithACertificateOfAnotherAuthority) {
  listen();
  const cluster_files foreign;

  EXPECT_THAT(refusal_of(foreign.node("stranger")), HasSubstr("does not verify"));

  EXPECT_TRUE(refused(1));
  EXPECT_EQ(seen->open_count(), 0U);
}

TEST_F(HostilePeer, IsRefusedByTheServerAlthoughItTrustsThat) {
  listen();
  const cluster_files foreign;
  auto own = foreign.node("stranger");
  // Trusts the server's authority as well, which only the side that connects can be made to do.
  std::filesystem::copy_file(own.ca, files.folder().file("both.pem"));
  own.ca = files.folder().file("both.pem");
  {
    const auto ours = to_pem(*read_certificate(files.folder().file("ca.pem")));
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(own.ca.c_str(), "a"),
                                                              std::fclose);
    ASSERT_EQ(std::fwrite(ours.data(), 1, ours.size(), out.get()), ours.size());
  }

  EXPECT_THAT(refusal_of(own), AnyOf(HasSubstr("unknown ca"), HasSubstr("closed by the peer"),
                                     HasSubstr("reset by peer")));

  EXPECT_TRUE(refused(1));
  EXPECT_EQ(seen->open_count(), 0U);
}

TEST_F(HostilePeer, IsRefusedWithACertificateThatExpired) {
  listen();
  const auto expired = files.node_valid("late", -48h, -24h);
  const auto context = client_context();
  ASSERT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), expired.certificate.c_str()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey_file(context.get(), expired.key.c_str(), SSL_FILETYPE_PEM), 1);

  EXPECT_TRUE(is_shown_the_door(*context));

  EXPECT_TRUE(refused(1));
  EXPECT_EQ(seen->open_count(), 0U);
}

TEST_F(HostilePeer, IsRefusedWithoutACertificate) {
  listen();

  EXPECT_TRUE(is_shown_the_door(*client_context()));

  EXPECT_TRUE(refused(1));
  EXPECT_EQ(seen->open_count(), 0U);
}

TEST_F(HostilePeer, IsRefusedWithAnOlderVersionOfTls) {
  listen();
  const raw_peer peer(address.port);
  const auto context = client_context();
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  const openssl_ptr<ssl_st> session(SSL_new(context.get()));
  SSL_set_fd(session.get(), peer.descriptor());

  EXPECT_NE(SSL_connect(session.get()), 1);

  EXPECT_TRUE(refused(1));
}

TEST_F(HostilePeer, IsRefusedWithoutTls) {
  listen();
  const auto client = make_transport({});

  client->connect(address, 1, other);

  EXPECT_THAT(other->failed(), HasSubstr("cannot connect"));
  EXPECT_TRUE(refused(1));
  EXPECT_EQ(seen->open_count(), 0U);
}

TEST_F(HostilePeer, GetsNowhereWithTlsWhereThereIsNone) {
  const auto plain = make_transport({});
  const auto listening = plain->listen({}, seen);
  ASSERT_TRUE(listening.has_value());
  address = *listening;

  EXPECT_THAT(refusal_of(files.node("client")), HasSubstr("TLS handshake"));

  // Its hello looks like the header of a frame that is far too long.
  EXPECT_THAT(seen->closed(), HasSubstr("are allowed"));
  EXPECT_EQ(plain->counters().violations, 1U);
}

TEST_F(HostilePeer, StopsNobodyByStayingSilent) {
  listen();
  std::vector<raw_peer> idle;
  for (int i = 0; i < 100; ++i) idle.emplace_back(address.port);

  EXPECT_TRUE(still_serves());

  for (const auto& each : idle) EXPECT_TRUE(each.hear_until_closed().has_value());
  EXPECT_TRUE(refused(100));
}

TEST_F(HostilePeer, StopsNobodyWithHalfAHandshake) {
  listen();
  std::vector<raw_peer> slow;
  for (int i = 0; i < 40; ++i) {
    slow.emplace_back(address.port);
    slow.back().say("\x16\x03\x01"); // the beginning of a record, and no more
  }

  EXPECT_TRUE(still_serves());

  for (const auto& each : slow) EXPECT_TRUE(each.hear_until_closed().has_value());
  EXPECT_TRUE(refused(40));
}

TEST_F(HostilePeer, IsClosedForGarbageInsteadOfTls) {
  listen();
  std::mt19937 random(7);
  for (int i = 0; i < 50; ++i) {
    std::string garbage(600, '\0');
    for (auto& byte : garbage) byte = static_cast<char>(random());
    garbage.front() = 'x'; // a first byte that no TLS record has, so that nothing is waited for
    const raw_peer peer(address.port);
    peer.say(garbage);
    EXPECT_TRUE(peer.hear_until_closed().has_value());
  }

  EXPECT_TRUE(refused(50));
  EXPECT_TRUE(still_serves());
}

class HostilePlainPeer : public ::testing::Test {
protected:
  HostilePlainPeer() {
    const auto listening = server->listen({}, seen);
    if (listening) port = listening->port;
  }

  std::shared_ptr<recorder> seen = std::make_shared<recorder>();
  std::unique_ptr<transport> server = make_transport({});
  std::uint16_t port = 0;
};

TEST_F(HostilePlainPeer, IsClosedForALengthBeyondTheLimit) {
  const raw_peer peer(port);

  peer.say(std::string("\0\0\0\2hi\0\x10\0\1", 10));

  EXPECT_EQ(seen->closed(),
            "the peer announced a frame of 1048577 bytes; at most 1048576 are allowed");
  EXPECT_THAT(seen->received(seen->opened(), 1), ::testing::ElementsAre("hi"));
  EXPECT_EQ(server->counters().violations, 1U);
  EXPECT_TRUE(peer.hear_until_closed().has_value());
}

TEST_F(HostilePlainPeer, IsClosedForGarbage) {
  const raw_peer peer(port);

  peer.say("GET / HTTP/1.1\r\n\r\n");

  EXPECT_THAT(seen->closed(), HasSubstr("are allowed"));
  EXPECT_TRUE(peer.hear_until_closed().has_value());
}

TEST_F(HostilePlainPeer, IsNoticedWhenItVanishesInTheMiddleOfAFrame) {
  {
    const raw_peer peer(port);
    EXPECT_EQ(peer.hear(4), std::string(4, '\0')) << "the greeting";
    peer.say(std::string("\0\0\1\0half", 8));
  }

  EXPECT_EQ(seen->closed(), "closed by the peer");
  EXPECT_EQ(server->counters().violations, 0U);
}

TEST_F(HostilePlainPeer, HoldsNoMemoryForWhatItOnlyAnnounces) {
  std::vector<raw_peer> peers;
  for (int i = 0; i < 200; ++i) {
    peers.emplace_back(port);
    peers.back().say(std::string("\0\x10\0\0", 4));
  }

  EXPECT_TRUE(seen->wait_for_opened(200));
  peers.clear();
  EXPECT_TRUE(seen->wait_for_closed(200));
}

} // namespace
} // namespace troupe::nodes
