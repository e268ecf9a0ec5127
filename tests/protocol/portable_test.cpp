#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/portable.hpp>
#include <troupe/protocol/step_result.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace troupe {
namespace {

value over_the_wire(const value& content) {
  std::vector<std::uint8_t> bytes;
  EXPECT_TRUE(encode(to_portable(content), bytes));
  return from_portable(*decode(bytes));
}

step_result sample() {
  step_result result;
  result.name = "a";
  result.output = 7;
  return result;
}

TEST(portable, leaves_values_without_results_as_they_are) {
  const auto content = value::map({{"a", value::list({1, "two", {}})}, {"b", 2.5}});
  EXPECT_EQ(to_portable(content), content);
  EXPECT_EQ(from_portable(content), content);
}

TEST(portable, keeps_results_results) {
  auto outer = sample();
  outer.output = value::list({wrap_result(sample()), 3});
  const auto back = over_the_wire(value::map({{"all", value::list({wrap_result(outer)})}}));
  const auto item = back.at("all").at(std::size_t{0});
  const auto* result = unwrap_result(item);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->name, "a");
  const auto nested = result->output.at(std::size_t{0});
  ASSERT_TRUE(unwrap_result(nested));
  EXPECT_EQ(unwrap_result(nested)->output, value(7));
}

TEST(portable, does_not_take_other_maps_for_results) {
  for (const auto& key : {"troupe.result", "troupe.map"}) {
    const auto content = value::map({{key, value::map({{"name", "x"}})}});
    EXPECT_EQ(over_the_wire(content), content);
    const auto nested = value::list({content, value::map({{"troupe.map", content}})});
    EXPECT_EQ(over_the_wire(nested), nested);
  }
}

} // namespace
} // namespace troupe
