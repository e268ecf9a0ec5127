#include "page.hpp"
#include "shell.hpp"

#include <gmock/gmock.h>

namespace {

using namespace troupe::testing;
using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(page, has_blocks_with_a_language_and_words) {
  const shell home;
  home.write("a.md",
             "# A\n\n```yaml title=a.yaml invalid\ntroupe: 1\n```\n\nSee [b](b.md#part).\n");
  const auto read = read_page(home.folder() / "a.md");
  ASSERT_THAT(read.blocks, SizeIs(1));
  EXPECT_EQ(read.blocks[0].line, 3U);
  EXPECT_EQ(read.blocks[0].language, "yaml");
  EXPECT_EQ(read.blocks[0].word("title"), "a.yaml");
  EXPECT_TRUE(read.blocks[0].words.contains("invalid"));
  EXPECT_EQ(read.blocks[0].text(), "troupe: 1\n");
  EXPECT_THAT(links_of(read), ElementsAre("b.md"));
}

TEST(page, tells_commands_from_what_they_print) {
  const page_block block{.line = 10, .lines = {"$ a \\", "  b", "x", "$ c", "[exit 2]"}};
  const auto all = exchanges_of(block);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].command, "a \\\n  b");
  EXPECT_THAT(all[0].expected, ElementsAre("x"));
  EXPECT_EQ(all[0].exit_code, 0);
  EXPECT_EQ(all[1].line, 14U);
  EXPECT_EQ(all[1].exit_code, 2);
}

TEST(page, takes_dots_for_any_text_and_nothing_else) {
  EXPECT_TRUE(fits({"a", "b"}, {"a", "b"}));
  EXPECT_TRUE(fits({"took … ms, … in all"}, {"took 12 ms, 13 in all"}));
  EXPECT_TRUE(fits({"a", "…", "d"}, {"a", "b", "c", "d"}));
  EXPECT_TRUE(fits({"a", "…"}, {"a"}));
  EXPECT_FALSE(fits({"a"}, {"a", "b"}));
  EXPECT_FALSE(fits({"a", "b"}, {"a"}));
  EXPECT_FALSE(fits({"took … ms"}, {"took 12 s"}));
  EXPECT_FALSE(fits({"…", "d"}, {"a", "b"}));
}

TEST(shell, tells_both_outputs_and_the_exit_code) {
  const shell home;
  home.write("note", "hello");
  const auto reply = home.run("cat note; echo trouble >&2; exit 3");
  EXPECT_EQ(reply.status, 3);
  EXPECT_EQ(reply.out, "hello");
  EXPECT_EQ(reply.err, "trouble\n");
}

} // namespace
