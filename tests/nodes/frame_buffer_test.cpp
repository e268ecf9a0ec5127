#include "frame_buffer.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <numeric>

namespace troupe::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string wire(const std::vector<frame>& frames) {
  std::vector<char> bytes;
  for (const auto& each : frames) append_frame(each, bytes);
  return {bytes.begin(), bytes.end()};
}

std::string header(std::uint32_t size) {
  return {static_cast<char>(size >> 24), static_cast<char>(size >> 16),
          static_cast<char>(size >> 8), static_cast<char>(size)};
}

TEST(FrameBuffer, CutsOneReadIntoItsFrames) {
  frame_buffer buffer;
  std::vector<frame> complete;

  EXPECT_TRUE(buffer.take(wire({"one", "", "three"}), complete));

  EXPECT_THAT(complete, ElementsAre("one", "", "three"));
}

TEST(FrameBuffer, WaitsForTheRestOfAFrame) {
  frame_buffer buffer;
  std::vector<frame> complete;
  const auto bytes = wire({"in two parts"});

  EXPECT_TRUE(buffer.take(bytes.substr(0, 7), complete));
  EXPECT_THAT(complete, IsEmpty());
  EXPECT_TRUE(buffer.take(bytes.substr(7), complete));

  EXPECT_THAT(complete, ElementsAre("in two parts"));
}

TEST(FrameBuffer, WritesTheLengthInNetworkOrder) {
  EXPECT_EQ(wire({std::string(258, 'x')}).substr(0, 4), std::string("\0\0\1\2", 4));
}

TEST(FrameBuffer, TakesTheLongestFrameThatIsAllowed) {
  frame_buffer buffer(16);
  std::vector<frame> complete;

  EXPECT_TRUE(buffer.take(wire({std::string(16, 'x')}), complete));

  EXPECT_THAT(complete, ElementsAre(std::string(16, 'x')));
}

TEST(FrameBuffer, RefusesALongerOneByItsHeaderAlone) {
  frame_buffer buffer(16);
  std::vector<frame> complete;

  EXPECT_FALSE(buffer.take(wire({"fine"}) + header(17), complete));

  EXPECT_EQ(buffer.refused_bytes(), 17U);
  EXPECT_THAT(complete, ElementsAre("fine"));
}

TEST(FrameBuffer, TakesNothingAfterAViolation) {
  frame_buffer buffer;
  std::vector<frame> complete;
  ASSERT_FALSE(buffer.take(header(0xFFFFFFFF), complete));

  EXPECT_FALSE(buffer.take(wire({"late"}), complete));

  EXPECT_THAT(complete, IsEmpty());
}

RC_GTEST_PROP(FrameBufferProperty, DoesNotDependOnHowTheStreamIsSplit, ()) {
  const auto frames = *rc::gen::arbitrary<std::vector<std::string>>();
  const auto sizes =
      *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 24));
  frame_buffer buffer;
  std::vector<frame> complete;
  auto rest = wire(frames);
  for (const auto size : sizes) {
    const auto part = rest.substr(0, size);
    rest.erase(0, part.size());
    RC_ASSERT(buffer.take(part, complete));
  }
  RC_ASSERT(buffer.take(rest, complete));
  RC_ASSERT(complete == frames);
}

} // namespace
} // namespace troupe::nodes
