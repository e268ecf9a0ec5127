#include <troupe/protocol/behavior.hpp>

#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <type_traits>

namespace troupe {
namespace {

using behavior_of_int = behavior<int(const int&, const std::string&)>;

int plus_one(const int& number) {
  return number + 1;
}
int plus_two(const int& number) {
  return number + 2;
}

std::string output_of_printer() {
  auto* pipe = popen(IDENTITY_PRINTER, "r");
  if (!pipe) return {};
  std::string text;
  std::array<char, 256> part{};
  while (fgets(part.data(), part.size(), pipe)) text += part.data();
  return pclose(pipe) == 0 ? text : "";
}

TEST(Behavior, PassesOnlyTheFirstArgumentToACallableThatTakesOne) {
  const behavior_of_int one(plus_one);
  const behavior_of_int both([](const int& number, const std::string& text) {
    return number + static_cast<int>(text.size());
  });

  EXPECT_EQ(one(1, "abc"), 2);
  EXPECT_EQ(both(1, "abc"), 4);
}

TEST(Behavior, TakesAnyPrefixOfItsArguments) {
  using three = behavior<std::string(const std::string&, int, std::unique_ptr<int>)>;
  const three one([](const std::string& a) { return a; });
  const three two([](const std::string& a, int b) { return a + std::to_string(b); });
  const three all([](const std::string& a, int b, std::unique_ptr<int> c) {
    return a + std::to_string(b) + std::to_string(*c);
  });

  EXPECT_EQ(one("a", 1, std::make_unique<int>(2)), "a");
  EXPECT_EQ(two("a", 1, std::make_unique<int>(2)), "a1");
  EXPECT_EQ(all("a", 1, std::make_unique<int>(2)), "a12");
  static_assert(!std::is_constructible_v<three, int (*)()>);
  static_assert(!std::is_constructible_v<three, std::string (*)(int)>);
  static_assert(!std::is_constructible_v<three, void (*)(const std::string&)>);
}

TEST(Behavior, PrefersTheMostArgumentsACallableTakes) {
  struct either {
    int operator()(const int&) const { return 1; }
    int operator()(const int&, const std::string&) const { return 2; }
  };

  EXPECT_EQ(behavior_of_int(either())(0, ""), 2);
}

TEST(Behavior, PassesReferencesOnWithoutCopies) {
  const behavior<const std::string*(const std::string&, const std::string&)> address(
      [](const std::string& text) { return &text; });
  const std::string text = "here";

  EXPECT_EQ(address(text, "there"), &text);
}

TEST(Behavior, IsEmptyByDefault) {
  const behavior_of_int none;

  EXPECT_FALSE(none);
  EXPECT_EQ(none.identity(), "");
}

TEST(Behavior, TellsFunctionsOfOneTypeApart) {
  EXPECT_EQ(behavior_of_int(plus_one).identity(), behavior_of_int(plus_one).identity());
  EXPECT_NE(behavior_of_int(plus_one).identity(), behavior_of_int(plus_two).identity());
}

TEST(Behavior, TellsLambdasApart) {
  const auto one = [](const int& number) { return number; };
  const auto other = [](const int& number) { return -number; };

  EXPECT_EQ(behavior_of_int(one).identity(), behavior_of_int(one).identity());
  EXPECT_NE(behavior_of_int(one).identity(), behavior_of_int(other).identity());
}

TEST(Behavior, ComparesCapturedBytes) {
  const auto adding = [](int amount) {
    return behavior_of_int([amount](const int& number) { return number + amount; }).identity();
  };

  EXPECT_EQ(adding(1), adding(1));
  EXPECT_NE(adding(1), adding(2));
}

TEST(Behavior, CountsCallablesItCannotCompareAsDifferent) {
  const auto make = [](std::string text) {
    return behavior_of_int([text](const int&) { return static_cast<int>(text.size()); });
  };
  const auto first = make("same");
  const auto copy = first;

  EXPECT_NE(first.identity(), make("same").identity());
  EXPECT_EQ(first.identity(), copy.identity());
}

TEST(Behavior, TakesAnIdentityFromItsOwner) {
  EXPECT_EQ(behavior_of_int(plus_one, "mine").identity(), "mine");
}

TEST(Behavior, NeverGivesTheSameUniqueIdentityTwice) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(detail::unique_identity());

  EXPECT_EQ(seen.size(), 1000U);
}

TEST(Behavior, HasIdentitiesAndHashesThatAreEqualInEveryProcess) {
  const auto first = output_of_printer();
  const auto second = output_of_printer();

  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, second);
  EXPECT_THAT(first, testing::HasSubstr("identity_printer+"));
  EXPECT_THAT(first, testing::Not(testing::HasSubstr("#")));
}

} // namespace
} // namespace troupe
