#include <troupe/protocol/context.hpp>

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace troupe {
namespace {

using testing::ElementsAre;
using model = std::map<std::string, int>;

std::vector<std::string> keys_of(const std::vector<value_tree::change>& changes) {
  std::vector<std::string> keys;
  for (const auto& one : changes) keys.push_back(one.key);
  return keys;
}

value_tree tree_of(int size) {
  value_tree tree;
  for (int i = 0; i < size; ++i) tree.set("key" + std::to_string(i), i);
  return tree;
}

// Applies the same random edits to a tree and to a standard map.
void edit(value_tree& tree, model& expected) {
  const auto edits = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 60), rc::gen::inRange(-3, 6)));
  for (const auto& [number, item] : edits) {
    const auto key = std::to_string(number);
    if (item < 0) {
      tree.erase(key);
      expected.erase(key);
    } else {
      tree.set(key, item);
      expected[key] = item;
    }
  }
}

model content_of(const value_tree& tree) {
  model content;
  tree.for_each([&](const auto& key, const auto& item) {
    content[key] = static_cast<int>(*item.if_integer());
  });
  return content;
}

std::map<std::string, std::pair<value, value>> naive_diff(const model& before, const model& after) {
  std::map<std::string, std::pair<value, value>> changes;
  for (const auto& [key, item] : before) changes[key].first = item;
  for (const auto& [key, item] : after) changes[key].second = item;
  std::erase_if(changes, [](const auto& one) { return one.second.first == one.second.second; });
  return changes;
}

RC_GTEST_PROP(ValueTreeProperty, BehavesLikeAMap, ()) {
  value_tree tree;
  model expected;
  edit(tree, expected);
  RC_ASSERT(content_of(tree) == expected);
  RC_ASSERT(tree.size() == expected.size());
  for (int i = 0; i < 60; ++i) {
    const auto* found = tree.find(std::to_string(i));
    const auto place = expected.find(std::to_string(i));
    RC_ASSERT((found != nullptr) == (place != expected.end()));
    if (found) RC_ASSERT(*found == value(place->second));
  }
}

RC_GTEST_PROP(ValueTreeProperty, FindsExactlyTheDifferences, ()) {
  value_tree before;
  model old_content;
  edit(before, old_content);
  auto after = before;
  auto new_content = old_content;
  edit(after, new_content);
  const auto expected = naive_diff(old_content, new_content);
  const auto found = value_tree::diff(before, after);
  RC_ASSERT(found.size() == expected.size());
  auto at = expected.begin();
  for (const auto& one : found) {
    RC_ASSERT(one.key == at->first);
    RC_ASSERT((one.before ? *one.before : value()) == at->second.first);
    RC_ASSERT((one.after ? *one.after : value()) == at->second.second);
    if (one.before) RC_ASSERT(one.before == before.find(one.key));
    if (one.after) RC_ASSERT(one.after == after.find(one.key));
    ++at;
  }
  RC_ASSERT((before == after) == expected.empty());
}

RC_GTEST_PROP(ValueTreeProperty, ComparesTreesWithoutSharedParts, ()) {
  value_tree one;
  value_tree other;
  model one_content;
  model other_content;
  edit(one, one_content);
  edit(other, other_content);
  RC_ASSERT((one == other) == (one_content == other_content));
  RC_ASSERT(value_tree::diff(one, other).size() == naive_diff(one_content, other_content).size());
}

TEST(ValueTree, LeavesCopiesAlone) {
  auto tree = tree_of(10);
  const auto copy = tree;

  tree.set("key3", "changed");
  tree.erase("key4");

  EXPECT_EQ(*copy.find("key3"), value(3));
  EXPECT_NE(copy.find("key4"), nullptr);
  EXPECT_FALSE(tree.same_version(copy));
}

TEST(ValueTree, StaysTheSameVersionWhenNothingIsErased) {
  auto tree = tree_of(10);
  const auto copy = tree;

  tree.erase("no such key");

  EXPECT_TRUE(tree.same_version(copy));
}

TEST(ValueTree, ListsDifferencesInTheOrderOfTheKeys) {
  const auto before = tree_of(5);
  auto after = before;
  after.set("key9", 1);
  after.erase("key0");
  after.set("key2", -1);
  after.set("key3", 3);

  EXPECT_THAT(keys_of(value_tree::diff(before, after)), ElementsAre("key0", "key2", "key9"));
}

TEST(ValueTree, ComparesOnlyWhatIsNotShared) {
  int compared = 0;
  static int* counter = nullptr;
  counter = &compared;
  static const native_type counting{&typeid(int), [](const void*) -> value {
                                      ++*counter;
                                      return 1;
                                    }};
  value_tree before;
  for (int i = 0; i < 10'000; ++i) {
    before.set("key" + std::to_string(i), value::native(std::make_shared<int>(i), counting));
  }
  auto after = before;
  after.set("key5000", "changed");
  after.set("key77", "changed");

  EXPECT_EQ(value_tree::diff(before, after).size(), 2U);
  EXPECT_LE(compared, 2);
}

TEST(ValueTree, StaysShallowWhenKeysComeInOrder) {
  value_tree tree;
  for (int i = 100'000; i < 200'000; ++i) tree.set(std::to_string(i), i);
  for (int i = 100'000; i < 199'990; ++i) tree.erase(std::to_string(i));

  EXPECT_EQ(tree.size(), 10U);
  EXPECT_EQ(tree.keys().front(), "199990");
}

TEST(Context, ReadsNullWhereNothingIs) {
  const context empty;

  EXPECT_TRUE(empty.get("key").is_null());
  EXPECT_FALSE(empty.contains("key"));
  EXPECT_EQ(empty.correlation_id(), "");
  EXPECT_EQ(empty.to_value(), value::map());
}

TEST(Context, TakesTheMembersOfAMap) {
  const context mine("order-7", value::map({{"a", 1}, {"b", nullptr}}));

  EXPECT_EQ(mine.get("a"), value(1));
  EXPECT_TRUE(mine.contains("b"));
  EXPECT_EQ(mine.to_value(), value::map({{"a", 1}, {"b", nullptr}}));
  EXPECT_THROW(context("", value(1)), std::invalid_argument);
}

TEST(Context, IsASnapshotWhenCopied) {
  context mine("id", value::map({{"a", 1}}));
  const auto copy = mine;

  mine.set("a", 2);
  mine.set_tag("team", "blue");
  mine.set_metadata("note", "late");

  EXPECT_EQ(copy.get("a"), value(1));
  EXPECT_TRUE(copy.tag("team").is_null());
  EXPECT_EQ(mine.tag("team"), value("blue"));
  EXPECT_EQ(mine.metadata("note"), value("late"));
}

TEST(Context, KeepsOnlyTheNamedEntries) {
  const context mine("id", value::map({{"a", 1}, {"b", 2}, {"c", 3}}));
  const std::vector<std::string> keys{"c", "a", "missing"};

  const auto some = mine.only(keys);

  EXPECT_EQ(some.to_value(), value::map({{"a", 1}, {"c", 3}}));
  EXPECT_EQ(some.correlation_id(), "id");
}

TEST(Context, MakesChildrenThatSayWhereTheyComeFrom) {
  context mine("order-7", value::map({{"a", 1}}));
  mine.set_tag("team", "blue");

  const auto child = mine.child();
  const auto grandchild = child.child();

  EXPECT_EQ(child.correlation_id(), "order-7");
  EXPECT_EQ(child.causation_id(), "order-7");
  EXPECT_EQ(grandchild.causation_id(), child.id());
  EXPECT_NE(grandchild.id(), child.id());
  EXPECT_EQ(grandchild.tag("team"), value("blue"));
  EXPECT_EQ(grandchild.get("a"), value(1));
}

TEST(Context, TakesTheIdsOfARunWhereItHasNone) {
  const auto run = run_id::from_parts(1, 2, 3);

  const auto bare = context().for_run(run, "");
  const auto given = context("mine").with_id("self").for_run(run, "");
  const auto replaced = context("mine").for_run(run, "other");

  EXPECT_EQ(bare.id(), run.to_string());
  EXPECT_EQ(bare.correlation_id(), run.to_string());
  EXPECT_EQ(bare, context().with_ids(run.to_string(), run.to_string()));
  EXPECT_EQ(given.id(), "self");
  EXPECT_EQ(given.correlation_id(), "mine");
  EXPECT_EQ(replaced.correlation_id(), "other");
  EXPECT_TRUE(bare.with_correlation_id("").correlation_id().empty());
}

TEST(Context, ComparesEntriesAndIdentity) {
  const context mine("id", value::map({{"a", 1}}));

  EXPECT_EQ(mine, context("id", value::map({{"a", 1}})));
  EXPECT_FALSE(mine == context("other", value::map({{"a", 1}})));
  EXPECT_FALSE(mine == context("id", value::map({{"a", 2}})));
  EXPECT_EQ(context(), context().with_correlation_id(""));
  EXPECT_EQ(mine.with_correlation_id("other"), context("other", value::map({{"a", 1}})));
}

} // namespace
} // namespace troupe
