#include <troupe/policies/merge.hpp>

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <optional>
#include <stdexcept>

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const context start("order-7", value::map({{"k", 10}, {"other", "kept"}}));

context changed(const context& from, const std::string& key, value item) {
  auto copy = from;
  copy.set(key, std::move(item));
  return copy;
}

context without(const context& from, const std::string& key) {
  auto copy = from;
  copy.erase(key);
  return copy;
}

outcome<context> merged(const std::vector<context>& branches, merge_rule rule,
                        const conflict_resolver& resolve = {}) {
  return merge_branches(start, start, branches, rule, resolve);
}

TEST(MergeBranches, KeepsDisjointChangesAndEverythingElse) {
  const auto result =
      merged({changed(start, "x", 1), changed(start, "y", 2)}, merge_rule::fail_on_conflict);

  ASSERT_TRUE(result);
  EXPECT_EQ(result->to_value(), value::map({{"k", 10}, {"other", "kept"}, {"x", 1}, {"y", 2}}));
  EXPECT_EQ(result->correlation_id(), "order-7");
}

TEST(MergeBranches, ChangesNothingWithoutChanges) {
  EXPECT_EQ(*merged({}, merge_rule::last_declared), start);
  EXPECT_EQ(*merged({start, start}, merge_rule::fail_on_conflict), start);
}

TEST(MergeBranches, DecidesConflictsByTheDeclaredOrder) {
  const std::vector<context> branches{changed(start, "k", 1), changed(start, "k", 2)};

  EXPECT_EQ(merged(branches, merge_rule::last_declared)->get("k"), value(2));
  EXPECT_EQ(merged(branches, merge_rule::first_declared)->get("k"), value(1));
  EXPECT_EQ(merged(branches, merge_rule::none)->get("k"), value(10));
}

TEST(MergeBranches, NamesTheKeyOfAConflictThatMustNotBe) {
  const auto result =
      merged({changed(start, "k", 1), changed(start, "k", 2)}, merge_rule::fail_on_conflict);

  ASSERT_FALSE(result);
  EXPECT_EQ(result.why().kind, failure_kind::permanent);
  EXPECT_THAT(result.why().message, HasSubstr("`k`"));
}

TEST(MergeBranches, LeavesOutABranchThatRestoredTheOldValue) {
  const auto back = changed(changed(start, "k", 99), "k", 10);
  const auto result = merged({changed(start, "k", 1), back}, merge_rule::fail_on_conflict);

  ASSERT_TRUE(result);
  EXPECT_EQ(result->get("k"), value(1));
}

TEST(MergeBranches, SeesNoConflictInEqualChanges) {
  const auto fail =
      conflict_resolver([](const std::string&, const value&, const std::vector<value>&) -> value {
        throw std::logic_error("must not be asked");
      });
  const auto same = changed(start, "k", "same");

  EXPECT_EQ(merged({same, same}, merge_rule::fail_on_conflict, fail)->get("k"), value("same"));
  EXPECT_FALSE(merged({without(start, "k"), without(start, "k")}, merge_rule::fail_on_conflict)
                   ->contains("k"));
}

TEST(MergeBranches, AsksTheResolverWithTheBaseAndTheWritersInDeclaredOrder) {
  int calls = 0;
  const conflict_resolver add_increments = {
      [&](const std::string& key, const value& base, const std::vector<value>& written) {
        ++calls;
        EXPECT_EQ(key, "k");
        EXPECT_EQ(base, value(10));
        EXPECT_THAT(written, ElementsAre(value(13), value(15)));
        return value(*base.if_integer() + 3 + 5);
      },
      "add increments"};
  const auto result = merged({changed(start, "k", 13), start, changed(start, "k", 15)},
                             merge_rule::last_declared, add_increments);

  EXPECT_EQ(calls, 1);
  EXPECT_EQ(result->get("k"), value(18));
}

TEST(MergeBranches, ShowsTheResolverNullForWhatIsNotThere) {
  const conflict_resolver check = {
      [](const std::string&, const value& base, const std::vector<value>& written) {
        EXPECT_TRUE(base.is_null());
        EXPECT_THAT(written, ElementsAre(value(1), value(2)));
        return value("new");
      },
      "new"};
  const conflict_resolver erased = {
      [](const std::string&, const value&, const std::vector<value>& written) {
        EXPECT_THAT(written, ElementsAre(value(), value(1)));
        return value("erased");
      },
      "erased"};

  EXPECT_EQ(
      merged({changed(start, "n", 1), changed(start, "n", 2)}, merge_rule::last_declared, check)
          ->get("n"),
      value("new"));
  EXPECT_EQ(merged({without(start, "k"), changed(start, "k", 1)}, merge_rule::last_declared, erased)
                ->get("k"),
            value("erased"));
}

TEST(MergeBranches, PassesOnWhatTheResolverThrows) {
  const auto broken =
      conflict_resolver([](const std::string&, const value&, const std::vector<value>&) -> value {
        throw std::runtime_error("broken");
      });
  EXPECT_THROW((void)merged({changed(start, "k", 1), changed(start, "k", 2)},
                            merge_rule::last_declared, broken),
               std::runtime_error);
}

TEST(MergeBranches, KeepsEntriesTheBranchesWereNotGiven) {
  const std::vector<std::string> keys{"k"};
  const auto given = start.only(keys);
  const auto result =
      merge_branches(start, given, std::vector{changed(given, "k", 11)}, merge_rule::last_declared);

  ASSERT_TRUE(result);
  EXPECT_EQ(result->to_value(), value::map({{"k", 11}, {"other", "kept"}}));
}

using model = std::map<std::string, int>;

context as_context(const model& entries) {
  context made("model");
  for (const auto& [key, number] : entries) made.set(key, number);
  return made;
}

model any_model() {
  model entries;
  for (char letter = 'a'; letter <= 'f'; ++letter)
    if (*rc::gen::arbitrary<bool>()) entries[std::string(1, letter)] = *rc::gen::inRange(0, 3);
  return entries;
}

std::optional<int> entry(const model& entries, const std::string& key) {
  const auto found = entries.find(key);
  return found == entries.end() ? std::nullopt : std::optional(found->second);
}

RC_GTEST_PROP(MergeBranches, AgreesWithANaiveMerge, ()) {
  const auto before = any_model();
  const auto rule = *rc::gen::element(merge_rule::last_declared, merge_rule::first_declared);
  std::vector<model> models;
  std::vector<context> branches;
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) models.push_back(any_model());
  for (const auto& branch : models) branches.push_back(as_context(branch));

  auto expected = before;
  for (char letter = 'a'; letter <= 'f'; ++letter) {
    const std::string key(1, letter);
    std::vector<std::optional<int>> written;
    for (const auto& branch : models)
      if (entry(branch, key) != entry(before, key)) written.push_back(entry(branch, key));
    if (written.empty()) continue;
    const auto wins = rule == merge_rule::last_declared ? written.back() : written.front();
    if (wins) expected[key] = *wins;
    else expected.erase(key);
  }
  const auto base = as_context(before);
  const auto result = merge_branches(base, base, branches, rule);
  RC_ASSERT(result.has_value());
  RC_ASSERT(result->to_value() == as_context(expected).to_value());
  RC_ASSERT(merge_branches(base, base, branches, rule)->to_value() == result->to_value());
  RC_ASSERT(base.to_value() == as_context(before).to_value());
}

} // namespace
} // namespace troupe
