#include "sample_native.hpp"

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/value.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace troupe {
namespace {

constexpr auto most_unsigned = std::numeric_limits<std::uint64_t>::max();

TEST(Value, KeepsIntegersAndFloatingPointApart) {
  EXPECT_FALSE(value(1) == value(1.0));
  EXPECT_EQ(value(1), value(std::uint64_t{1}));
  EXPECT_EQ(value(most_unsigned).type(), value::kind::unsigned_integer);
  EXPECT_EQ(value(std::uint64_t{1} << 62).type(), value::kind::integer);
}

TEST(Value, ComparesFloatingPointByItsCanonicalBits) {
  const auto odd_nan = std::bit_cast<double>(std::uint64_t{0xfff0'0000'0000'0001});

  EXPECT_EQ(value(odd_nan), value(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(value(0.0) == value(-0.0));
}

TEST(Value, KeepsTheLastOfTwoMembersWithOneKey) {
  const auto content = value::map({{"b", 1}, {"a", 2}, {"b", 3}});

  EXPECT_EQ(content.size(), 2U);
  EXPECT_EQ(content.at("b"), value(3));
  EXPECT_EQ(content.if_map()->front().first, "a");
}

TEST(Value, ReadsNullWhereNothingIs) {
  EXPECT_TRUE(value(1).at("key").is_null());
  EXPECT_TRUE(value::list({1}).at(1).is_null());
  EXPECT_TRUE(value::map({{"a", 1}}).at("b").is_null());
  EXPECT_FALSE(value::list({1}).contains("a"));
  EXPECT_EQ(value(true).size(), 0U);
}

TEST(Value, SetsOneMemberInACopy) {
  const auto before = value::map({{"a", 1}});
  const auto after = before.with("b", 2).with("a", 3);

  EXPECT_EQ(before, value::map({{"a", 1}}));
  EXPECT_EQ(after, value::map({{"a", 3}, {"b", 2}}));
  EXPECT_EQ(value().with("a", 1), before);
  EXPECT_THROW(static_cast<void>(value(1).with("a", 1)), std::invalid_argument);
}

TEST(Value, ReadsAnyNumberAsFloatingPoint) {
  EXPECT_EQ(value(2).to_double(), 2.0);
  EXPECT_EQ(value(most_unsigned).to_double(), std::ldexp(1.0, 64));
  EXPECT_EQ(value("2").to_double(), 0.0);
}

TEST(Value, ReadsANativeInItsPlainForm) {
  const auto content = native_point(7);

  EXPECT_EQ(content.at("x"), value(7));
  EXPECT_TRUE(content.contains("x"));
  EXPECT_EQ(content.if_native<point>()->x, 7);
  EXPECT_EQ(content.if_native<int>(), nullptr);
  EXPECT_EQ(content.share_native<point>()->x, 7);
}

TEST(Value, ComparesNativesByTheirPlainForm) {
  EXPECT_EQ(native_point(7), native_point(7));
  EXPECT_FALSE(native_point(7) == native_point(8));
  EXPECT_EQ(value::list({native_point(7)}), value::list({value::map({{"x", 7}})}));
}

TEST(Value, ComparesNativesWithoutAPlainFormByTheirObject) {
  const auto secret = native_secret();
  const auto copy = secret;

  EXPECT_EQ(secret, copy);
  EXPECT_FALSE(secret == native_secret());
  EXPECT_FALSE(secret == value());
}

TEST(Value, SaysWhetherItCanBeEncoded) {
  EXPECT_TRUE(value::list({native_point(1)}).is_encodable());
  EXPECT_FALSE(value::list({native_secret()}).is_encodable());
  EXPECT_TRUE(nested_lists(1000).is_encodable());
}

TEST(Value, TurnsNativesIntoPlainForms) {
  const auto content = value::map({{"a", value::list({native_point(1), native_secret()})}});

  EXPECT_EQ(content.plain(), value::map({{"a", value::list({value::map({{"x", 1}}), value()})}}));
  EXPECT_FALSE(content.plain().at("a").at(std::size_t{0}).is_native());
}

TEST(Value, EndsAtNativesThatNeverBecomePlain) {
  EXPECT_FALSE(native_loop().is_encodable());
  EXPECT_TRUE(native_loop().plain().is_null());
  EXPECT_FALSE(native_spiral().is_encodable());
  EXPECT_FALSE(native_loop() == native_loop());
}

TEST(Value, SurvivesAMillionListsInsideEachOther) {
  constexpr std::size_t deep = 1'000'000;
  const auto one = nested_lists(deep);
  const auto other = nested_lists(deep);

  EXPECT_EQ(one, other);
  EXPECT_FALSE(one == nested_lists(deep - 1));
  EXPECT_GT(one.approximate_bytes(), deep);
  EXPECT_TRUE(one.is_encodable());
  EXPECT_EQ(to_string(one).size(), 2 * deep + 1);
}

TEST(Value, SurvivesManyMapsInsideEachOther) {
  value content = native_point(1);
  for (int i = 0; i < 200'000; ++i) content = value::map({{"a", content}, {"b", value::list({1})}});

  EXPECT_EQ(content.plain(), content);
}

TEST(Value, GrowsInBytesWithItsContent) {
  EXPECT_GE(value(std::string(1000, 'x')).approximate_bytes(), 1000U);
  EXPECT_GE(value::binary(value::binary_type(1000)).approximate_bytes(), 1000U);
  EXPECT_GT(value::map({{std::string(500, 'k'), 1}}).approximate_bytes(), 500U);
  EXPECT_LT(value(1).approximate_bytes(), 100U);
}

TEST(Value, NamesEveryKind) {
  EXPECT_EQ(kind_name(value()), "null");
  EXPECT_EQ(kind_name(value(true)), "boolean");
  EXPECT_EQ(kind_name(value(most_unsigned)), "integer");
  EXPECT_EQ(kind_name(value(1.5)), "number");
  EXPECT_EQ(kind_name(value("")), "text");
  EXPECT_EQ(kind_name(value::binary({})), "binary");
  EXPECT_EQ(kind_name(value::list()), "list");
  EXPECT_EQ(kind_name(value::map()), "map");
  EXPECT_EQ(kind_name(native_point(1)), "native");
}

} // namespace
} // namespace troupe
