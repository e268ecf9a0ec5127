#include <troupe/policies/cache_entry_codec.hpp>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

cache_entry sample() {
  auto result = std::make_shared<step_result>();
  result->output = value::map({{"n", 1}});
  return {std::move(result), {{"tenant", value("t")}, {"draft", std::nullopt}}, instant{}};
}

TEST(CacheEntryCodec, ReadsWhatItWrote) {
  const auto bytes = encode_entry(sample(), 12ms);
  ASSERT_TRUE(bytes);

  const auto read = decode_entry(*bytes);

  ASSERT_TRUE(read) << read.why().message;
  EXPECT_EQ(read->stored, 12ms);
  EXPECT_EQ(read->entry.result->output, sample().result->output);
  EXPECT_EQ(read->entry.changes, sample().changes);
}

TEST(CacheEntryCodec, RefusesWhatItDidNotWrite) {
  auto bytes = *encode_entry(sample(), 12ms);
  bytes.pop_back();

  EXPECT_EQ(decode_entry(bytes).why().kind, failure_kind::malformed);
  EXPECT_EQ(decode_entry({}).why().kind, failure_kind::malformed);
}

TEST(CacheEntryCodec, RefusesValuesWithoutAPlainForm) {
  struct socket {};
  static const native_type type{&typeid(socket), nullptr};
  auto result = std::make_shared<step_result>();
  result->output = value::native(std::make_shared<const socket>(), type);

  EXPECT_FALSE(encode_entry({.result = std::move(result)}, 0ms));
}

} // namespace
} // namespace troupe
