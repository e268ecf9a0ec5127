#pragma once

#include "command_fixture.hpp"

#include <poll.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace troupe::testing {

/// Waits until something has come about, for as long as a test may wait.
inline bool comes_true(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    poll(nullptr, 0, 10);
  }
  return true;
}

/// Nodes as processes of their own. None of them outlives its test.
class NodeTest : public CommandTest {
protected:
  using environment_map = std::map<std::string, std::optional<std::string>>;

  /// Without the settings of who runs the tests.
  [[nodiscard]] program_options alone(environment_map environment = {}) const {
    environment.emplace("HOME", folder);
    for (const auto* name : {"TROUPE_CA", "TROUPE_CLUSTER", "TROUPE_CONFIG", "TROUPE_TOKEN",
                             "XDG_CONFIG_HOME", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"}) {
      environment.emplace(name, std::nullopt);
    }
    program_options options;
    options.environment = std::move(environment);
    return here(std::move(options));
  }
  [[nodiscard]] program_result ask(std::vector<std::string> words,
                                   environment_map environment = {}) const {
    return run_program(command(std::move(words)), alone(std::move(environment)));
  }
  [[nodiscard]] std::unique_ptr<running_program> begin(std::vector<std::string> words,
                                                       environment_map environment = {}) const {
    return std::make_unique<running_program>(command(std::move(words)),
                                             alone(std::move(environment)));
  }

  /// A coordinator that is ready; where it is, is in `links` and `url`.
  std::unique_ptr<running_program> coordinator(std::vector<std::string> more = {},
                                               environment_map environment = {}) {
    std::vector<std::string> words{"node",        "--role",       "coordinator", "--name",
                                   "home",        "--listen",     "127.0.0.1:0", "--http",
                                   "127.0.0.1:0", "--ready-file", "home.json",   "--drain-limit",
                                   "20s"};
    std::move(more.begin(), more.end(), std::back_inserter(words));
    auto program = begin(std::move(words), std::move(environment));
    EXPECT_TRUE(program->has_complained("home is ready")) << program->finish().err;
    EXPECT_TRUE(comes_true([&] { return has("home.json"); }));
    const auto facts = json_of(read("home.json"));
    links = *facts.at("listen").if_text();
    url = *facts.at("url").if_text();
    return program;
  }
  [[nodiscard]] std::unique_ptr<running_program> worker(const std::string& name,
                                                        std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"node", "--role",         "worker", "--name",
                                   name,   "--coordinators", links};
    std::move(more.begin(), more.end(), std::back_inserter(words));
    return begin(std::move(words));
  }

  [[nodiscard]] bool has(const std::string& name) const {
    return std::filesystem::exists(folder + '/' + name);
  }
  /// How many processes there are that work in this test's folder, or were told of it.
  [[nodiscard]] std::size_t processes() const {
    std::size_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc")) {
      std::error_code gone;
      const auto place = std::filesystem::read_symlink(each.path() / "cwd", gone).string();
      std::ifstream in(each.path() / "cmdline", std::ios::binary);
      std::ostringstream words;
      if (in) words << in.rdbuf();
      count += place == folder || words.str().find(folder) != std::string::npos ? 1 : 0;
    }
    return count;
  }

  std::string links;
  std::string url;
};

} // namespace troupe::testing
