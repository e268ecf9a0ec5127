#pragma once

#include "support/program_runner.hpp"

#include <troupe/protocol/json.hpp>

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// The program itself, run in a folder of its own.
class CommandTest : public ::testing::Test {
protected:
  CommandTest() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  ~CommandTest() override { std::filesystem::remove_all(folder); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder + '/' + name, std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(folder + '/' + name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& each : std::filesystem::directory_iterator(folder)) {
      names.push_back(each.path().filename().string());
    }
    return names;
  }

  [[nodiscard]] program_options here(program_options options = {}) const {
    options.directory = folder;
    options.environment.emplace("NO_COLOR", std::nullopt);
    options.environment.emplace("TERM", "xterm");
    return options;
  }
  [[nodiscard]] static std::vector<std::string> command(std::vector<std::string> words) {
    words.insert(words.begin(), TROUPE_PROGRAM);
    return words;
  }
  program_result troupe(std::vector<std::string> words, std::string input = "") const {
    program_options options;
    options.input = std::move(input);
    return run_program(command(std::move(words)), here(std::move(options)));
  }

  std::string folder;
};

/// The JSON that a program has written, and nothing else.
inline value json_of(const std::string& text) {
  auto content = parse_json(text, {.max_bytes = 1U << 26, .max_depth = 200});
  EXPECT_TRUE(content) << "no JSON: " << text;
  return content ? *content : value();
}

inline std::vector<value> json_lines_of(const std::string& text) {
  std::vector<value> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) all.push_back(json_of(line));
  return all;
}

} // namespace troupe::testing
