#include "page.hpp"
#include "services.hpp"
#include "shell.hpp"

#include <troupe/protocol/json.hpp>

#include <chat_server.hpp>
#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace {

using namespace troupe;
using namespace troupe::testing;
namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const fs::path folder = fs::path(TROUPE_SOURCE_DIR) / "examples/workflows";

/// The commands that the first lines of a file give, lines that go on joined.
std::vector<std::string> commands_of(const std::string& file) {
  std::vector<std::string> commands;
  bool goes_on = false;
  for (const auto& line : lines_of(read_text(folder / file))) {
    if (!line.starts_with('#')) break;
    const auto is_command = line.starts_with("#   ");
    if (goes_on) commands.back() += line.substr(1);
    else if (is_command) commands.push_back(line.substr(4));
    goes_on = is_command && line.ends_with('\\');
    if (goes_on) commands.back().pop_back();
  }
  return commands;
}

/// What one command of a file has to do.
struct outcome_of_command {
  std::string output; ///< all of standard output
  int status = 0;
  std::string complaint{}; ///< part of standard error
};

struct example {
  std::string file;
  std::vector<outcome_of_command> outcomes; ///< one for each command of the file
};

// What a test of its own runs.
const std::vector<std::string> special{"http.yaml", "reliability_stack.yaml", "testing.yaml"};

const std::vector<example> plain_examples{
    {"approval.yaml", {{"", 4, "Pay 1212 EUR for A-17?"}, {"paid A-17\n", 0, "completed"}}},
    {"branch.yaml", {{"We look into it: When do you open?\n"}, {"25 EUR paid back\n"}}},
    {"breaker.yaml",
     {{R"({"afterwards":[9.9,9.9],)"
       R"("in_the_outage":["unknown","unknown","unknown","unknown","unknown"]})"
       "\n",
       0, "circuit breaker closed -> open"}}},
    {"cache.yaml",
     {{R"(["an answer to: What are your opening hours?",)"
       R"("an answer to: What are your opening hours?",)"
       R"("an answer to: WHERE IS MY PARCEL?","an answer to: WHERE IS MY PARCEL?"])"
       "\n",
       0, "0.04 USD · 300 tokens · cache hit"}}},
    {"contexts.yaml",
     {{R"({"archive_is_intact":true,"letters":8,)"
       R"("seen_by_the_branch":{"tenant":"globex","topic":"lighting"},)"
       R"("tenant":"globex","topic":"lighting"})"
       "\n"}}},
    {"exec.yaml", {{"3 TIMES THE: 42 BYTES\n", 0, "4 attempts · 1 retry"}}},
    {"expressions.yaml",
     {{R"({"any_free":false,"attempt":1,"choice":"many","cleaned":"ADA LOVELACE",)"
       R"("formatted":"Ada Lovelace owes 16.50","ids":"a+b","large":[{"cents":1250,"id":"a"}],)"
       R"("later":"2024-03-02T21:30:00Z","literal":"${{ is written with two dollars",)"
       R"("missing":"none","number":42,"tenant":"acme","text":"42 is the answer","total":1650,)"
       R"("words":["Ada","Lovelace"],"year":2024})"
       "\n"}}},
    {"fallback.yaml",
     {{R"({"fallback":true,"query":"Where is my parcel?",)"
       R"("response":"Please try again in a few minutes."})"
       "\n",
       0, "fallback used"}}},
    {"hedge.yaml", {{"the fast answer\n", 0, "completed in 400 ms"}}},
    {"hello.yaml",
     {{R"({"letters":13,"text":"Hello, world!"})"
       "\n"},
      {R"({"letters":14,"text":"Hello, reader!"})"
       "\n"}}},
    {"loop.yaml",
     {{R"({"draft":"troupe runs workflows!!!","score":6})"
       "\n"}}},
    {"map_over.yaml",
     {{R"({"failed":1,"invoices":[{"id":"A-1","total":7.0},{"id":"A-3","total":5.0}]})"
       "\n"}}},
    {"parallel_merge.yaml",
     {{R"({"context":{"currency":"EUR","in_stock":true,"sellers":3},"prices":[40,42]})"
       "\n",
       0, "completed in 300 ms"}}},
    {"pipelines.yaml",
     {{R"(["<good morning>","<guten morgen>"])"
       "\n"}}},
    {"race.yaml", {{"from Oslo\n", 0, "completed in 300 ms"}}},
    {"rate_limit_and_bulkhead.yaml",
     {{R"(["answer 1","answer 2","answer 3","answer 4","answer 5","answer 6"])"
       "\n",
       0, "completed in 2.4 s"}}},
    {"retry_and_timeout.yaml",
     {{R"({"answer":42})"
       "\n",
       0, "completed in 5.1 s · 3 attempts · 2 retries"}}},
    {"saga.yaml", {{"", 1, "charge_card failed at step 3 of 3"}}},
    {"usage_limit.yaml", {{"", 1, "cost 0.06 USD exceeds the limit of 0.05 USD"}}},
};

std::vector<std::string> files_of_examples() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().filename().string());
  }
  return names;
}

class example_files : public ::testing::TestWithParam<example> {};

TEST_P(example_files, do_what_their_first_lines_say) {
  const auto& about = GetParam();
  const auto commands = commands_of(about.file);
  ASSERT_THAT(commands, SizeIs(about.outcomes.size()));
  // A copy, because some of them write files.
  const shell home;
  const auto copy = home.folder() / "workflows";
  fs::copy(folder, copy);
  for (std::size_t at = 0; at < commands.size(); ++at) {
    const auto reply = home.run(commands[at], copy);
    EXPECT_EQ(reply.status, about.outcomes[at].status) << commands[at] << '\n' << reply.err;
    EXPECT_EQ(reply.out, about.outcomes[at].output) << commands[at];
    EXPECT_THAT(reply.err, HasSubstr(about.outcomes[at].complaint)) << commands[at];
  }
}

INSTANTIATE_TEST_SUITE_P(all, example_files, ::testing::ValuesIn(plain_examples),
                         [](const auto& about) {
                           return about.param.file.substr(0, about.param.file.find('.'));
                         });

TEST(example_file_list, holds_every_file) {
  auto tested = special;
  for (const auto& each : plain_examples) tested.push_back(each.file);
  EXPECT_THAT(files_of_examples(), ::testing::UnorderedElementsAreArray(tested));
}

TEST(example_file_list, is_on_the_page_about_the_examples) {
  const auto contents = read_page(folder / "README.md");
  for (const auto& name : files_of_examples()) {
    EXPECT_THAT(links_of(contents), Contains(name));
  }
}

TEST(example_file_list, has_short_files_that_open_with_what_they_show) {
  for (const auto& name : files_of_examples()) {
    const auto lines = lines_of(read_text(folder / name));
    EXPECT_LE(lines.size(), 60U) << name;
    EXPECT_TRUE(lines.at(0).starts_with("# ") && lines.at(1).starts_with("# ")) << name;
    EXPECT_THAT(commands_of(name), ::testing::Not(IsEmpty())) << name;
    for (const auto& command : commands_of(name)) EXPECT_THAT(command, HasSubstr(name));
  }
}

TEST(example_of_a_saga, undoes_the_hotel_and_the_flight) {
  const shell home;
  const auto reply = home.run("troupe run saga.yaml --json", folder);
  ASSERT_EQ(reply.status, 1);
  const auto history = parse_json(reply.out)->at("step_history");
  const auto undone = [&](std::size_t at) {
    return history.at(at).at("metadata").at("compensation").at("output");
  };
  EXPECT_EQ(undone(0), value("no flight for Ada"));
  EXPECT_EQ(undone(1), value("no hotel in Oslo"));
  EXPECT_TRUE(undone(2).is_null());
}

TEST(example_of_a_breaker, calls_the_service_only_while_it_is_closed) {
  const shell home;
  const auto reply = home.run("troupe run breaker.yaml --virtual-time --json", folder);
  const auto result = parse_json(reply.out);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at("scripts").at("price").at("calls"), value(5)) << "three, and two after it";
  EXPECT_EQ(result->at("metrics").at("circuit_breaker_state"), value("closed"));
}

TEST(example_of_a_test, tells_how_often_each_service_was_called) {
  const shell home;
  const auto commands = commands_of("testing.yaml");
  ASSERT_THAT(commands, SizeIs(1));
  const auto reply = home.run(commands[0], folder);
  ASSERT_EQ(reply.status, 0) << reply.err;
  const auto result = parse_json(reply.out);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at("latency_ms"), value(4080.0));
  EXPECT_EQ(result->at("final_context"), value::map({{"warehouse", "north"}}));
  EXPECT_EQ(result->at("scripts").at("stock").at("calls"), value(2));
  EXPECT_EQ(result->at("scripts").at("mail").at("inputs"),
            value::list({value::map({{"in_stock", true}})}));
  EXPECT_EQ(result->at("total_tokens"), value(40));
}

TEST(example_of_http, tries_again_when_the_service_is_busy) {
  const chat_and_shop services;
  const shell home(services.environment());
  const auto commands = commands_of("http.yaml");
  ASSERT_THAT(commands, SizeIs(1));
  // The address of the file is an example; here it is that of the test's server.
  const auto command = commands[0].substr(commands[0].find("troupe"));
  const auto reply = home.run(command, folder);
  EXPECT_EQ(reply.status, 0) << reply.err;
  EXPECT_EQ(reply.out, "lamp: 40 EUR (200)\n");
  const auto asked = services.received();
  ASSERT_THAT(asked, SizeIs(2)) << "the first answer is 503";
  EXPECT_EQ(asked[1].path, "/products/7");
  EXPECT_EQ(asked[1].header("accept"), "application/json");
}

TEST(example_of_the_reliability_stack, answers_every_query_of_an_unreliable_service) {
  const examples::chat_server server(
      {.outage_begins = 10, .outage_time = std::chrono::milliseconds(2500)});
  const shell home({{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", std::nullopt}});
  const auto reply =
      home.run("head -60 ../data/queries.jsonl | troupe run reliability_stack.yaml --inputs - "
               "--concurrency 16 --json",
               folder);
  ASSERT_EQ(reply.status, 0) << reply.err;
  auto lines = lines_of(reply.out);
  ASSERT_THAT(lines, SizeIs(61));
  const auto totals = parse_json(lines.back())->at("totals");
  lines.pop_back();
  EXPECT_EQ(totals.at("runs"), value(60));
  EXPECT_EQ(totals.at("succeeded"), value(60));
  EXPECT_GT(totals.at("cache_hit_rate").to_double(), 0.1) << "some queries come again";
  EXPECT_GT(totals.at("fallback_rate").to_double(), 0) << "during the outage";
  EXPECT_GT(totals.at("cost_usd").to_double(), 0);
  for (const auto& line : lines) {
    const auto output = parse_json(line)->at("output");
    EXPECT_TRUE(output.at("response").is_text()) << line;
  }
}

TEST(example_of_the_reliability_stack, takes_one_question_in_many_spellings_for_one) {
  const examples::chat_server server(
      {.rate_limited = 0, .bursts = 0, .hangs = 0, .latency_scale = 0});
  const shell home({{"OPENAI_BASE_URL", server.base_url()}, {"OPENAI_API_KEY", std::nullopt}});
  home.write("spellings.jsonl", "{\"query\": \"Where is my parcel?\"}\n"
                                "{\"query\": \"  where is MY parcel\"}\n"
                                "{\"query\": \"Where, is my parcel!?\"}\n"
                                "{\"query\": \"Where is your parcel?\"}\n");
  const auto reply = home.run("troupe run reliability_stack.yaml --quiet --inputs "
                                  + (home.folder() / "spellings.jsonl").string(),
                              folder);
  EXPECT_EQ(reply.status, 0) << reply.err;
  EXPECT_EQ(server.stats().requests, 2U);
}

} // namespace
