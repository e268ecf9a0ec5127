#include "link_fixture.hpp"

#include <random>
#include <thread>

namespace troupe::nodes {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Two transports with one link between them; with TLS or without.
class Link : public ::testing::TestWithParam<bool> {
protected:
  void open() {
    here = make_transport(options_for("here"));
    there = make_transport(options_for("there"));
    const auto listening = there->listen({}, far_end);
    ASSERT_TRUE(listening.has_value()) << listening.why().message;
    address = *listening;
    here->connect(address, 7, near_end);
    near_link = near_end->opened();
    ASSERT_TRUE(near_link) << near_end->failed();
    far_link = far_end->opened();
    ASSERT_TRUE(far_link);
  }

  transport_options options_for(const std::string& name) {
    auto made = options;
    if (GetParam()) {
      if (!files) files.emplace();
      made.tls = files->node(name);
    }
    return made;
  }

  transport_options options{};
  std::optional<cluster_files> files;
  std::shared_ptr<recorder> near_end = std::make_shared<recorder>();
  std::shared_ptr<recorder> far_end = std::make_shared<recorder>();
  std::unique_ptr<transport> here;
  std::unique_ptr<transport> there;
  endpoint address;
  std::shared_ptr<link> near_link;
  std::shared_ptr<link> far_link;
};

std::string name_of(const ::testing::TestParamInfo<bool>& secure) {
  return secure.param ? "OverTls" : "Plain";
}

INSTANTIATE_TEST_SUITE_P(Transport, Link, ::testing::Bool(), name_of);

std::vector<frame> random_frames(std::size_t count, std::size_t max_bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<frame> made;
  for (std::size_t i = 0; i < count; ++i) {
    // Small ones mostly, and a few up to the limit.
    const auto limit = i % 16 == 0 ? max_bytes : 200;
    made.emplace_back(std::uniform_int_distribution<std::size_t>(0, limit)(random),
                      static_cast<char>('a' + i % 26));
  }
  made.emplace_back(max_bytes, '!');
  return made;
}

TEST_P(Link, TellsBothSidesThatItIsOpen) {
  open();

  EXPECT_EQ(near_end->ticket(), 7U);
  EXPECT_EQ(far_end->ticket(), 0U);
  EXPECT_EQ(near_link->peer().address, to_string(address));
  EXPECT_THAT(far_link->peer().address, StartsWith("127.0.0.1:"));
  EXPECT_EQ(near_link->peer().certificate_name, GetParam() ? "there" : "");
  EXPECT_EQ(far_link->peer().certificate_name, GetParam() ? "here" : "");
  EXPECT_EQ(there->counters().accepted, 1U);
}

TEST_P(Link, CarriesFramesOfAllSizesThereAndBack) {
  far_end->echoes = true;
  open();
  const auto sent = random_frames(400, max_frame_bytes, 1);

  for (const auto& each : sent) near_link->send({each});

  EXPECT_TRUE(near_end->received(near_link, sent.size()) == sent);
  EXPECT_TRUE(far_end->received(far_link, sent.size()) == sent);
  EXPECT_EQ(near_link->unsent_bytes(), 0U);
}

TEST_P(Link, CarriesBothDirectionsAtOnce) {
  open();
  const auto forth = random_frames(300, 100'000, 2);
  const auto back = random_frames(300, 100'000, 3);

  std::thread other([&] {
    for (const auto& each : back) far_link->send({each});
  });
  for (const auto& each : forth) near_link->send({each});
  other.join();

  EXPECT_TRUE(far_end->received(far_link, forth.size()) == forth);
  EXPECT_TRUE(near_end->received(near_link, back.size()) == back);
}

TEST_P(Link, KeepsTheOrderOfEachSendingThread) {
  open();
  constexpr int threads = 4;
  constexpr int each = 5'000;

  std::vector<std::thread> senders;
  for (int which = 0; which < threads; ++which) {
    senders.emplace_back([&, which] {
      for (int i = 0; i < each; ++i) near_link->send({std::to_string(which), std::to_string(i)});
    });
  }
  for (auto& sender : senders) sender.join();

  const auto received = far_end->received(far_link, std::size_t{2} * threads * each);
  ASSERT_EQ(received.size(), std::size_t{2} * threads * each);
  std::map<frame, int> next;
  for (std::size_t i = 0; i < received.size(); i += 2) {
    ASSERT_EQ(received[i + 1], std::to_string(next[received[i]]++));
  }
}

TEST_P(Link, WritesWhatIsQueuedBeforeItCloses) {
  options.handshake_limit = patience; // which must not be what ends it
  open();
  const auto sent = random_frames(50, max_frame_bytes, 4);
  const auto began = std::chrono::steady_clock::now();

  near_link->send(sent);
  near_link->close();

  EXPECT_EQ(far_end->closed(), "closed by the peer");
  EXPECT_TRUE(far_end->received(far_link, sent.size()) == sent);
  EXPECT_EQ(near_end->closed(), "closed");
  EXPECT_LT(std::chrono::steady_clock::now() - began, patience / 2);
}

TEST_P(Link, ClosesAlthoughThePeerIsStillSending) {
  open();
  const auto sent = random_frames(50, max_frame_bytes, 5);

  far_link->send(sent);
  near_link->send({"the last word"});
  near_link->close();

  EXPECT_THAT(far_end->received(far_link, 1), ElementsAre("the last word"));
  EXPECT_TRUE(near_end->wait_for_closed(1));
  EXPECT_TRUE(far_end->wait_for_closed(1));
}

TEST_P(Link, DropsWhatIsSentAfterItsEnd) {
  open();
  near_link->close();
  ASSERT_TRUE(near_end->wait_for_closed(1));

  near_link->send({"too late"});
  near_link->close();

  EXPECT_EQ(near_link->unsent_bytes(), 0U);
  EXPECT_EQ(near_end->closed_count(), 1U);
}

TEST_P(Link, RefusesToSendAFrameThatThePeerWouldRefuse) {
  open();

  EXPECT_THROW(near_link->send({frame(max_frame_bytes + 1, 'x')}), std::length_error);
}

TEST_P(Link, EndsWhenThePeersTransportIsShutDown) {
  open();

  there->shut_down();

  EXPECT_EQ(far_end->closed(), "the transport was shut down");
  EXPECT_THAT(near_end->closed(), AnyOf("closed by the peer", "Connection reset by peer"));
}

TEST_P(Link, TellsAllLinksOfAShutDownBeforeItReturns) {
  open();
  for (std::uint64_t i = 0; i < 20; ++i) here->connect(address, i, near_end);
  ASSERT_TRUE(near_end->wait_for_opened(21));
  ASSERT_TRUE(far_end->wait_for_opened(21));
  far_link->send(random_frames(50, max_frame_bytes, 6));

  there->shut_down();
  EXPECT_EQ(far_end->closed_count(), 21U);
  here->shut_down();
  here->shut_down();

  EXPECT_EQ(near_end->closed_count(), 21U);
  here->connect(address, 99, near_end);
  EXPECT_FALSE(here->listen({}, near_end).has_value());
}

TEST_P(Link, OutlivesItsTransportWithoutUse) {
  open();
  here.reset();
  there.reset();

  near_link->send({"to nobody"});
  near_link->close();

  EXPECT_EQ(near_end->closed_count(), 1U);
}

TEST_P(Link, WritesAGoodbyeThatWasSentJustBeforeTheShutDown) {
  open();

  near_link->send({"goodbye"});
  here->shut_down();

  EXPECT_THAT(far_end->received(far_link, 1), ElementsAre("goodbye"));
}

class Transport : public ::testing::Test {
protected:
  endpoint listen(transport& where, endpoint at = {}) {
    auto listening = where.listen(at, seen);
    EXPECT_TRUE(listening.has_value());
    return listening.value_or(endpoint{});
  }

  std::shared_ptr<recorder> seen = std::make_shared<recorder>();
  std::shared_ptr<recorder> other = std::make_shared<recorder>();
};

TEST_F(Transport, SaysThatNobodyListens) {
  const auto here = make_transport({});
  auto gone = make_transport({});
  const auto address = listen(*gone);
  gone.reset();

  here->connect(address, 3, other);

  EXPECT_EQ(other->failed(), "cannot connect to " + to_string(address) + ": Connection refused");
  EXPECT_EQ(other->failed_ticket(), 3U);
}

TEST_F(Transport, GivesUpOnAPeerThatNeverGreets) {
  const silent_listener silent;
  const auto here = make_transport({.handshake_limit = 100ms});

  here->connect(silent.address(), 3, other);

  EXPECT_THAT(other->failed(), HasSubstr("no greeting within 100ms"));
}

TEST_F(Transport, GivesUpOnAnAddressThatDoesNotAnswer) {
  const auto here = make_transport({.handshake_limit = 100ms});

  here->connect({"192.0.2.1", 9}, 3, other); // reserved for documentation: nobody has it

  EXPECT_THAT(other->failed(), StartsWith("cannot connect to 192.0.2.1:9: "));
}

TEST_F(Transport, SaysWhichHostIsUnknown) {
  const auto here = make_transport({.handshake_limit = 200ms});

  here->connect({"no.such.host.invalid", 9}, 3, other);

  EXPECT_THAT(other->failed(), HasSubstr("no.such.host.invalid"));
}

TEST_F(Transport, FindsAHostByItsName) {
  const auto here = make_transport({});
  const auto address = listen(*here, {"localhost", 0});

  here->connect({"localhost", address.port}, 3, other);

  EXPECT_TRUE(other->opened());
}

TEST_F(Transport, SaysWhichPortIsInUse) {
  const auto here = make_transport({});
  const auto address = listen(*here);

  const auto again = here->listen(address, other);

  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.why().message,
            "cannot listen at " + to_string(address) + ": Address already in use");
}

TEST_F(Transport, ListensOnlyAtTheGivenAddress) {
  const auto here = make_transport({});
  const auto address = listen(*here);

  here->connect({"127.0.0.2", address.port}, 3, other);

  EXPECT_THAT(other->failed(), HasSubstr("Connection refused"));
}

TEST_F(Transport, TurnsAwayMoreLinksThanAllowed) {
  const auto here = make_transport({.max_links = 2});
  const auto there = make_transport({});
  const auto address = listen(*here);
  there->connect(address, 1, other);
  there->connect(address, 2, other);
  ASSERT_TRUE(other->wait_for_opened(2));

  there->connect(address, 3, other);

  EXPECT_THAT(other->failed(), HasSubstr("closed by the peer"));
  EXPECT_EQ(here->counters().refused, 1U);
}

TEST_F(Transport, LinksTwoHandlersOfTheSameTransport) {
  const auto here = make_transport({});
  seen->echoes = true;
  here->connect(listen(*here), 1, other);
  const auto link = other->opened();
  ASSERT_TRUE(link);

  link->send({"to myself"});

  EXPECT_THAT(other->received(link, 1), ElementsAre("to myself"));
}

TEST_F(Transport, EndsALinkWhenMoreWaitsThanIsAllowed) {
  const auto here = make_transport({.max_unsent_bytes = 4u << 20});
  const raw_peer reader(listen(*here).port); // takes nothing
  const auto link = seen->opened();
  ASSERT_TRUE(link);

  for (int i = 0; i < 64; ++i) link->send({frame(max_frame_bytes, 'x')});

  EXPECT_EQ(seen->closed(), "more than 4194304 bytes waited for the peer to take them");
  EXPECT_EQ(here->counters().overflows, 1U);
  EXPECT_EQ(link->unsent_bytes(), 0U);
}

TEST_F(Transport, ClosesALinkWithinTheLimitWhenThePeerTakesNothing) {
  const auto here = make_transport({.handshake_limit = 200ms});
  const raw_peer reader(listen(*here).port);
  const auto link = seen->opened();
  ASSERT_TRUE(link);

  link->send(std::vector<frame>(32, frame(max_frame_bytes, 'x')));
  link->close();

  EXPECT_EQ(seen->closed(), "closed");
}

TEST_F(Transport, ShutsDownInTheMiddleOfEverything) {
  const silent_listener silent;
  auto here = make_transport({});
  const auto address = listen(*here);
  const raw_peer half_open(address.port);
  for (std::uint64_t i = 0; i < 50; ++i) here->connect(address, i, other);
  here->connect(silent.address(), 100, other);
  here->connect({"192.0.2.1", 9}, 101, other);
  here->connect({"no.such.host.invalid", 9}, 102, other);

  here.reset();

  EXPECT_EQ(seen->open_count(), seen->closed_count());
  EXPECT_EQ(other->open_count(), other->closed_count());
}

} // namespace
} // namespace troupe::nodes
