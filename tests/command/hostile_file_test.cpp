#include "command_fixture.hpp"

#include <functional>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string repeated(const std::string& part, std::size_t times) {
  std::string all;
  all.reserve(part.size() * times);
  for (std::size_t made = 0; made < times; ++made) all += part;
  return all;
}

// Each level holds ten times the one before.
std::string alias_bomb() {
  std::string text = "troupe: 1\na: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name < 'j'; ++name) {
    const std::string before{'*', static_cast<char>(name - 1), ','};
    text += std::string{name} + ": &" + name + " [" + repeated(before, 10) + "]\n";
  }
  return text + "flow: []\n";
}

std::string with_value(const std::string& content) {
  return "troupe: 1\nflow: {step: s, uses: value, with: {value: " + content + "}}\n";
}

struct hostile_file {
  std::string name;
  std::function<std::string()> text;
  std::string complaint; ///< after the name of the file
  friend void PrintTo(const hostile_file& file, std::ostream* out) { *out << file.name; }
};

class HostileFiles : public CommandTest, public ::testing::WithParamInterface<hostile_file> {};

TEST_P(HostileFiles, EndWithAPointedMessage) {
  write("w.yaml", GetParam().text());

  for (const auto* verb : {"run", "validate"}) {
    const auto result = troupe({verb, "w.yaml"});

    EXPECT_EQ(result.status, 2) << verb;
    EXPECT_THAT(result.out, IsEmpty()) << verb;
    EXPECT_THAT(result.err, HasSubstr("w.yaml:" + GetParam().complaint)) << verb;
  }
}

const std::vector<hostile_file> files{
    {"Empty", [] { return ""; }, "1:1: error: the file is empty"},
    {"OfHundredMegabytes", [] { return std::string(100u << 20, 'a'); }, "1:1: error: the file has"},
    {"DeepLists", [] { return repeated("[", 100'000); }, "1:1: error: "},
    {"DeepMaps", [] { return repeated("{a: ", 100'000); }, "1:1: error: "},
    {"AliasBomb", alias_bomb, "2:"},
    {"AliasOfItself", [] { return "troupe: 1\nflow: &a [*a]\n"; }, "2:"},
    {"InvalidUtf8", [] { return "troupe: 1\nname: \"\xff\"\n"; }, "2:8: error: the byte 0xff"},
    {"NulByte", [] { return std::string("troupe: 1\0\n", 11); }, "1:10: error: "},
    {"TwoDocuments", [] { return "troupe: 1\nflow: []\n---\na: 1\n"; },
     "3:1: error: a second document"},
    {"Tabs", [] { return "troupe: 1\nflow:\n\tstep: a\n"; }, "3:1: error: tabs cannot indent"},
    {"DuplicateKeys", [] { return "troupe: 1\ntroupe: 1\nflow: []\n"; }, "2:1: error: the key"},
    {"DeepExpression",
     [] {
       return with_value("\"${{ " + repeated("(", 5'000) + "1" + repeated(")", 5'000) + " }}\"");
     },
     "2:"},
    {"BadDuration", [] { return "troupe: 1\nflow: {step: s, uses: sleep, with: {for: 1d}}\n"; },
     "2:42: error: `for`"},
    {"Cycle",
     [] {
       return "troupe: 1\nsteps: {a: {uses: value, with: {value: 1}, policies: [fallback: [a]]}}\n"
              "flow: a\n";
     },
     "2:66: error: InfiniteFallbackError: a → a"},
};

INSTANTIATE_TEST_SUITE_P(Files, HostileFiles, ::testing::ValuesIn(files),
                         [](const auto& file) { return file.param.name; });

TEST_F(CommandTest, EndsAnExpressionThatCostsTooMuch) {
  auto bomb = std::string("1");
  for (const auto* name : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    bomb = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(" + std::string(name) + ", " + bomb + ")";
  }
  write("w.yaml", with_value("\"${{ " + bomb + " }}\""));

  const auto result = troupe({"run", "w.yaml", "--json"});

  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(json_of(result.out).at("failure").at("kind"), value("permanent"));
  EXPECT_THAT(*json_of(result.out).at("failure").at("message").if_text(), StartsWith("expression"));
}

} // namespace
} // namespace troupe::testing
