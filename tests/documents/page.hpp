#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::testing {

/// A fenced block of a page: "```yaml title=hello.yaml" and what follows up to the next fence.
struct page_block {
  std::size_t line = 0; ///< of the fence, from 1
  std::string language{};
  std::map<std::string, std::string> words{}; ///< `title=hello.yaml`, or `invalid` without content
  std::vector<std::string> lines{};

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string word(const std::string& name) const;
};

/// A page of Markdown.
struct page {
  std::filesystem::path file{};
  std::vector<std::string> lines{};
  std::vector<page_block> blocks{};

  [[nodiscard]] bool mentions(std::string_view text) const;
};

[[nodiscard]] page read_page(const std::filesystem::path& file);

/// The pages of a folder of the documentation, in the order of their names.
[[nodiscard]] std::vector<std::string> pages_in(const std::filesystem::path& folder);

/// Where the links of a page lead that do not leave the tree, without their anchors.
[[nodiscard]] std::vector<std::string> links_of(const page& from);

/// One command of a console block, and what it has to print.
struct console_exchange {
  std::size_t line = 0; ///< of the page
  std::string command{};
  std::vector<std::string> expected{};
  int exit_code = 0; ///< from a line `[exit 2]`
};

[[nodiscard]] std::vector<console_exchange> exchanges_of(const page_block& console);

/// True when these are the lines that were expected: `…` stands for any text of a line and, alone
/// in a line, for any number of lines.
[[nodiscard]] bool fits(const std::vector<std::string>& expected,
                        const std::vector<std::string>& printed);

[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

} // namespace troupe::testing
