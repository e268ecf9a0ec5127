#include "redis_address.hpp"

#include <troupe/runtime/redis_cache.hpp>

#include <gmock/gmock.h>

namespace troupe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

redis_address read(std::string_view url) {
  auto made = parse_redis_url(url);
  EXPECT_TRUE(made) << url << ' ' << made.why().message;
  return made ? *made : redis_address{};
}

TEST(RedisAddress, HasDefaults) {
  const auto made = read("redis://cache");
  EXPECT_EQ(made.host, "cache");
  EXPECT_EQ(made.port, 6379);
  EXPECT_EQ(made.database, 0);
  EXPECT_EQ(made.user, "");
  EXPECT_EQ(made.password, "");
  EXPECT_EQ(shown(made), "redis://cache:6379/0");
}

TEST(RedisAddress, HasManyParts) {
  const auto made = read("redis://me:p%40ss%3A:%2f@[::1]:6400/12");
  EXPECT_EQ(made.host, "::1");
  EXPECT_EQ(made.port, 6400);
  EXPECT_EQ(made.database, 12);
  EXPECT_EQ(made.user, "me");
  EXPECT_EQ(made.password, "p@ss::/");
  EXPECT_EQ(shown(made), "redis://[::1]:6400/12");
}

TEST(RedisAddress, RefusesOtherTexts) {
  for (const auto* url : {"",
                          "redis",
                          "redis://",
                          "redis:///0",
                          "http://cache",
                          "redis://cache:0",
                          "redis://cache:x",
                          "redis://cache:65536",
                          "redis://cache:6379/x",
                          "redis://cache:6379/-1",
                          "redis://a b",
                          "redis://@cache",
                          "redis://me@cache",
                          "redis://me:@cache",
                          "redis://:%4@cache",
                          "redis://:%zz@cache",
                          "redis://[::1",
                          "redis://[::1]x",
                          "redis://c?db=1",
                          "redis://cache:6379/0/1",
                          "rediss://cache"}) {
    EXPECT_TRUE(check_redis_url(url)) << url;
    EXPECT_THROW((void)redis_cache(url), step_error) << url;
  }
}

TEST(RedisAddress, RepeatsNothingOfWhatItRefuses) {
  const auto why = check_redis_url("redis://me:s3cret@cache:port");
  ASSERT_TRUE(why);
  EXPECT_THAT(why->message, Not(HasSubstr("s3cret")));
  EXPECT_THAT(why->message, HasSubstr("redis://[user:password@]host:port[/database]"));
}

} // namespace
} // namespace troupe
