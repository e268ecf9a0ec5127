#include "sample_native.hpp"

#include <troupe/protocol/codec.hpp>

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>

namespace troupe {
namespace {

using bytes = std::vector<std::uint8_t>;
using testing::ElementsAre;
using testing::HasSubstr;

bytes encoded(const value& content) {
  bytes out;
  EXPECT_TRUE(encode(content, out));
  return out;
}

std::string refusal(const bytes& message, const decode_limits& limits = {}) {
  const auto decoded = decode(message, limits);
  if (decoded) return "was accepted as " + to_string(*decoded);
  EXPECT_EQ(decoded.why().kind, failure_kind::malformed);
  return decoded.why().message;
}

bytes headers(std::size_t count, std::uint8_t header) {
  return bytes(count, header);
}

TEST(Codec, WritesIntegersAsShortAsTheyAre) {
  EXPECT_THAT(encoded(127), ElementsAre(0x7f));
  EXPECT_THAT(encoded(128), ElementsAre(0xcc, 0x80));
  EXPECT_THAT(encoded(-32), ElementsAre(0xe0));
  EXPECT_THAT(encoded(-33), ElementsAre(0xd0, 0xdf));
  EXPECT_EQ(encoded(std::numeric_limits<std::uint64_t>::max()).size(), 9U);
}

TEST(Codec, WritesEveryFloatingPointNumberWithSixtyFourBits) {
  EXPECT_THAT(encoded(1.0), ElementsAre(0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0));
}

TEST(Codec, WritesEveryNanAlike) {
  const auto odd = std::bit_cast<double>(std::uint64_t{0xfff0'0000'0000'0001});

  EXPECT_THAT(encoded(odd), ElementsAre(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0));
}

TEST(Codec, SortsMapKeys) {
  EXPECT_THAT(encoded(value::map({{"b", 1}, {"a", 2}})),
              ElementsAre(0x82, 0xa1, 'a', 2, 0xa1, 'b', 1));
}

TEST(Codec, WritesNativesInTheirPlainForm) {
  EXPECT_EQ(encoded(value::list({native_point(3)})),
            encoded(value::list({value::map({{"x", 3}})})));
}

TEST(Codec, LeavesTheOutputAloneWhenItCannotEncode) {
  bytes out{1, 2};

  const auto written = encode(value::list({1, native_secret()}), out);

  ASSERT_FALSE(written);
  EXPECT_EQ(written.why().kind, failure_kind::malformed);
  EXPECT_THAT(out, ElementsAre(1, 2));
}

TEST(Codec, AppendsAndSaysHowMuch) {
  bytes out{1};

  EXPECT_EQ(*encode("ab", out), 3U);
  EXPECT_THAT(out, ElementsAre(1, 0xa2, 'a', 'b'));
}

TEST(Codec, RefusesToEncodeWhatIsTooDeep) {
  bytes out;

  EXPECT_TRUE(encode(nested_lists(512), out));
  EXPECT_FALSE(encode(nested_lists(513), out));
  EXPECT_FALSE(encode(native_loop(), out));
  EXPECT_FALSE(encode(native_spiral(), out));
  EXPECT_TRUE(encode(nested_lists(100'000), out, 100'000));
}

TEST(Codec, KeepsTextThatIsNoUtf8) {
  const value content(std::string("\xff\x00\xc0", 3));

  EXPECT_EQ(*decode(encoded(content)), content);
}

TEST(Codec, AcceptsUnsortedKeysAndLongForms) {
  EXPECT_EQ(*decode(bytes{0x82, 0xa1, 'b', 1, 0xa1, 'a', 2}), value::map({{"a", 2}, {"b", 1}}));
  EXPECT_EQ(*decode(bytes{0xd3, 0, 0, 0, 0, 0, 0, 0, 5}), value(5));
  EXPECT_EQ(*decode(bytes{0xca, 0x3f, 0x80, 0, 0}), value(1.0));
  EXPECT_EQ(*decode(bytes{0xdc, 0, 0}), value::list());
}

TEST(Codec, RefusesAMapWithTwoEqualKeys) {
  EXPECT_THAT(refusal({0x82, 0xa1, 'a', 1, 0xa1, 'a', 2}), HasSubstr("two equal keys, at byte 6"));
}

TEST(Codec, RefusesKeysThatAreNoText) {
  for (const auto& message : {bytes{0x81, 1, 1}, bytes{0x81, 0xc0, 1}, bytes{0x81, 0xc4, 1, 'a', 1},
                              bytes{0x81, 0x91, 0xa1, 'a', 1}, bytes{0x81, 0x80, 1},
                              bytes{0x81, 0x90, 1}, bytes{0x81, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0, 1}}) {
    EXPECT_THAT(refusal(message), HasSubstr("map key that is no text"));
  }
}

TEST(Codec, RefusesExtensionTypes) {
  EXPECT_THAT(refusal({0xd4, 1, 1}), HasSubstr("extension"));
  EXPECT_THAT(refusal({0xc7, 0, 1}), HasSubstr("extension"));
  EXPECT_THAT(refusal({0x81, 0xd4, 1, 1, 1}), HasSubstr("extension"));
}

TEST(Codec, RefusesWhatIsNotOneWholeValue) {
  EXPECT_THAT(refusal({}), HasSubstr("ends too early, at byte 0"));
  EXPECT_THAT(refusal({1, 2}), HasSubstr("trailing bytes, at byte 1"));
  EXPECT_THAT(refusal({0xc1}), HasSubstr("unknown type byte, at byte 0"));
  EXPECT_THAT(refusal({0x92, 1}), HasSubstr("ends too early, at byte 2"));
  EXPECT_THAT(refusal({0xd9}), HasSubstr("ends too early"));
  EXPECT_THAT(refusal({0xa5, 'a'}), HasSubstr("ends too early"));
  EXPECT_THAT(refusal({0x90, 0xc1}), HasSubstr("trailing bytes"));
}

TEST(Codec, BelievesNoHeaderThatClaimsMoreThanThereIs) {
  for (const auto header : bytes{0xc6, 0xc9, 0xdb, 0xdd, 0xdf}) {
    EXPECT_THAT(refusal({header, 0xff, 0xff, 0xff, 0xff}), HasSubstr("ends too early"));
  }
}

TEST(Codec, BelievesNoHeadersInsideEachOther) {
  bytes message;
  for (int i = 0; i < 500; ++i) message.insert(message.end(), {0xdd, 0xff, 0xff, 0xff, 0xff});

  EXPECT_THAT(refusal(message), HasSubstr("ends too early"));
}

TEST(Codec, RefusesWhatNestsTooDeep) {
  EXPECT_THAT(refusal(headers(1'000'000, 0x91)), HasSubstr("nests deeper than 512, at byte 512"));
  EXPECT_TRUE(decode(encoded(nested_lists(512))));
  EXPECT_THAT(refusal({0x91, 0x91, 1}, {.max_depth = 1}), HasSubstr("nests deeper than 1"));
  EXPECT_TRUE(decode(bytes{1}, {.max_depth = 0}));
  EXPECT_THAT(refusal({0x90}, {.max_depth = 0}), HasSubstr("nests deeper"));
}

TEST(Codec, RefusesTooManyElements) {
  EXPECT_TRUE(decode(bytes{0x92, 1, 1}, {.max_elements = 3}));
  EXPECT_THAT(refusal({0x92, 1, 1}, {.max_elements = 2}), HasSubstr("more than 2 elements"));
  EXPECT_THAT(refusal({0x82, 0xa1, 'a', 1, 0xa1, 'b', 1}, {.max_elements = 2}),
              HasSubstr("more than 2 elements"));
}

TEST(Codec, RefusesTooManyBytes) {
  EXPECT_TRUE(decode(bytes{0x92, 1, 1}, {.max_bytes = 3}));
  EXPECT_THAT(refusal({0x92, 1, 1}, {.max_bytes = 2}), HasSubstr("the limit is 2"));
}

TEST(Codec, CarriesLargeContent) {
  const auto content =
      value::list({std::string(4u << 20, '\0'), value::binary(bytes(4u << 20, 7))});

  EXPECT_EQ(*decode(encoded(content)), content);
}

TEST(Codec, TellsTextAndBinaryApart) {
  EXPECT_EQ(*decode(encoded(value::binary({}))), value::binary({}));
  EXPECT_EQ(*decode(encoded("")), value(""));
  EXPECT_FALSE(encoded("") == encoded(value::binary({})));
}

} // namespace
} // namespace troupe
