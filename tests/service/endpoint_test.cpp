#include <troupe/service/endpoint.hpp>
#include <troupe/service/tls_files.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(endpoint, reads_hosts_ports_and_both) {
  EXPECT_EQ(*parse_endpoint("worker-3:7800"), (endpoint{"worker-3", 7800}));
  EXPECT_EQ(*parse_endpoint("worker-3", 7800), (endpoint{"worker-3", 7800}));
  EXPECT_EQ(*parse_endpoint(":9000"), (endpoint{"127.0.0.1", 9000}));
  EXPECT_EQ(*parse_endpoint("[::1]:9000"), (endpoint{"::1", 9000}));
  EXPECT_EQ(*parse_endpoint("[fe80::1]", 1), (endpoint{"fe80::1", 1}));
}

TEST(endpoint, says_what_is_wrong) {
  for (const auto* text : {"a:b", "a:65536", "a:-1", "a:", "a:1x", "::1", "[::1", "[::1]x"}) {
    const auto found = parse_endpoint(text);
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.why().kind, failure_kind::malformed);
    EXPECT_NE(found.why().message.find(text), std::string::npos) << found.why().message;
  }
}

TEST(endpoint, is_written_the_way_it_is_read) {
  for (const endpoint& each : {endpoint{"a", 1}, endpoint{"::1", 2}, endpoint{"10.0.0.1", 65535}}) {
    EXPECT_EQ(*parse_endpoint(to_string(each)), each);
  }
}

TEST(endpoint, knows_what_only_this_machine_reaches) {
  EXPECT_TRUE(is_loopback({"127.0.0.1", 1}));
  EXPECT_TRUE(is_loopback({"127.8.0.1", 1}));
  EXPECT_TRUE(is_loopback({"::1", 1}));
  EXPECT_TRUE(is_loopback({"localhost", 1}));
  EXPECT_FALSE(is_loopback({"0.0.0.0", 1}));
  EXPECT_FALSE(is_loopback({"::", 1}));
  EXPECT_FALSE(is_loopback({"192.168.1.4", 1}));
  EXPECT_FALSE(is_loopback({"127.example.com", 1}));
  EXPECT_FALSE(is_loopback({"127.0.0.1.example.com", 1}));
  EXPECT_FALSE(is_loopback({"127.1", 1}));
}

TEST(tls_files, are_given_once_one_of_them_is) {
  EXPECT_FALSE(tls_files{}.given());
  EXPECT_TRUE((tls_files{"", "", "node.key"}.given()));
}

} // namespace
} // namespace troupe
