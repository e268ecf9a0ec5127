#include <troupe/workflows/value_template.hpp>

#include <gmock/gmock.h>

namespace troupe {
namespace {

value_template text(const char* content) {
  return {text_template::compile(content, expression_scope::names), content};
}

struct ValueTemplate : ::testing::Test {
  value input = value::map({{"name", "Ada"}, {"age", 36}});
  context entries{"c-1", value::map({{"tenant", "acme"}})};
  value env = value::map({{"HOME", "/home/ada"}});
  expression_scope scope{input, entries, value::map({{"attempt", 2}}), env};

  value of(const value_template& made) const { return made.evaluate(scope).value(); }
};

TEST_F(ValueTemplate, IsNullByDefault) {
  EXPECT_TRUE(value_template().is_constant());
  EXPECT_EQ(of(value_template()), value());
}

TEST_F(ValueTemplate, KeepsTheTypeOfASingleExpression) {
  EXPECT_EQ(of(text("${{ input.age }}")), value(36));
  EXPECT_EQ(of(text("age ${{ input.age }}")), value("age 36"));
}

TEST_F(ValueTemplate, SeesInputContextRunAndEnv) {
  const auto all = value_template::list({text("${{ input.name }}"), text("${{ context.tenant }}"),
                                         text("${{ run.attempt }}"), text("${{ env.HOME }}")});

  EXPECT_EQ(of(all), value::list({"Ada", "acme", 2, "/home/ada"}));
}

TEST_F(ValueTemplate, KnowsWhatDoesNotDependOnTheCall) {
  const auto fixed = value_template::map(
      {{"a", value_template(value(1))}, {"b", value_template::list({text("plain")})}});
  const auto open = value_template::map({{"a", value_template(value(1))}, {"b", text("${{ 1 }}")}});

  EXPECT_TRUE(fixed.is_constant());
  EXPECT_EQ(fixed.constant(), value::map({{"a", 1}, {"b", value::list({"plain"})}}));
  EXPECT_FALSE(open.is_constant());
  EXPECT_EQ(open.constant(), value());
  EXPECT_EQ(open.raw(), value::map({{"a", 1}, {"b", "${{ 1 }}"}}));
}

TEST_F(ValueTemplate, FindsMembersAndItemsUnevaluated) {
  const auto made = value_template::map(
      {{"list", value_template::list({text("${{ input.age }}"), value_template(value(7))})}});

  ASSERT_NE(made.find("list"), nullptr);
  EXPECT_EQ(made.find("other"), nullptr);
  ASSERT_EQ(made.find("list")->items().size(), 2U);
  EXPECT_EQ(of(made.find("list")->items()[0]), value(36));
  EXPECT_TRUE(made.items().empty());
}

TEST_F(ValueTemplate, FailsPermanentlyWithTheExpression) {
  const auto result = value_template::list({text("${{ input.nothing.at.all }}")}).evaluate(scope);

  ASSERT_FALSE(result);
  EXPECT_EQ(result.why().kind, failure_kind::permanent);
  EXPECT_THAT(result.why().message, ::testing::HasSubstr("input.nothing.at.all"));
}

} // namespace
} // namespace troupe
