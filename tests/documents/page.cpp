#include "page.hpp"

#include "shell.hpp"

#include <algorithm>
#include <regex>
#include <sstream>
#include <utility>

namespace troupe::testing {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view anything = "…";
constexpr std::string_view fence = "```";

page_block block_from(std::string_view info, std::size_t line) {
  page_block made{.line = line};
  std::istringstream words{std::string(info.substr(fence.size()))};
  words >> made.language;
  for (std::string word; words >> word;) {
    const auto equals = std::min(word.find('='), word.size());
    made.words[word.substr(0, equals)] = word.substr(std::min(equals + 1, word.size()));
  }
  return made;
}

// `rest` starts where the part of the pattern before it ended.
bool line_fits(std::string_view pattern, std::string_view rest) {
  const auto gap = pattern.find(anything);
  if (gap == std::string_view::npos) return pattern == rest;
  if (!rest.starts_with(pattern.substr(0, gap))) return false;
  rest.remove_prefix(gap);
  pattern.remove_prefix(gap + anything.size());
  for (std::size_t skipped = 0; skipped <= rest.size(); ++skipped) {
    if (line_fits(pattern, rest.substr(skipped))) return true;
  }
  return false;
}

bool lines_fit(const std::vector<std::string>& expected, std::size_t from,
               const std::vector<std::string>& printed, std::size_t at) {
  for (; from < expected.size(); ++from, ++at) {
    if (expected[from] == anything) {
      for (auto next = at; next <= printed.size(); ++next) {
        if (lines_fit(expected, from + 1, printed, next)) return true;
      }
      return false;
    }
    if (at == printed.size() || !line_fits(expected[from], printed[at])) return false;
  }
  return at == printed.size();
}

} // namespace

std::string page_block::text() const {
  std::string all;
  for (const auto& each : lines) all += each + '\n';
  return all;
}

std::string page_block::word(const std::string& name) const {
  const auto found = words.find(name);
  return found == words.end() ? "" : found->second;
}

bool page::mentions(std::string_view text) const {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

page read_page(const fs::path& file) {
  page made{.file = file, .lines = lines_of(read_text(file))};
  bool inside = false;
  for (std::size_t at = 0; at < made.lines.size(); ++at) {
    const auto& line = made.lines[at];
    if (line.starts_with(fence)) {
      inside = !inside;
      if (inside) made.blocks.push_back(block_from(line, at + 1));
    } else if (inside) {
      made.blocks.back().lines.push_back(line);
    }
  }
  return made;
}

std::vector<std::string> pages_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".md") names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> links_of(const page& from) {
  static const std::regex link(R"(\]\(([^)#]+)[^)]*\))");
  std::vector<std::string> targets;
  bool in_block = false;
  for (const auto& line : from.lines) {
    if (line.starts_with(fence)) in_block = !in_block;
    if (in_block) continue;
    for (std::sregex_iterator at(line.begin(), line.end(), link), end; at != end; ++at) {
      const auto target = (*at)[1].str();
      const auto is_far = target.starts_with("http://") || target.starts_with("https://");
      if (!is_far) targets.push_back(target);
    }
  }
  return targets;
}

std::vector<console_exchange> exchanges_of(const page_block& console) {
  static const std::regex exit_line(R"(\[exit (\d+)\])");
  std::vector<console_exchange> all;
  bool goes_on = false;
  for (std::size_t at = 0; at < console.lines.size(); ++at) {
    const auto& line = console.lines[at];
    std::smatch exit;
    if (goes_on) {
      all.back().command += '\n' + line;
    } else if (line.starts_with("$ ")) {
      all.push_back({.line = console.line + at + 1, .command = line.substr(2)});
    } else if (all.empty()) {
      continue;
    } else if (std::regex_match(line, exit, exit_line)) {
      all.back().exit_code = std::stoi(exit[1]);
      continue;
    } else {
      all.back().expected.push_back(line);
      continue;
    }
    goes_on = line.ends_with('\\');
  }
  return all;
}

bool fits(const std::vector<std::string>& expected, const std::vector<std::string>& printed) {
  return lines_fit(expected, 0, printed, 0);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

} // namespace troupe::testing
