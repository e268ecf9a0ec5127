#include <troupe/runtime/convert.hpp>
#include <troupe/runtime/fields.hpp>

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace sample {

struct item {
  std::string id;
  int count = 0;
  friend bool operator==(const item&, const item&) = default;
};
TROUPE_FIELDS(item, id, count);

struct order {
  std::string customer;
  std::vector<item> items;
  std::optional<double> discount;
  std::map<std::string, std::string> labels;
  friend bool operator==(const order&, const order&) = default;
};
TROUPE_FIELDS(order, customer, items, discount, labels);

struct opaque {
  int handle = 0;
};

} // namespace sample

namespace troupe {
namespace {

using ::testing::HasSubstr;

/// Expects that an object comes back as it went in; returns its value.
template <class T>
value round_trip(const T& object) {
  const auto content = to_value(object);
  const auto back = from_value<T>(content);
  EXPECT_TRUE(back) << back.why().message;
  EXPECT_TRUE(back && *back == object);
  return content;
}

template <class T>
std::string why_not(const value& content) {
  const auto converted = from_value<T>(content);
  if (converted) return "it fits";
  EXPECT_EQ(converted.why().kind, failure_kind::malformed);
  return converted.why().message;
}

TEST(ConvertTest, NumbersAndTextArePlain) {
  EXPECT_EQ(round_trip(42), value(42));
  EXPECT_EQ(round_trip(UINT64_MAX), value(UINT64_MAX));
  EXPECT_EQ(round_trip(INT64_MIN), value(INT64_MIN));
  EXPECT_EQ(round_trip(true), value(true));
  EXPECT_EQ(round_trip(2.5), value(2.5));
  EXPECT_EQ(round_trip(2.5f), value(2.5));
  EXPECT_EQ(round_trip(std::string("text")), value("text"));
}

TEST(ConvertTest, ListsMapsTuplesAndOptionalsArePlain) {
  EXPECT_EQ(round_trip(std::vector<int>{1, 2}), value::list({1, 2}));
  EXPECT_EQ(round_trip(std::map<std::string, int>{{"a", 1}}), value::map({{"a", 1}}));
  EXPECT_EQ(round_trip(std::tuple(1, std::string("b"), 0.5)), value::list({1, "b", 0.5}));
  EXPECT_EQ(round_trip(std::pair(1, 2)), value::list({1, 2}));
  EXPECT_EQ(round_trip(std::optional(3)), value(3));
  EXPECT_EQ(round_trip(std::optional<int>()), value());
}

TEST(ConvertTest, BytesAreBinary) {
  EXPECT_EQ(round_trip(value::binary_type{0, 255}), value::binary({0, 255}));
}

TEST(ConvertTest, VectorsOfBooleansAreLists) {
  EXPECT_EQ(round_trip(std::vector<bool>{true, false}), value::list({true, false}));
}

TEST(ConvertTest, ValuesAreTakenAsTheyAre) {
  EXPECT_EQ(round_trip(value::list({1, "two"})), value::list({1, "two"}));
}

TEST(ConvertTest, StructsWithFieldsTravelAsThemselvesAndHaveAPlainForm) {
  const sample::order object{"ann", {{"x", 2}, {"y", 1}}, 0.1, {{"k", "v"}}};

  const auto content = round_trip(object);

  EXPECT_NE(content.if_native<sample::order>(), nullptr);
  EXPECT_EQ(content.plain(),
            value::map({{"customer", "ann"},
                        {"discount", 0.1},
                        {"items", value::list({value::map({{"id", "x"}, {"count", 2}}),
                                               value::map({{"id", "y"}, {"count", 1}})})},
                        {"labels", value::map({{"k", "v"}})}}));
}

TEST(ConvertTest, StructsWithFieldsAreReadFromTheirPlainForm) {
  const sample::order object{"ann", {{"x", 2}}, std::nullopt, {}};

  const auto back = from_value<sample::order>(to_value(object).plain());

  ASSERT_TRUE(back);
  EXPECT_EQ(*back, object);
}

TEST(ConvertTest, FieldsAreReadFromAnotherStructOfTheSameForm) {
  const auto back = from_value<sample::item>(value::map({{"id", "x"}, {"count", 1}, {"more", 2}}));

  ASSERT_TRUE(back);
  EXPECT_EQ(*back, (sample::item{"x", 1}));
}

TEST(ConvertTest, OtherObjectsTravelAsThemselvesOnly) {
  const auto content = to_value(sample::opaque{7});

  EXPECT_EQ(from_value<sample::opaque>(content)->handle, 7);
  EXPECT_FALSE(content.is_encodable());
  EXPECT_THAT(why_not<sample::opaque>(value(7)), HasSubstr("object of another C++ type"));
}

TEST(ConvertTest, PlainFormIsKnownWhenItIsCompiled) {
  EXPECT_TRUE(has_plain_form<std::vector<sample::item>>);
  EXPECT_TRUE((has_plain_form<std::tuple<int, std::optional<std::string>>>));
  EXPECT_TRUE(has_plain_form<step_result>);
  EXPECT_FALSE(has_plain_form<sample::opaque>);
  EXPECT_FALSE(has_plain_form<std::vector<sample::opaque>>);
  EXPECT_FALSE((has_plain_form<std::pair<int, sample::opaque>>));
}

TEST(ConvertTest, WrongKindsAreNamed) {
  EXPECT_THAT(why_not<int>(value("1")), HasSubstr("integer"));
  EXPECT_THAT(why_not<int>(value("1")), HasSubstr("text"));
  EXPECT_THAT(why_not<int>(value(1.0)), HasSubstr("number"));
  EXPECT_THAT(why_not<bool>(value(1)), HasSubstr("boolean"));
  EXPECT_THAT(why_not<double>(value()), HasSubstr("null"));
  EXPECT_THAT(why_not<std::string>(value(1)), HasSubstr("text"));
  EXPECT_THAT(why_not<std::vector<int>>(value::map()), HasSubstr("list"));
  EXPECT_THAT((why_not<std::map<std::string, int>>(value::list())), HasSubstr("map"));
  EXPECT_THAT(why_not<value::binary_type>(value("text")), HasSubstr("binary"));
}

TEST(ConvertTest, NumbersThatDoNotFitAreRefused) {
  EXPECT_THAT(why_not<std::int8_t>(value(128)), HasSubstr("does not fit"));
  EXPECT_THAT(why_not<unsigned>(value(-1)), HasSubstr("does not fit"));
  EXPECT_THAT(why_not<std::int64_t>(value(UINT64_MAX)), HasSubstr("does not fit"));
}

TEST(ConvertTest, IntegersMayBecomeFloatingPointButNotTheOtherWayRound) {
  EXPECT_EQ(*from_value<double>(value(3)), 3.0);
  EXPECT_FALSE(from_value<int>(value(3.0)));
}

TEST(ConvertTest, WrongItemsInsideAreRefused) {
  EXPECT_NE(why_not<std::vector<int>>(value::list({1, "two"})), "it fits");
  EXPECT_NE((why_not<std::map<std::string, int>>(value::map({{"a", "b"}}))), "it fits");
  EXPECT_NE((why_not<std::tuple<int, int>>(value::list({1, "two"}))), "it fits");
  EXPECT_NE(why_not<std::optional<int>>(value("two")), "it fits");
}

TEST(ConvertTest, TuplesNeedTheirExactLength) {
  EXPECT_THAT((why_not<std::tuple<int, int>>(value::list({1}))), HasSubstr("list of 2"));
  EXPECT_THAT((why_not<std::tuple<int, int>>(value::list({1, 2, 3}))), HasSubstr("list of 2"));
}

TEST(ConvertTest, FieldThatDoesNotFitIsNamed) {
  const auto items = value::list({value::map({{"id", "x"}, {"count", "many"}})});

  const auto why = why_not<sample::order>(value::map(
      {{"customer", "ann"}, {"items", items}, {"discount", 0.1}, {"labels", value::map()}}));

  EXPECT_THAT(why, HasSubstr("items: "));
  EXPECT_THAT(why, HasSubstr("count: "));
}

TEST(ConvertTest, MissingFieldIsNamed) {
  EXPECT_THAT(why_not<sample::item>(value::map({{"id", "x"}})), HasSubstr("count: "));
}

TEST(ConvertTest, ListsOfStepResultsGiveTheirOutputs) {
  step_result one;
  one.output = 1;
  step_result two;
  two.output = "two";
  const auto list = value::list({wrap_result(one), wrap_result(two)});

  const auto pair = from_value<std::tuple<int, std::string>>(list);
  const auto whole = from_value<std::vector<step_result>>(list);

  ASSERT_TRUE(pair);
  EXPECT_EQ(*pair, std::tuple(1, std::string("two")));
  ASSERT_TRUE(whole);
  EXPECT_EQ((*whole)[1].output, value("two"));
}

TEST(ConvertTest, StepResultsAreReadFromTheirPlainForm) {
  step_result result;
  result.name = "a";
  result.output = 5;

  const auto back = from_value<step_result>(to_value(result));

  ASSERT_TRUE(back);
  EXPECT_EQ(back->name, "a");
  EXPECT_EQ(back->output, value(5));
}

RC_GTEST_PROP(ConvertProperties, NestedTypesComeBack,
              (const std::vector<std::map<std::string, std::vector<std::int32_t>>>& object)) {
  const auto back =
      from_value<std::vector<std::map<std::string, std::vector<std::int32_t>>>>(to_value(object));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == object);
}

RC_GTEST_PROP(ConvertProperties, StructsComeBackFromTheirPlainForm,
              (const std::string& id, int count)) {
  const sample::item object{id, count};
  const auto back = from_value<sample::item>(to_value(object).plain());
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == object);
}

} // namespace
} // namespace troupe
