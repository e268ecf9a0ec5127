#include "page.hpp"
#include "shell.hpp"

#include <troupe/policies/breaker.hpp>
#include <troupe/policies/bulkhead.hpp>
#include <troupe/policies/cache.hpp>
#include <troupe/policies/hedge.hpp>
#include <troupe/policies/rate_limit.hpp>
#include <troupe/policies/retry.hpp>
#include <troupe/protocol/failure.hpp>
#include <troupe/protocol/json.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <function_table.hpp>
#include <gmock/gmock.h>

#include <regex>
#include <set>
#include <sstream>

namespace {

using namespace troupe;
using namespace troupe::testing;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

page reference(const std::string& name) {
  return read_page(fs::path(TROUPE_SOURCE_DIR) / "docs/reference" / name);
}

/// The cells of the table row that begins with this name in code, under that heading.
std::vector<std::string> row_of(const page& from, const std::string& heading,
                                const std::string& name) {
  bool inside = false;
  for (const auto& line : from.lines) {
    if (line.starts_with('#')) inside = line.substr(line.find(' ') + 1) == heading;
    if (!inside || !line.starts_with("| `" + name + "`")) continue;
    std::vector<std::string> cells;
    std::istringstream row(line.substr(1));
    for (std::string cell; std::getline(row, cell, '|');) {
      const auto first = cell.find_first_not_of(' ');
      const auto last = cell.find_last_not_of(' ');
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, last + 1 - first));
    }
    return cells;
  }
  return {};
}

/// The keys that the reader of files names when it meets one that it does not know.
std::vector<std::string> keys_taken(const std::string& text) {
  try {
    (void)parse_workflow("f.yaml", text);
  } catch (const workflow_error& wrong) {
    const std::string said = wrong.what();
    const std::string start = "it takes: ";
    const auto begin = said.find(start);
    if (begin == std::string::npos) return {};
    const auto end = said.find(" [unknown-key]", begin);
    std::vector<std::string> keys;
    std::istringstream list(said.substr(begin + start.size(), end - begin - start.size()));
    for (std::string key; std::getline(list, key, ',');) {
      keys.push_back(key.substr(key.find_first_not_of(' ')));
    }
    return keys;
  }
  return {};
}

class documented_keys : public ::testing::TestWithParam<std::string> {};

TEST_P(documented_keys, are_all_that_the_reader_takes) {
  const auto text = "troupe: 1\n" + GetParam() + '\n';
  const auto keys = keys_taken(text);
  const auto file = reference("workflow-file.md");
  EXPECT_THAT(keys, Not(IsEmpty())) << text;
  for (const auto& key : keys)
    EXPECT_TRUE(file.mentions('`' + key + '`') || file.mentions('`' + key + ':')) << key;
}

std::string with_policy(const std::string& name) {
  return "flow: { step: s, uses: value, with: { value: 1 }, policies: [{ " + name
         + ": { qqqqqqqqqqqqqq: 1 } }] }";
}

INSTANTIATE_TEST_SUITE_P(
    all, documented_keys,
    ::testing::Values(
        "qqqqqqqqqqqqqq: 1", "limits: { qqqqqqqqqqqqqq: 1 }",
        "prices: { m: { qqqqqqqqqqqqqq: 1 } }", "breakers: { b: { qqqqqqqqqqqqqq: 1 } }",
        "caches: { c: { qqqqqqqqqqqqqq: 1 } }", "steps: { s: { uses: value, qqqqqqqqqqqqqq: 1 } }",
        "flow: { qqqqqqqqqqqqqq: 1 }", "flow: { step: s, qqqqqqqqqqqqqq: 1 }",
        "flow: { parallel: [], qqqqqqqqqqqqqq: 1 }", "flow: { race: [], qqqqqqqqqqqqqq: 1 }",
        "flow: { map: [], qqqqqqqqqqqqqq: 1 }", "flow: { branch: '1', qqqqqqqqqqqqqq: 1 }",
        "flow: { loop: [], qqqqqqqqqqqqqq: 1 }", "flow: { pause: { qqqqqqqqqqqqqq: 1 } }",
        "flow: { pipeline: p, qqqqqqqqqqqqqq: 1 }", with_policy("retry"), with_policy("timeout"),
        with_policy("breaker"), with_policy("cache"), with_policy("hedge"), with_policy("bulkhead"),
        with_policy("rate_limit"), with_policy("place")));

TEST(documented_defaults, are_those_of_the_policies) {
  const auto file = reference("workflow-file.md");
  const auto expect = [&](const std::string& policy, const std::string& option,
                          const std::string& content) {
    const auto cells = row_of(file, policy, option);
    ASSERT_GE(cells.size(), 4U) << policy << ' ' << option;
    EXPECT_EQ(cells[2].substr(0, cells[2].find(" (")), content) << policy << ' ' << option;
  };
  const retry again;
  expect("retry", "max_retries", std::to_string(again.max_retries));
  expect("retry", "initial_delay", to_string(again.initial_delay));
  expect("retry", "max_delay", to_string(again.max_delay));
  expect("retry", "multiplier", write_json(again.multiplier).substr(0, 1));
  expect("retry", "budget", write_json(again.budget).substr(0, 1));
  EXPECT_EQ(again.backoff, backoff_strategy::exponential);
  EXPECT_EQ(again.jitter, jitter_mode::none);
  const breaker guard;
  expect("breaker", "failure_threshold", std::to_string(guard.failure_threshold));
  expect("breaker", "success_threshold", std::to_string(guard.success_threshold));
  EXPECT_EQ(guard.wait, std::chrono::seconds(60));
  EXPECT_EQ(guard.max_wait, std::chrono::minutes(10));
  expect("breaker", "wait", "60s");
  expect("breaker", "max_wait", "10m");
  expect("breaker", "window", std::to_string(guard.window));
  expect("breaker", "minimum_calls",
         std::to_string(guard.minimum_calls) + ", or a smaller `window`");
  const cache memory;
  EXPECT_EQ(memory.max_size, 10'000U);
  expect("cache", "max_size", "10,000");
  EXPECT_EQ(memory.max_bytes, 268'435'456U);
  expect("cache", "max_bytes", "268,435,456");
  expect("cache", "store_fallbacks", memory.store_fallbacks ? "true" : "false");
  expect("hedge", "max_hedges", std::to_string(hedge().max_hedges));
  expect("bulkhead", "max_in_flight", std::to_string(bulkhead().max_in_flight));
  expect("bulkhead", "max_queue", std::to_string(bulkhead().max_queue));
  expect("rate_limit", "burst", std::to_string(rate_limit().burst));
  expect("rate_limit", "max_wait", to_string(rate_limit().max_wait));
}

TEST(documented_step_types, are_all_there_with_their_fields) {
  const auto file = reference("step-types.md");
  const step_registry registry;
  for (const auto& name : registry.types()) {
    for (const auto& field : registry.find(name)->fields) {
      const auto cells = row_of(file, name, field.name);
      ASSERT_GE(cells.size(), 4U) << name << ' ' << field.name;
      EXPECT_EQ(cells[2] == "required", field.required) << name << ' ' << field.name;
    }
    EXPECT_TRUE(file.mentions("[`" + name + "`]")) << name;
  }
}

TEST(documented_expressions, use_every_function) {
  std::string shown;
  for (const auto& block : reference("expressions.md").blocks) {
    if (block.language == "cel") shown += block.text();
  }
  for (const bool has_receiver : {false, true}) {
    for (const auto name : detail::function_names(has_receiver)) {
      EXPECT_THAT(shown, HasSubstr((has_receiver ? "." : "") + std::string(name) + '('));
    }
  }
}

TEST(documented_command, has_every_option_of_every_command) {
  static const std::regex option("--[a-z][a-z-]*");
  const shell home;
  const auto file = reference("command.md");
  for (const std::string command : {"run", "validate", "graph", "types", "completion"}) {
    const auto help = home.run("troupe " + command + " --help");
    ASSERT_EQ(help.status, 0) << command;
    for (std::sregex_iterator at(help.out.begin(), help.out.end(), option), end; at != end; ++at) {
      EXPECT_TRUE(file.mentions(at->str())) << command << ' ' << at->str();
    }
    EXPECT_TRUE(file.mentions("`troupe " + command)) << command;
  }
}

TEST(documented_command, names_every_kind_of_failure) {
  const auto file = reference("command.md");
  for (auto kind = failure_kind::transient; kind < failure_kind::paused;
       kind = static_cast<failure_kind>(static_cast<int>(kind) + 1)) {
    const auto cells = row_of(file, "Kinds of failure", std::string(to_string(kind)));
    ASSERT_EQ(cells.size(), 3U) << to_string(kind);
    EXPECT_EQ(cells[2] == "yes", is_retryable({.kind = kind})) << to_string(kind);
  }
}

void look_for_keys(const page& file, const std::string& heading, const value& map) {
  for (const auto& [key, content] : *map.if_map()) {
    EXPECT_TRUE(file.mentions('`' + key + '`')) << heading << ": " << key;
  }
}

TEST(documented_result, has_every_field) {
  const shell home;
  const auto folder = home.folder() / "examples/workflows";
  const auto file = reference("command.md");
  for (const std::string name :
       {"fallback", "cache", "hedge", "saga", "loop", "branch", "approval"}) {
    const auto reply = home.run("troupe run " + name + ".yaml --virtual-time --json --state "
                                    + (home.folder() / "state").string(),
                                folder);
    const auto result = parse_json(reply.out);
    ASSERT_TRUE(result) << reply.out << reply.err;
    look_for_keys(file, name, *result);
    look_for_keys(file, name, result->at("metrics"));
    for (const auto& entry : *result->at("step_history").if_list()) {
      look_for_keys(file, name, entry);
      look_for_keys(file, name, entry.at("metadata"));
    }
  }
  const auto many =
      home.run("printf '1\\n' | troupe run hello.yaml --inputs - --json | tail -1", folder);
  look_for_keys(file, "totals", parse_json(many.out)->at("totals"));
}

} // namespace
