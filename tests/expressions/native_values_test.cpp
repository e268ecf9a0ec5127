#include "expression_fixture.hpp"

#include <memory>
#include <stdexcept>

namespace troupe {
namespace {

using namespace testing_support;

struct order {
  value plain;
  mutable int encoded = 0;
};

const native_type order_type{&typeid(order), [](const void* object) {
                               const auto& self = *static_cast<const order*>(object);
                               ++self.encoded;
                               return self.plain;
                             }};
const native_type broken_type{&typeid(int),
                              [](const void*) -> value { throw std::runtime_error("no form"); }};
const native_type opaque_type{&typeid(int), nullptr};

std::shared_ptr<order> make_order() {
  return std::make_shared<order>(
      order{value::map({{"total", 12.5}, {"lines", value::list({1, 2, 3})}})});
}

TEST(NativeValues, AreReadInTheirPlainForm) {
  const auto input = value::native(make_order(), order_type);

  EXPECT_EQ(result_of("input.total > 10", input), value(true));
  EXPECT_EQ(result_of("input.lines.map(line, line + size(input.lines))", input),
            value::list({4, 5, 6}));
  EXPECT_EQ(result_of("type(input) == map && has(input.total)", input), value(true));
  EXPECT_EQ(result_of("input == {'total': 12.5, 'lines': [1, 2, 3]}", input), value(true));
}

TEST(NativeValues, ArePassedOnAsTheyAre) {
  const auto object = make_order();
  const auto input = value::native(object, order_type);

  EXPECT_EQ(result_of("input", input).if_native<order>(), object.get());
  EXPECT_EQ(result_of("[input]", input).at(0).if_native<order>(), object.get());
  EXPECT_EQ(result_of("true ? input.a : 1", value::map({{"a", input}})).if_native<order>(),
            object.get());
}

TEST(NativeValues, AreEncodedOnceInAnEvaluationAndOnlyWhenUsed) {
  const auto object = make_order();
  const auto input = value::map(
      {{"order", value::native(object, order_type)}, {"numbers", value::list({1, 2, 3, 4})}});

  EXPECT_EQ(result_of("size(input.numbers)", input), value(4));
  EXPECT_EQ(object->encoded, 0);
  EXPECT_EQ(result_of("input.numbers.all(x, input.order.total > double(x))", input), value(true));
  EXPECT_EQ(object->encoded, 1);
}

TEST(NativeValues, CountAsNullWithoutAPlainForm) {
  const auto input = value::native(std::make_shared<int>(1), opaque_type);

  EXPECT_EQ(result_of("input == null", input), value(true));
}

TEST(NativeValues, FailTheEvaluationWhenTheyCannotBeEncoded) {
  const auto result = evaluated("input.a", value::native(std::make_shared<int>(1), broken_type));

  ASSERT_FALSE(result);
  EXPECT_EQ(result.why().kind, failure_kind::permanent);
  EXPECT_THAT(result.why().message, testing::HasSubstr("no form"));
}

} // namespace
} // namespace troupe
