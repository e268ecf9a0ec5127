#include "page.hpp"
#include "services.hpp"
#include "shell.hpp"

#include <troupe/expressions/expression.hpp>
#include <troupe/protocol/json.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <vector>

namespace {

using namespace troupe;
using namespace troupe::testing;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const fs::path source_folder{TROUPE_SOURCE_DIR};

// What fragments may refer to.
constexpr std::string_view surroundings = R"(troupe: 1
env: [SHOP_URL]
breakers: { service: {} }
caches: { answers: {} }
pipelines: { clean: { step: ask } }
steps:
  ask: { uses: value, with: { value: 1 }, idempotent: true }
  other: { uses: value, with: { value: 2 } }
  canned: { uses: value, with: { value: 3 } }
)";

std::string indented(const page_block& block, const std::string& by) {
  std::string text;
  for (const auto& line : block.lines) text += line.empty() ? "\n" : by + line + '\n';
  return text;
}

/// A whole file around a part of one; empty for a part of an unknown kind.
std::string completed(const page_block& block) {
  const auto kind = block.word("fragment");
  const std::string start(surroundings);
  if (kind == "file")
    return "troupe: 1\n" + block.text() + "flow: { uses: value, step: s, with: { value: 1 } }\n";
  if (kind == "flow") return start + "flow:\n" + indented(block, "  ");
  if (kind == "steps") return start + indented(block, "  ") + "flow: { step: ask }\n";
  if (kind == "policies")
    return start + "flow:\n  step: ask\n  policies:\n" + indented(block, "    ");
  if (kind == "with") {
    return start + "flow:\n  step: shown\n  uses: " + block.word("uses") + "\n  with:\n"
           + indented(block, "    ");
  }
  return {};
}

std::string problems_of(const std::string& name, const std::string& text) {
  try {
    return parse_workflow(name, text, {}, [](const std::string&) { return std::nullopt; }).warnings;
  } catch (const workflow_error& wrong) {
    return wrong.what();
  }
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

/// What a page says, and does.
class reader_of_pages {
public:
  explicit reader_of_pages(const fs::path& file) : page_(read_page(file)) {}

  void follow() {
    for (const auto& block : page_.blocks) {
      const ::testing::ScopedTrace here(page_.file.c_str(), static_cast<int>(block.line), "");
      const auto title = block.word("title");
      if (!title.empty()) shell_.write(title, block.text());
      if (block.language == "yaml") check_yaml(block);
      if (block.language == "console") run(block);
      if (block.language == "cel") evaluate(block);
      if (title == "data.json") data_ = *parse_json(block.text());
      EXPECT_FALSE(block.language == "cpp" && title.empty()) << "nothing compiles this block";
      EXPECT_FALSE(block.language.empty()) << "a block without a language";
    }
  }

private:
  static void check_yaml(const page_block& block) {
    if (block.words.contains("own")) return; // uses step types that only the page's program has
    const auto title = block.word("title");
    const auto text = title.empty() ? completed(block) : block.text();
    ASSERT_FALSE(text.empty()) << "neither a title nor a known fragment";
    const auto problems = problems_of(title.empty() ? "fragment" : title, text);
    if (block.words.contains("invalid")) EXPECT_THAT(problems, HasSubstr(": error: "));
    else EXPECT_THAT(problems, IsEmpty());
  }

  void run(const page_block& block) {
    for (const auto& exchange : exchanges_of(block)) {
      const ::testing::ScopedTrace here(page_.file.c_str(), static_cast<int>(exchange.line),
                                        exchange.command);
      const auto reply = shell_.run(exchange.command);
      auto printed = lines_of(reply.out);
      for (auto& line : lines_of(reply.err)) printed.push_back(line);
      EXPECT_EQ(reply.status, exchange.exit_code) << reply.err;
      EXPECT_TRUE(fits(exchange.expected, printed)) << "it printed:\n" << reply.out << reply.err;
    }
  }

  void evaluate(const page_block& block) {
    static constexpr std::string_view arrow = "→";
    for (const auto& line : block.lines) {
      if (line.empty()) continue;
      const auto at = line.find(arrow);
      ASSERT_NE(at, std::string::npos) << line;
      const auto source = trimmed(line.substr(0, at));
      const auto expected = trimmed(line.substr(at + arrow.size()));
      const auto result = result_of(source);
      EXPECT_TRUE(fits({expected}, {result})) << source << " gives " << result;
    }
  }

  [[nodiscard]] std::string result_of(const std::string& source) const {
    static constexpr std::array<std::string_view, 4> names{"input", "context", "run", "env"};
    const std::array<value, 4> given{data_.at("input"), data_.at("context"), data_.at("run"),
                                     data_.at("env")};
    const std::array<expression_variable, 4> variables{given[0], given[1], given[2], given[3]};
    try {
      const auto result = expression::compile(source, names).evaluate(variables);
      return result ? write_json(*result) : "fails: " + result.why().message;
    } catch (const expression_error& wrong) {
      return std::string("is refused: ") + wrong.what();
    }
  }

  page page_;
  chat_and_shop services_;
  shell shell_{services_.environment()};
  value data_ = value::map({});
};

class documents : public ::testing::TestWithParam<std::string> {};

TEST_P(documents, does_what_it_says) {
  reader_of_pages(source_folder / "docs" / GetParam()).follow();
}

std::vector<std::string> all_pages() {
  std::vector<std::string> pages;
  for (const auto* folder : {"guide", "reference"}) {
    for (const auto& name : pages_in(source_folder / "docs" / folder))
      pages.push_back(std::string(folder) + '/' + name);
  }
  return pages;
}

std::string name_of(const ::testing::TestParamInfo<std::string>& about) {
  std::string name = about.param.substr(0, about.param.rfind('.'));
  for (auto& letter : name) {
    if (letter == '/' || letter == '-') letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(all, documents, ::testing::ValuesIn(all_pages()), name_of);

TEST_P(documents, has_links_that_lead_somewhere) {
  const auto read = read_page(source_folder / "docs" / GetParam());
  for (const auto& target : links_of(read)) {
    EXPECT_TRUE(fs::exists(read.file.parent_path() / target)) << target;
  }
}

TEST(operations, have_links_that_lead_somewhere) {
  const auto folder = source_folder / "docs/operations";
  for (const auto& name : pages_in(folder)) {
    for (const auto& target : links_of(read_page(folder / name))) {
      EXPECT_TRUE(fs::exists(folder / target)) << name << ": " << target;
    }
  }
}

TEST(guide, has_a_contents_page_that_leads_to_every_page) {
  const auto contents = links_of(read_page(source_folder / "docs/guide/README.md"));
  for (const auto& each : all_pages()) {
    const auto target = each.starts_with("guide/") ? each.substr(6) : "../" + each;
    if (target == "README.md") continue;
    EXPECT_THAT(contents, ::testing::Contains(target));
  }
}

} // namespace
